/**
 * The database itself, for operators: version, schema, connections, the rights of the role, pgvector. Changes nothing.
 * @module
 */
import { sql } from 'kysely'
import type { ErrorCode } from '../base/errors.ts'
import { MIGRATIONS_TABLE, readMigrations } from './migration-files.ts'
import { readSchema } from './schema-check.ts'
import type { Db } from './tables.ts'

export type DatabaseState = {
  /** As the server gives it, for example `18.4`. */
  readonly version: string
  readonly schema: {
    /** Newest migration that was applied; null when there are no tables of ours. */
    readonly applied: number | null
    /** Newest migration of this release. */
    readonly known: number
    /** Why a server of this release does not serve it and never will; null when it does, or would once it is brought up to date. */
    readonly refusal: { readonly code: ErrorCode; readonly message: string } | null
  }
  /** Of the whole server, all databases and clients together. */
  readonly connections: { readonly used: number; readonly max: number }
  readonly role: RoleState
  /** Versions of pgvector: in this database, and that the server could install; null where there is none. */
  readonly vector: { readonly installed: string | null; readonly available: string | null }
}

export type RoleState = {
  readonly name: string
  /** Whether it may make tables in its schema. */
  readonly mayCreate: boolean
  /** Tables of ours that it may not read and write. */
  readonly withoutRights: readonly string[]
  /** Tables of ours that are another role's: it can neither migrate them nor make partitions for new days. */
  readonly notOwned: readonly string[]
}

type StateRow = {
  version: string
  has_tables: boolean
  used: number
  max: number
  installed: string | null
  available: string | null
}

export async function readDatabaseState(db: Db): Promise<DatabaseState> {
  const { rows } = await sql<StateRow>`
    select current_setting('server_version') as version,
      to_regclass('agentos_migrations') is not null as has_tables,
      (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
      current_setting('max_connections')::int as max,
      (select extversion from pg_extension where extname = 'vector') as installed,
      (select default_version from pg_available_extensions where name = 'vector') as available`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('a select without a table has one row')
  const role = await readRole(db)
  const isReadable = row.has_tables && !role.withoutRights.includes('agentos_migrations')
  const schema = await describeSchema(db, isReadable)
  const { version, used, max, installed, available } = row
  return { version, schema, connections: { used, max }, role, vector: { installed, available } }
}

type RoleRow = { name: string; may_create: boolean; without_rights: string[]; not_owned: string[] }

/** Partitions have the rights of their table, and are not looked at. */
async function readRole(db: Db): Promise<RoleState> {
  const { rows } = await sql<RoleRow>`
    with ours as (
      select oid, relname::text as name, relowner from pg_class
      where relnamespace = current_schema()::regnamespace and starts_with(relname::text, 'agentos_')
        and relkind in ('r', 'p') and not relispartition)
    select current_user::text as name,
      coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) as may_create,
      coalesce((select array_agg(name order by name) from ours where not (has_table_privilege(oid, 'SELECT')
        and has_table_privilege(oid, 'INSERT') and has_table_privilege(oid, 'UPDATE')
        and has_table_privilege(oid, 'DELETE'))), '{}') as without_rights,
      coalesce((select array_agg(name order by name) from ours
        where not pg_has_role(relowner, 'USAGE')), '{}') as not_owned`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('a select without a table has one row')
  return { name: row.name, mayCreate: row.may_create, withoutRights: row.without_rights, notOwned: row.not_owned }
}

async function describeSchema(db: Db, isReadable: boolean): Promise<DatabaseState['schema']> {
  const migrations = await readMigrations()
  if (!isReadable) return { applied: null, known: migrations.at(-1)?.version ?? 0, refusal: null }
  const { applied, known, refusal } = await readSchema(db, migrations, MIGRATIONS_TABLE)
  return { applied, known, refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message } }
}
