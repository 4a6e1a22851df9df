/**
 * A pool of PostgreSQL connections as Kysely wants it. Owns what pg leaves open: no error of an idle or a borrowed
 * connection ends the process, a server that stopped answering is given up, errors speak the catalogue's words.
 * @module
 */
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { withDeadline } from '../deadline.ts'
import type { PoolState } from '../engine.ts'
import { breaksConnection, codeOf, reasonOf, translateFailure } from '../failure.ts'
import { parameterText } from '../values.ts'
import { cancelStatement } from './cancel.ts'
import { clientConfig, type ConnectionSettings } from './connection.ts'
import { createPreparedStatements, isNameFailure, type PreparedStatements } from './prepared-statements.ts'

/** The server's own timeout comes first; this one is for a server or a network that says nothing any more. */
const SILENCE_MARGIN_MS = 5_000
const IDLE_MS = 30_000
const INVALID_PASSWORD = '28P01'
const UNNAMED = { retry: false, keepConnection: true }

export type PoolSettings = ConnectionSettings & {
  readonly size: number
  /** Longest time one statement may take, in milliseconds; 0 is no limit. */
  readonly statementTimeoutMs: number
  /**
   * Whether a pooler stands in between that gives every transaction another connection: nothing may be set for a whole
   * connection then.
   */
  readonly isPooled: boolean
  /** Whether statements can be given names, so that their plans are kept. */
  readonly namesStatements: boolean
  /** Told about connections that broke while nobody used them. */
  readonly onIdleError: (reason: string) => void
}

export type Pool = PostgresPool & {
  readonly state: () => Omit<PoolState, 'name'>
  /** One statement on a connection of its own that must answer within `timeoutMs`. */
  readonly ask: (sql: string, timeoutMs: number) => Promise<void>
  /** Whether a pooler in between knows prepared statements, and so lets them have names. */
  readonly poolerKnowsNames: () => Promise<boolean>
}

/** Opens no connection by itself. */
export function createPool(settings: PoolSettings): Pool {
  const { isPooled, statementTimeoutMs } = settings
  const config: pg.PoolConfig = {
    ...clientConfig(settings),
    Client: ClosingClient,
    max: settings.size,
    idleTimeoutMillis: IDLE_MS,
    // PgBouncer refuses a connection that brings settings it does not know.
    ...(statementTimeoutMs > 0 && !isPooled ? { statement_timeout: statementTimeoutMs } : {}),
  }
  const pool = new pg.Pool(config)
  pool.on('error', (error) => settings.onIdleError(reasonOf(error)))
  // pg-pool listens only while a connection is idle: one that breaks between two statements of a transaction would
  // otherwise be an unhandled 'error' event.
  pool.on('connect', (client) => client.on('error', () => {}))

  const prepared = createPreparedStatements(settings.namesStatements)
  const borrowed = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const connect = async (): Promise<PostgresPoolClient> => {
    const client = await connectClient(pool, settings.passwordFile !== undefined)
    let guarded = borrowed.get(client)
    if (!guarded) borrowed.set(client, (guarded = guardClient(client, prepared, settings)))
    return guarded
  }
  return {
    connect,
    options: pool.options,
    end: () => pool.end(),
    state: () => ({
      used: pool.totalCount - pool.idleCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max: settings.size,
    }),
    ask: (sql, timeoutMs) => withDeadline(askOnce(connect(), sql, timeoutMs), timeoutMs),
    poolerKnowsNames: async () => probeNames(await connectClient(pool, settings.passwordFile !== undefined)),
  }
}

/** A connection that did not answer in time is given up, also when it is given only after that. */
async function askOnce(connecting: Promise<PostgresPoolClient>, sql: string, timeoutMs: number): Promise<void> {
  const client = await connecting
  let answered = false
  try {
    await withDeadline(client.query(sql, []), timeoutMs)
    answered = true
  } finally {
    client.release(!answered)
  }
}

/**
 * pg leaves the socket open when it gives up between the server's question for a password and its answer, for example
 * because there is no password; the server then waits for a minute.
 */
class ClosingClient extends pg.Client {
  override connect(): Promise<this>
  override connect(callback: (error: Error | null) => void): void
  override connect(callback?: (error: Error | null) => void): Promise<this> | undefined {
    if (callback === undefined) throw new TypeError('the pool connects with a callback')
    super.connect((error: Error | null) => {
      if (error) void this.end()
      callback(error)
    })
    return undefined
  }
}

async function connectClient(pool: pg.Pool, passwordMayChange: boolean): Promise<pg.PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    // The password may have been changed between reading its file and using it.
    if (passwordMayChange && codeOf(error) === INVALID_PASSWORD) return connectClient(pool, false)
    throw translateFailure(error)
  }
}

const PROBE = 'agentos_probe'

/**
 * A pooler that knows prepared statements gives them names of its own. One that does not passes ours on, and then another
 * server of the fleet finds it taken.
 */
async function probeNames(client: pg.PoolClient): Promise<boolean> {
  const [start, end] = PROBE.split('_')
  const text = `select from pg_prepared_statements where name = '${start}_' || '${end}'`
  try {
    const { rowCount } = await client.query({ name: PROBE, text })
    return rowCount === 0
  } catch (error) {
    if (!isNameFailure(codeOf(error))) throw translateFailure(error)
    return false
  } finally {
    client.release(true)
  }
}

function guardClient(
  client: pg.PoolClient,
  prepared: PreparedStatements,
  { statementTimeoutMs, isPooled, target }: PoolSettings,
): PostgresPoolClient {
  const silenceMs = statementTimeoutMs > 0 ? statementTimeoutMs + SILENCE_MARGIN_MS : 0
  let broken = false
  const ask = async <T>(answer: Promise<T>): Promise<T> => {
    if (silenceMs === 0) return answer
    // Without a pooler the server itself watches the time.
    const timer = isPooled ? setTimeout(() => cancelStatement(target, client), statementTimeoutMs) : undefined
    try {
      return await withDeadline(answer, silenceMs)
    } finally {
      clearTimeout(timer)
    }
  }
  const send = async (text: string, values: (string | null)[], name: string | undefined) => {
    try {
      return await ask(client.query(name === undefined ? { text, values } : { text, values, name }))
    } catch (error) {
      const { retry, keepConnection } = name === undefined ? UNNAMED : prepared.judge(codeOf(error))
      if (breaksConnection(error) || !keepConnection) broken = true
      if (retry) return send(text, values, undefined)
      throw translateFailure(error)
    }
  }
  const query = (sql: string, parameters: readonly unknown[]) =>
    send(sql, parameters.map(parameterText), prepared.nameOf(sql))
  return {
    // Kysely's interface also has an overload for cursors, which no statement here uses.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy === true || broken),
  }
}
