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

/** Whether a statement failed because its name was unknown, or taken, on the connection that a pooler chose for it. */
export function isNameFailure(code: string): boolean {
  return code === MISSING || code === DUPLICATE
}

/**
 * One per pool.
 * @param usable false when names are known not to work
 */
export function createPreparedStatements(usable: boolean): PreparedStatements {
  const names = new Map<string, string>()
  return {
    nameOf: (statement) => {
      if (!usable || !isHot(statement)) return undefined
      let name = names.get(statement)
      // By its text: behind a pooler, connections are shared with servers of other releases.
      if (!name) names.set(statement, (name = `hot_${createHash('sha1').update(statement).digest('hex')}`))
      return name
    },
    judge: (code) => {
      // A pooler that nobody told us of.
      const isLost = isNameFailure(code)
      if (isLost) usable = false
      // A migration changed what a kept plan returns.
      const isStale = code === FEATURE_NOT_SUPPORTED
      return { retry: isLost || isStale, keepConnection: !isStale }
    },
  }
}
