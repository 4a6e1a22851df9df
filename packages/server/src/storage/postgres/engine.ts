/**
 * The PostgreSQL engine: two pools, so that background work cannot starve requests, and one connection without a
 * statement timeout for migrations and pings.
 * @module
 */
import { Kysely, PostgresDialect } from 'kysely'
import { AgentOSError } from '../../base/errors.ts'
import type { Database, DatabaseLog, PostgresOptions } from '../engine.ts'
import { codeOf, reasonOf } from '../failure.ts'
import type { Tables } from '../tables.ts'
import { parseConnectionUrl, type ConnectionTarget } from './connection-url.ts'
import { createPool, type Pool, type PoolSettings } from './pool.ts'

const NO_TLS_ON_SERVER = /does not support SSL/

/**
 * Connects once to prove that the address and the password are right.
 * @throws {AgentOSError} DATABASE_UNREACHABLE, DATABASE_AUTH, CONFIG_INVALID
 */
export async function openPostgres(options: PostgresOptions, log: DatabaseLog): Promise<Database> {
  const target = parseConnectionUrl(options.url)
  try {
    return await openTarget(options, target, log)
  } catch (error) {
    if (!target.sslOptional || !NO_TLS_ON_SERVER.test(reasonOf(error))) throw error
    return openTarget(options, { ...target, ssl: false }, log)
  }
}

async function openTarget(options: PostgresOptions, target: ConnectionTarget, log: DatabaseLog): Promise<Database> {
  const settings: PoolSettings = {
    target,
    passwordFile: options.passwordFile,
    size: options.poolSize,
    statementTimeoutMs: options.statementTimeoutMs,
    connectTimeoutMs: options.connectTimeoutMs,
    applicationName: options.applicationName,
    onIdleError: (reason) => log('warn', 'A database connection broke', { reason }),
  }
  const maintenancePool = createPool({ ...settings, size: 1, statementTimeoutMs: 0 })
  try {
    await maintenancePool.ask('select 1', options.connectTimeoutMs)
  } catch (error) {
    await maintenancePool.end()
    throw openingFailure(error, target)
  }
  const db = createKysely(createPool(settings))
  const background = createKysely(createPool({ ...settings, size: options.backgroundPoolSize }))
  const maintenance = createKysely(maintenancePool)
  let closing: Promise<void> | undefined
  // pg ends the pool whether or not Kysely has used it; Kysely's own destroy does not.
  const close = () => (closing ??= endAll([db.pool, background.pool, maintenancePool]))
  return {
    engine: 'postgres',
    db: db.kysely,
    background: background.kysely,
    maintenance: maintenance.kysely,
    ping: (timeoutMs) => maintenancePool.ask('select 1', timeoutMs),
    close,
    [Symbol.asyncDispose]: close,
  }
}

type OpenPool = { readonly kysely: Kysely<Tables>; readonly pool: Pool }

function createKysely(pool: Pool): OpenPool {
  return { kysely: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }), pool }
}

async function endAll(pools: readonly Pool[]): Promise<void> {
  await Promise.all(pools.map((pool) => pool.end()))
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
