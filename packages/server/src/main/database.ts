/**
 * Opens the configured database at start: waits for one that is not there yet, brings the schema up to date.
 * @module
 */
import { join } from 'node:path'
import { backoffMs, sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { DatabaseUrls } from '../config/database-url.ts'
import type { Config } from '../config/load.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { findOlderSchema } from '../storage/schema-check.ts'
import { prepareEventPartitions } from '../storage/runs/run-events.ts'
import { prepareSpanPartitions } from '../storage/traces/spans.ts'
import type { Log } from '../telemetry/log.ts'

type Deps = {
  readonly dataDirectory: string
  readonly clock: Clock
  readonly log: Log
  readonly ids: Ids
  /** Told of secrets that were not among the settings. */
  readonly learnSecret: (secret: string) => void
}

const RETRY = { baseMs: 200, maxMs: 5000 }
const CONNECT_TIMEOUT_MS = 5000

/** Resolves once `find` finds nothing any more; fails as it does. */
export type AwaitSchema = (find: () => Promise<AgentOSError | undefined>) => Promise<void>

/**
 * @param awaitSchema waits until somebody else has brought the schema up to date, where this process may not; without it,
 *   an older schema is a failure
 * @throws {AgentOSError} what the last try said, when the database did not come within AGENTOS_DB_START_TIMEOUT_MS;
 *   SCHEMA_OLDER, SCHEMA_NEWER, SCHEMA_CHANGED
 */
export function openStorage(config: Config, deps: Deps, awaitSchema?: AwaitSchema): Promise<Database> {
  return openPatiently(config, deps, () => openOnce(config, deps, awaitSchema))
}

/**
 * Tries to open a database for as long as it may still come.
 * @throws {AgentOSError} what the last try said, when the database did not come within AGENTOS_DB_START_TIMEOUT_MS
 */
export async function openPatiently(
  config: Config,
  deps: Pick<Deps, 'clock' | 'log' | 'ids'>,
  open: () => Promise<Database>,
): Promise<Database> {
  const deadline = deps.clock.monotonic() + config.settings.AGENTOS_DB_START_TIMEOUT_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await open()
    } catch (error) {
      const waitMs = backoffMs(RETRY, attempt, randomFraction(deps.ids))
      if (!mayPass(error) || deps.clock.monotonic() + waitMs > deadline) throw error
      deps.log.warn('the database is not there yet, trying again', { reason: error.message, wait_ms: waitMs })
      await sleep(waitMs)
    }
  }
}

/** A database that still starts, and a password that is still being rotated, get better by waiting; nothing else does. */
export function mayPass(error: unknown): error is AgentOSError {
  const passing = ['DATABASE_UNREACHABLE', 'DATABASE_UNAVAILABLE', 'DATABASE_AUTH']
  return error instanceof AgentOSError && passing.includes(error.code)
}

/** Opens the database as the settings say, with a schema of this release and room for today's events and spans. */
async function openOnce(config: Config, deps: Deps, awaitSchema: AwaitSchema | undefined): Promise<Database> {
  const database = await openDatabase(databaseOptions(config, deps.dataDirectory, deps.learnSecret), withLog(deps))
  try {
    if (config.settings.AGENTOS_MIGRATIONS === 'apply') {
      const { applied } = await migrate(database)
      if (applied.length > 0) deps.log.info('schema brought up to date', { migrations: applied })
    } else {
      await verifySchema(database, () => findOlderSchema(database.maintenance), awaitSchema)
    }
    await prepareEventPartitions(database.maintenance)
    await prepareSpanPartitions(database.maintenance)
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

/** @throws {AgentOSError} what `find` finds, where waiting is of no use */
export async function verifySchema(
  { engine }: Pick<Database, 'engine'>,
  find: () => Promise<AgentOSError | undefined>,
  awaitSchema: AwaitSchema | undefined,
): Promise<void> {
  // Nobody else can open an embedded database to change it.
  if (engine === 'postgres' && awaitSchema !== undefined) return awaitSchema(find)
  const older = await find()
  if (older !== undefined) throw older
}

/**
 * The database that the settings name.
 * @param onSecret told each password that is read from a file
 */
export function databaseOptions(
  { settings, database }: Config,
  dataDirectory: string,
  onSecret: (secret: string) => void,
): DatabaseOptions {
  if (database === undefined) return { kind: 'embedded', directory: join(dataDirectory, 'database') }
  return postgresOptions(settings, database, onSecret)
}

export function postgresOptions(
  settings: Config['settings'],
  { url, directUrl, passwordFile }: DatabaseUrls,
  onSecret: (secret: string) => void,
): DatabaseOptions {
  return {
    kind: 'postgres',
    url,
    // Two addresses mean that the first goes through a pooler.
    ...(directUrl === url ? {} : { directUrl }),
    poolSize: settings.AGENTOS_DB_POOL_SIZE,
    backgroundPoolSize: settings.AGENTOS_DB_BACKGROUND_POOL_SIZE,
    statementTimeoutMs: settings.AGENTOS_DB_STATEMENT_TIMEOUT_MS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    applicationName: settings.AGENTOS_ID,
    ...(passwordFile === undefined ? {} : { passwordFile, onSecret }),
  }
}

export function withLog({ clock, log }: Pick<Deps, 'clock' | 'log'>) {
  return {
    clock,
    log: (level: 'info' | 'warn' | 'error', message: string, fields: Readonly<Record<string, string | number>>) =>
      log[level](message, fields),
  }
}
