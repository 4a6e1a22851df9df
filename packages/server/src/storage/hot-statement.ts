/**
 * Marks the statements that every run needs. Their text never varies, so PostgreSQL may keep their plans: that halves
 * what the largest of them take there.
 * @module
 */
import { sql } from 'kysely'

const MARK = '/* hot */'

/** Begins a hot statement: `` sql`${HOT} with ...` ``. */
export const HOT = sql.raw(MARK)

export function isHot(statement: string): boolean {
  return statement.trimStart().startsWith(MARK)
}
