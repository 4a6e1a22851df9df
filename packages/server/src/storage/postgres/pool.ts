/**
 * A pool of PostgreSQL connections as Kysely wants it. Owns what pg leaves open: no error of an idle or a borrowed
 * connection ends the process, a server that stopped answering is given up, errors speak the catalogue's words.
 * @module
 */
import { readFile } from 'node:fs/promises'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import pg from 'pg'
import { AgentOSError } from '../../base/errors.ts'
import { withDeadline } from '../deadline.ts'
import { breaksConnection, codeOf, reasonOf, translateFailure } from '../failure.ts'
import { columnParser, parameterText } from '../values.ts'
import type { ConnectionTarget } from './connection-url.ts'
import { createPreparedStatements, type PreparedStatements } from './prepared-statements.ts'

/** The server's own timeout comes first; this one is for a server or a network that says nothing any more. */
const SILENCE_MARGIN_MS = 5_000
const KEEPALIVE_DELAY_MS = 10_000
const IDLE_MS = 30_000
const INVALID_PASSWORD = '28P01'
const UNNAMED = { retry: false, keepConnection: true }

export type PoolSettings = {
  readonly target: ConnectionTarget
  /** Read anew for every connection, so that a rotated password is used as soon as it is there. */
  readonly passwordFile: string | undefined
  readonly size: number
  /** Longest time one statement may take, in milliseconds; 0 is no limit. */
  readonly statementTimeoutMs: number
  /** Longest wait for a connection, new or free, in milliseconds. */
  readonly connectTimeoutMs: number
  readonly applicationName: string
  /** Told about connections that broke while nobody used them. */
  readonly onIdleError: (reason: string) => void
}

export type Pool = PostgresPool & {
  /** One statement on a connection of its own that must answer within `timeoutMs`. */
  readonly ask: (sql: string, timeoutMs: number) => Promise<void>
}

/** Opens no connection by itself. */
export function createPool(settings: PoolSettings): Pool {
  const { target, passwordFile } = settings
  const pool = new pg.Pool({
    host: target.host,
    port: target.port,
    user: target.user,
    database: target.database,
    ssl: target.ssl,
    ...(target.options === undefined ? {} : { options: target.options }),
    password: passwordFile === undefined ? (target.password ?? '') : () => readPassword(passwordFile),
    Client: ClosingClient,
    application_name: settings.applicationName,
    max: settings.size,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEPALIVE_DELAY_MS,
    ...(settings.statementTimeoutMs > 0 ? { statement_timeout: settings.statementTimeoutMs } : {}),
    types: { getTypeParser: columnParser as typeof pg.types.getTypeParser }, // ours takes text only; we never ask for binary
  })
  pool.on('error', (error) => settings.onIdleError(reasonOf(error)))
  // pg-pool listens only while a connection is idle: one that breaks between two statements of a transaction would
  // otherwise be an unhandled 'error' event.
  pool.on('connect', (client) => client.on('error', () => {}))

  const prepared = createPreparedStatements()
  const borrowed = new WeakMap<pg.PoolClient, PostgresPoolClient>()
  const connect = async (): Promise<PostgresPoolClient> => {
    const client = await connectClient(pool, passwordFile !== undefined)
    let guarded = borrowed.get(client)
    if (!guarded) borrowed.set(client, (guarded = guardClient(client, prepared, settings.statementTimeoutMs)))
    return guarded
  }
  return {
    connect,
    options: pool.options,
    end: () => pool.end(),
    ask: (sql, timeoutMs) => withDeadline(askOnce(connect(), sql, timeoutMs), timeoutMs),
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

async function readPassword(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AgentOSError('DATABASE_AUTH', `Cannot read the password file ${path}: ${codeOf(cause)}`, { cause })
  }
}

function guardClient(
  client: pg.PoolClient,
  prepared: PreparedStatements,
  statementTimeoutMs: number,
): PostgresPoolClient {
  const silenceMs = statementTimeoutMs > 0 ? statementTimeoutMs + SILENCE_MARGIN_MS : 0
  let broken = false
  const send = async (text: string, values: (string | null)[], name: string | undefined) => {
    const answer = client.query(name === undefined ? { text, values } : { text, values, name })
    try {
      return await (silenceMs > 0 ? withDeadline(answer, silenceMs) : answer)
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
