/**
 * One connection of the set-up: how it is made and what its failures are called. No error has a password in it.
 * @module
 */
import pg from 'pg'
import { AgentOSError } from '../../base/errors.ts'
import { codeOf, reasonOf } from '../failure.ts'
import { clientConfig } from '../postgres/connection.ts'
import type { ConnectionTarget } from '../postgres/connection-url.ts'

export type Session = AsyncDisposable & {
  readonly target: ConnectionTarget
  readonly rows: <Row>(statement: string, values?: readonly string[]) => Promise<Row[]>
  /** All of `work` or nothing. */
  readonly transaction: <Result>(work: () => Promise<Result>) => Promise<Result>
}

const CONNECT_TIMEOUT_MS = 5_000
const NO_TLS_ON_SERVER = /does not support SSL/

/** @throws what the driver threw */
export async function openSession(target: ConnectionTarget): Promise<Session> {
  try {
    return await connect(target)
  } catch (error) {
    if (!target.sslOptional || !NO_TLS_ON_SERVER.test(reasonOf(error))) throw error
    return connect({ ...target, ssl: false, sslOptional: false })
  }
}

async function connect(target: ConnectionTarget): Promise<Session> {
  const client = new pg.Client(
    clientConfig({
      target,
      passwordFile: undefined,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      applicationName: 'agentos-db-init',
    }),
  )
  // The statement that a broken connection was for fails by itself.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  const rows: Session['rows'] = async (statement, values = []) => (await client.query(statement, [...values])).rows
  return {
    target,
    rows,
    transaction: async (work) => {
      await rows('begin')
      try {
        const result = await work()
        await rows('commit')
        return result
      } catch (error) {
        // Where the connection is gone the server rolls back by itself, and `error` says why.
        await rows('rollback').catch(() => {})
        throw error
      }
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** An SQL identifier, whatever is in the name. */
export function identifier(name: string): string {
  return pg.escapeIdentifier(name)
}

/** A name in a message. */
export function shown(name: string): string {
  return JSON.stringify(name)
}

const REFUSED_LOGIN = /^28/
const NO_SUCH_DATABASE = '3D000'
const READ_ONLY = '25006'
const NO_PRIVILEGE = '42501'
const LOCK_TIMEOUT = '55P03'

/** SQLSTATE classes that say "not now": connection, resources, operator intervention. */
const PASSING = new Set(['08', '53', '57'])

/** Whether the same try may succeed a little later: the server starts, its name is not known yet, it is full. */
export function mayPass(error: unknown): boolean {
  if (error instanceof pg.DatabaseError) return PASSING.has(codeOf(error).slice(0, 2))
  // pg refuses to answer a server that asks for a password it was not given, or that wants TLS, with errors without a code.
  return /^E[A-Z_]+$/.test(codeOf(error)) || /terminated|timeout|timed out/i.test(reasonOf(error))
}

/** Why `target` cannot be used, in the words of the catalogue. */
export function connectFailure(error: unknown, { host, port, database, user }: ConnectionTarget): AgentOSError {
  const where = `${host}:${port}, database ${shown(database)}, as ${shown(user)}`
  const isAuth = REFUSED_LOGIN.test(codeOf(error)) || reasonOf(error).startsWith('SASL')
  if (isAuth) return failure('DATABASE_SETUP_AUTH', `PostgreSQL refused the admin at ${where}`, error)
  if (codeOf(error) === NO_SUCH_DATABASE) {
    const message = `The admin connects to database ${shown(database)}, which does not exist; PGDATABASE names another one.`
    return new AgentOSError('DATABASE_SETUP_UNREACHABLE', message, { cause: error })
  }
  return failure('DATABASE_SETUP_UNREACHABLE', `Cannot use PostgreSQL at ${where}`, error)
}

/**
 * Runs one thing that the admin may not be allowed to do.
 * @param what completes "The admin x may not ..."
 * @throws {AgentOSError} DATABASE_SETUP_DENIED, DATABASE_SETUP_BUSY, DATABASE_SETUP_UNREACHABLE
 */
export async function attempt<Result>(admin: Session, what: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translate(error, admin.target, what)
  }
}

function translate(error: unknown, { host, port, user }: ConnectionTarget, what: string): unknown {
  if (error instanceof AgentOSError) return error
  switch (codeOf(error)) {
    case NO_PRIVILEGE:
      return failure('DATABASE_SETUP_DENIED', `The admin ${shown(user)} may not ${what}`, error)
    case LOCK_TIMEOUT:
      return failure('DATABASE_SETUP_BUSY', `Could not ${what} in time`, error)
    case READ_ONLY:
      return failure('DATABASE_SETUP_UNREACHABLE', `PostgreSQL at ${host}:${port} is read-only, a standby`, error)
    default:
      return failure('DATABASE_SETUP_FAILED', `Could not ${what}`, error)
  }
}

function failure(code: AgentOSError['code'], message: string, cause: unknown): AgentOSError {
  return new AgentOSError(code, `${message}: ${reasonOf(cause)}`, { cause })
}
