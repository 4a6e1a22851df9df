/**
 * Opens the one database of a server: PostgreSQL, or PGlite in a directory of this machine. Both are the same to
 * whoever uses them; only this folder knows which one it is.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Database, DatabaseLog, DatabaseOptions } from './engine.ts'
import { openEmbedded } from './pglite/engine.ts'
import { openPostgres } from './postgres/engine.ts'

export type { Database, DatabaseLog, DatabaseOptions } from './engine.ts'
export type { Db } from './tables.ts'

/**
 * Opens the database and proves that it answers. The caller retries, when it wants to.
 * @throws {AgentOSError} DATABASE_UNREACHABLE, DATABASE_AUTH, DATA_DIR_LOCKED, CONFIG_INVALID
 */
export async function openDatabase(
  options: DatabaseOptions,
  deps: { readonly clock: Clock; readonly log?: DatabaseLog },
): Promise<Database> {
  const log = deps.log ?? (() => {})
  return options.kind === 'postgres' ? openPostgres(options, log) : openEmbedded(options, { ...deps, log })
}
