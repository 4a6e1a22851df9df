/**
 * Looks at a deployment as its settings describe it, and changes nothing: settings, ports, collectors, database, storage,
 * queue, replicas.
 * @module
 */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { AgentOSError } from '../../base/errors.ts'
import type { Ids } from '../../base/ids.ts'
import type { Redact } from '../../base/redact.ts'
import type { Config } from '../../config/load.ts'
import { type SettingName, SETTINGS } from '../../config/settings.ts'
import { VERSION } from '../../config/version.ts'
import { databaseOptions } from '../../main/database.ts'
import { openDatabase, type Database } from '../../storage/database.ts'
import { parseConnectionUrl } from '../../storage/postgres/connection-url.ts'
import { listExpiredLeases, queueStats } from '../../storage/runs/queue.ts'
import { ALIVE_MS, listReplicas } from '../../storage/replicas.ts'
import { readDatabaseState } from '../../storage/server-state.ts'
import { reportStorage } from '../../storage/upkeep/storage-report.ts'
import { findProblems } from './problems.ts'
import type { DatabaseReport, DoctorReport, Problem, SettingInForce } from './report.ts'
import { examineCollectors, examinePorts } from './surroundings.ts'

export type Subject = {
  readonly config: Config
  readonly agentsDirectory: string
  readonly workingDirectory: string
}

const DAY_MS = 86_400_000
const PING_TIMEOUT_MS = 5_000

type Deps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly redact: Redact
  readonly learnSecret: (secret: string) => void
}

export async function examine(subject: Subject, deps: Deps): Promise<DoctorReport> {
  const { config, agentsDirectory } = subject
  const [seen, ports, collectors] = await Promise.all([
    examineDatabase(subject, deps),
    examinePorts(config),
    examineCollectors(config, deps),
  ])
  const found: Omit<DoctorReport, 'problems'> = {
    version: VERSION,
    node: process.version,
    agentsDirectory: describeFolder(agentsDirectory),
    settings: describeSettings(config),
    ports,
    collectors,
    ...seen,
  }
  return { ...found, problems: findProblems(found, config.settings) }
}

function describeFolder(path: string): DoctorReport['agentsDirectory'] {
  const found = statSync(path, { throwIfNoEntry: false })
  return { path, exists: found !== undefined, isFolder: found?.isDirectory() ?? false }
}

function describeSettings({ settings }: Config): SettingInForce[] {
  // Object.keys is string[] by its type; SETTINGS has exactly these keys.
  return (Object.keys(SETTINGS) as SettingName[]).map((name) => {
    const { schema, ...about } = SETTINGS[name]
    const fallback = schema.safeParse(undefined)
    const value = settings[name]
    const isDefault = JSON.stringify(value) === JSON.stringify(fallback.success ? fallback.data : undefined)
    return { name, value: 'secret' in about && value !== undefined ? '[redacted]' : value, isDefault }
  })
}

type Seen = Pick<DoctorReport, 'database' | 'storage' | 'queue' | 'replicas' | 'expiredLeases'>

const NOTHING: Omit<Seen, 'database'> = { storage: null, queue: null, replicas: null, expiredLeases: null }

async function examineDatabase(
  { config, workingDirectory }: Subject,
  { clock, redact, learnSecret }: Deps,
): Promise<Seen> {
  const options = databaseOptions(config, resolve(workingDirectory, config.settings.AGENTOS_DATA_DIR), learnSecret)
  const isPooled = options.kind === 'postgres' && options.directUrl !== undefined
  const unseen: DatabaseReport = {
    engine: options.kind,
    address: options.kind === 'postgres' ? addressOf(options.url) : options.directory,
    isPooled,
    failure: null,
    latencyMs: null,
    // Beside the pools: one for migrations and pings, one for notifications.
    connectionsPerReplica: options.kind === 'postgres' ? options.poolSize + options.backgroundPoolSize + 2 : 0,
    state: null,
  }
  if (options.kind === 'embedded' && !existsSync(join(options.directory, 'postgres'))) {
    return { database: unseen, ...NOTHING }
  }
  try {
    await using database = await openDatabase(options, { clock })
    const { latencyMs, state, ...tables } = await examineOpened(database, config, clock)
    return { database: { ...unseen, latencyMs, state }, ...tables }
  } catch (error) {
    return { database: { ...unseen, failure: describeFailure(error, redact) }, ...NOTHING }
  }
}

/** What an open database tells. */
export async function examineOpened(database: Database, config: Config, clock: Clock) {
  const state = await readDatabaseState(database.db)
  const latencyMs = await measureLatency(database, clock)
  const { applied, known, refusal } = state.schema
  const isOurs = refusal === null && applied !== null && applied >= known
  return { latencyMs, state, ...(isOurs ? await examineTables(database, config) : NOTHING) }
}

/** Empty when the URL cannot be read, which opening the database says better. */
function addressOf(url: string): string {
  try {
    const { host, port, database } = parseConnectionUrl(url)
    return `${host}:${port}/${database}`
  } catch (error) {
    if (error instanceof AgentOSError) return ''
    throw error
  }
}

async function measureLatency(database: Database, clock: Clock): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 5; round++) {
    const started = clock.monotonic()
    await database.ping(PING_TIMEOUT_MS)
    times.push(clock.monotonic() - started)
  }
  return times.toSorted((a, b) => a - b)[2] ?? 0
}

async function examineTables({ db }: Database, { settings }: Config): Promise<Omit<Seen, 'database'>> {
  const storage = await reportStorage(db)
  const queue = await queueStats(db)
  const expiredLeases = await listExpiredLeases(db, 2 * settings.AGENTOS_LEASE_MS)
  const replicas = await listReplicas(db, { aliveWithinMs: DAY_MS })
  return {
    storage,
    queue,
    expiredLeases,
    replicas: replicas.map((replica) => ({ ...replica, isAlive: replica.heartbeatAgeMs < ALIVE_MS })),
  }
}

function describeFailure(error: unknown, redact: Redact): Problem {
  if (error instanceof AgentOSError) return { what: redact(error.message), next: error.next, code: error.code }
  const reason = error instanceof Error ? error.message : String(error)
  const what = redact(`The database cannot be read: ${reason}`)
  return { what, next: 'Check the rights of the database user.', code: null }
}
