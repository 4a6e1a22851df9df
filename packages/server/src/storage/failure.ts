/**
 * Database errors in the words of the catalogue. Errors that a statement can expect (a duplicate key, a missing table)
 * pass through as they are.
 * @module
 */
import pg from 'pg'
import { AgentOSError } from '../base/errors.ts'

/** SQLSTATE classes that say "not now": connection, rollback (deadlock), resources, operator intervention, system. */
const UNAVAILABLE_CLASSES = new Set(['08', '40', '53', '57', '58'])
const READ_ONLY_TRANSACTION = '25006'
const QUERY_CANCELED = '57014'
const PROGRAM_LIMIT = '54000'

/** What pg throws, without a code, about a connection that ended. */
const CONNECTION_LOST = /connection terminated|not queryable|timeout exceeded when trying to connect|after calling end/i

/** @returns the code of a database or system error, `''` when it has none */
export function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}

/** What went wrong in words; several failed addresses of one host make an AggregateError without a message. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ')
  const message = error instanceof Error ? error.message : String(error)
  return message === '' ? codeOf(error) : message
}

/**
 * Whether the connection that threw `error` must not be used again. pg notices the end of a connection only after it has
 * handed out the server's last words, and would give the dying connection to the next one who asks.
 */
export function breaksConnection(error: unknown): boolean {
  if (!(error instanceof pg.DatabaseError)) return true
  const code = codeOf(error)
  // After a failover the old primary accepts connections and refuses writes; only a new connection finds the new one.
  return code === READ_ONLY_TRANSACTION || code.startsWith('08') || code.startsWith('57P')
}

/**
 * @returns the error to throw instead: AgentOSError DATABASE_UNAVAILABLE when trying again may help, INVALID_REQUEST when
 *   a value does not fit, else `error` itself
 */
export function translateFailure(error: unknown): unknown {
  if (error instanceof AgentOSError) return error
  const code = codeOf(error)
  if (code === QUERY_CANCELED) return unavailable('The database stopped a statement that took too long', error)
  if (code === PROGRAM_LIMIT) {
    return new AgentOSError('INVALID_REQUEST', `A value is too long to be stored: ${reasonOf(error)}`, { cause: error })
  }
  const isUnavailable =
    error instanceof pg.DatabaseError
      ? UNAVAILABLE_CLASSES.has(code.slice(0, 2)) || code === READ_ONLY_TRANSACTION
      : /^E[A-Z_]+$/.test(code) || CONNECTION_LOST.test(reasonOf(error))
  return isUnavailable ? unavailable(`The database is not available: ${reasonOf(error)}`, error) : error
}

/** DATABASE_UNAVAILABLE with `message` as it is. */
export function unavailable(message: string, cause?: unknown): AgentOSError {
  return new AgentOSError('DATABASE_UNAVAILABLE', message, cause === undefined ? {} : { cause })
}
