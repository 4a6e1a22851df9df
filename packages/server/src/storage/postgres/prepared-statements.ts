/**
 * Names for the hot statements, under which a connection keeps their plans.
 * @module
 */
import { createHash } from 'node:crypto'
import { isHot } from '../hot-statement.ts'

const MISSING = '26000'
const DUPLICATE = '42P05'
const FEATURE_NOT_SUPPORTED = '0A000'

export type PreparedStatements = {
  /** @returns undefined for a statement that is not hot, or when names cannot be used */
  readonly nameOf: (statement: string) => string | undefined
  /**
   * Told that a named statement failed.
   * @returns whether the same statement without a name would have worked, and whether its connection may be kept
   */
  readonly judge: (code: string) => { readonly retry: boolean; readonly keepConnection: boolean }
}

/** One per pool. */
export function createPreparedStatements(): PreparedStatements {
  const names = new Map<string, string>()
  let usable = true
  return {
    nameOf: (statement) => {
      if (!usable || !isHot(statement)) return undefined
      let name = names.get(statement)
      // By its text: behind a pooler, connections are shared with servers of other releases.
      if (!name) names.set(statement, (name = `hot_${createHash('sha1').update(statement).digest('hex')}`))
      return name
    },
    judge: (code) => {
      // A pooler that gives every transaction another connection and does not know prepared statements (PgBouncer
      // before 1.21, or with max_prepared_statements = 0).
      if (code === MISSING || code === DUPLICATE) usable = false
      // A migration changed what a kept plan returns.
      const isStale = code === FEATURE_NOT_SUPPORTED
      return { retry: code === MISSING || code === DUPLICATE || isStale, keepConnection: !isStale }
    },
  }
}
