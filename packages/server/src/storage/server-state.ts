/**
 * The database itself, for operators: version, schema, connections. Changes nothing.
 * @module
 */
import { sql } from 'kysely'
import { readMigrations } from './migrate.ts'
import type { Db } from './tables.ts'

export type DatabaseState = {
  /** As the server gives it, for example `18.4`. */
  readonly version: string
  readonly schema: {
    /** Newest migration that was applied; null when there are no tables of ours. */
    readonly applied: number | null
    /** Newest migration of this release. */
    readonly known: number
  }
  /** Of the whole server, all databases and clients together. */
  readonly connections: { readonly used: number; readonly max: number }
}

export async function readDatabaseState(db: Db): Promise<DatabaseState> {
  const { rows } = await sql<{ version: string; has_tables: boolean; used: number; max: number }>`
    select current_setting('server_version') as version,
      to_regclass('agentos_migrations') is not null as has_tables,
      (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
      current_setting('max_connections')::int as max`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('a select without a table has one row')
  const known = (await readMigrations()).at(-1)?.version ?? 0
  const applied = row.has_tables ? await readApplied(db) : null
  const { version, used, max } = row
  return { version, schema: { applied, known }, connections: { used, max } }
}

async function readApplied(db: Db): Promise<number | null> {
  const { rows } = await sql<{ version: number | null }>`
    select max(version) as version from agentos_migrations`.execute(db)
  return rows[0]?.version ?? null
}
