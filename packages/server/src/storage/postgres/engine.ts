/**
 * The PostgreSQL engine: two pools, so that background work cannot starve requests, one connection without a statement
 * timeout for migrations and pings, and one for notifications. Behind a transaction pooler the last two pass it by, and
 * pings go through it.
 * @module
 */
import { Kysely, PostgresDialect } from 'kysely'
import { AgentOSError } from '../../base/errors.ts'
import type { Database, DatabaseLog, PostgresOptions } from '../engine.ts'
import { codeOf, reasonOf } from '../failure.ts'
import type { Tables } from '../tables.ts'
import { parseConnectionUrl, type ConnectionTarget } from './connection-url.ts'
import { createListener, type Listener } from './listener.ts'
import { createPool, type Pool, type PoolSettings } from './pool.ts'

const NO_TLS_ON_SERVER = /does not support SSL/
/** PgBouncer's words about what a connection may not bring. */
const REFUSES_SETTINGS = /unsupported startup parameter/

/**
 * Connects once to each address, to prove that it and the password are right.
 * @throws {AgentOSError} DATABASE_UNREACHABLE, DATABASE_AUTH, CONFIG_INVALID
 */
export async function openPostgres(options: PostgresOptions, log: DatabaseLog): Promise<Database> {
  const { url, directUrl } = options
  await using opening = new AsyncDisposableStack()
  const way = await reachServer(url, { ...options, log, isPooled: directUrl !== undefined })
  opening.defer(() => way.pool.end())
  const direct = directUrl === undefined ? way : await reachServer(directUrl, { ...options, log, isPooled: false })
  if (direct !== way) opening.defer(() => direct.pool.end())

  const namesStatements = directUrl === undefined || (await way.pool.poolerKnowsNames())
  const settings = { ...way.settings, namesStatements, statementTimeoutMs: options.statementTimeoutMs }
  const requests = createPool({ ...settings, size: options.poolSize })
  opening.defer(() => requests.end())
  await checkStartup(requests, way.settings.target, options.connectTimeoutMs)
  opening.move()
  const background = createPool({ ...settings, size: options.backgroundPoolSize })
  const listener = createListener(direct.settings, log)
  const pools = new Set([requests, background, way.pool, direct.pool])
  let closing: Promise<void> | undefined
  const close = () => (closing ??= endAll(pools, listener))
  return {
    engine: 'postgres',
    db: createKysely(requests),
    background: createKysely(background),
    maintenance: createKysely(direct.pool),
    aside: (work) => workAside(direct.settings, work),
    notifications: listener,
    pools: () => [
      { name: 'requests', ...requests.state() },
      { name: 'background', ...background.state() },
    ],
    ping: (timeoutMs) => way.pool.ask('select 1', timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** @throws {AgentOSError} CONFIG_INVALID when a pooler stands in between that nobody told us of */
async function checkStartup(pool: Pool, { host, port }: ConnectionTarget, timeoutMs: number): Promise<void> {
  try {
    await pool.ask('select 1', timeoutMs)
  } catch (error) {
    const cause = error instanceof AgentOSError ? error.cause : error
    if (!REFUSES_SETTINGS.test(reasonOf(cause))) throw error
    throw new AgentOSError(
      'CONFIG_INVALID',
      `POSTGRES_URL goes through a pooler at ${host}:${port}: set POSTGRES_RAW_URL to the address of PostgreSQL itself.`,
      { cause },
    )
  }
}

async function workAside<T>(settings: PoolSettings, work: (db: Kysely<Tables>) => Promise<T>): Promise<T> {
  const pool = createPool({ ...settings, size: 1 })
  try {
    return await work(createKysely(pool))
  } finally {
    await pool.end()
  }
}

async function endAll(pools: Iterable<Pool>, listener: Listener): Promise<void> {
  // pg ends a pool whether or not Kysely has used it; Kysely's own destroy does not.
  await Promise.all([listener.close(), ...Array.from(pools, (pool) => pool.end())])
}

function createKysely(pool: Pool): Kysely<Tables> {
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
}

/** One connection that answered, and what others to the same address are made with. */
type Way = { readonly settings: PoolSettings; readonly pool: Pool }

type Reach = Pick<PostgresOptions, 'passwordFile' | 'onSecret' | 'connectTimeoutMs' | 'applicationName'> & {
  readonly isPooled: boolean
  readonly log: DatabaseLog
}

async function reachServer(url: string, reach: Reach): Promise<Way> {
  const target = parseConnectionUrl(url)
  try {
    return await reachTarget(target, reach)
  } catch (error) {
    if (!target.sslOptional || !NO_TLS_ON_SERVER.test(reasonOf(error))) throw error
    return reachTarget({ ...target, ssl: false }, reach)
  }
}

async function reachTarget(target: ConnectionTarget, { log, ...reach }: Reach): Promise<Way> {
  const settings: PoolSettings = {
    target,
    passwordFile: reach.passwordFile,
    onSecret: reach.onSecret,
    size: 1,
    statementTimeoutMs: 0,
    connectTimeoutMs: reach.connectTimeoutMs,
    applicationName: reach.applicationName,
    isPooled: reach.isPooled,
    namesStatements: false,
    onIdleError: (reason) => log('warn', 'A database connection broke', { reason }),
  }
  const pool = createPool(settings)
  try {
    await pool.ask('select 1', reach.connectTimeoutMs)
  } catch (error) {
    await pool.end()
    throw openingFailure(error, target)
  }
  return { settings, pool }
}

function openingFailure(error: unknown, target: ConnectionTarget): AgentOSError {
  if (error instanceof AgentOSError && error.code === 'DATABASE_AUTH') return error
  const cause = error instanceof AgentOSError && error.cause !== undefined ? error.cause : error
  const where = `${target.host}:${target.port}/${target.database} as ${target.user}`
  // pg itself refuses to answer SCRAM without a password, and gives that no code.
  const isAuth = codeOf(cause).startsWith('28') || reasonOf(cause).startsWith('SASL')
  return isAuth
    ? new AgentOSError('DATABASE_AUTH', `PostgreSQL refused ${where}: ${reasonOf(cause)}`, { cause })
    : new AgentOSError('DATABASE_UNREACHABLE', `Cannot use PostgreSQL at ${where}: ${reasonOf(cause)}`, { cause })
}
