/**
 * Brings the schema to what this release knows: the numbered files of `migrations/`, each applied once, in order, never
 * changed after release. Any number of servers may start at once, of this release and of the one before.
 * @module
 */
import { sql } from 'kysely'
import type { Database } from './engine.ts'
import { type Migration, MIGRATIONS_TABLE, readMigrations } from './migration-files.ts'
import { findMissing } from './schema-check.ts'
import type { Db } from './tables.ts'

/** Any constant of our own: what two servers must agree on to wait for each other. */
const ADVISORY_LOCK = 4_218_097_311

/** Longest wait for the other servers' migrations and for one migration, in milliseconds. */
const MIGRATION_TIMEOUT_MS = 600_000

/**
 * Applies what is missing, all of it or nothing.
 * @param migrations those of this release unless told otherwise
 * @param table where it is noted which ones were applied
 * @returns the versions applied now, none when the schema was up to date
 * @throws {AgentOSError} SCHEMA_NEWER when the schema holds a migration that this release does not know and that is not
 *   additive, SCHEMA_CHANGED when it was made by another text than this release has
 */
export async function migrate(
  { maintenance }: Pick<Database, 'maintenance'>,
  migrations?: readonly Migration[],
  table = MIGRATIONS_TABLE,
): Promise<{ applied: number[] }> {
  const known = migrations ?? (await readMigrations())
  return maintenance.transaction().execute(async (transaction) => {
    await sql`select set_config('statement_timeout', ${String(MIGRATION_TIMEOUT_MS)}, true)`.execute(transaction)
    // Held until the end of the transaction, so it also works through a transaction-pooling PgBouncer.
    await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK}::bigint)`.execute(transaction)
    await prepareTable(transaction, table)
    const { missing } = await findMissing(transaction, known, table)
    for (const { version, name, text, checksum, additive } of missing) {
      await sql.raw(text).execute(transaction)
      await sql`
        insert into ${sql.table(table)} (version, name, checksum, additive)
        values (${version}::integer, ${name}, ${checksum}, ${additive})`.execute(transaction)
    }
    return { applied: missing.map(({ version }) => version) }
  })
}

async function prepareTable(db: Db, table: string): Promise<void> {
  await sql`
    create table if not exists ${sql.table(table)} (
      version    integer primary key,
      name       text not null,
      checksum   text not null,
      applied_at timestamptz not null default now(),
      additive   boolean not null default false
    )`.execute(db)
  const { rows } = await sql`
    select from pg_attribute where attrelid = ${table}::regclass and attname = 'additive' and not attisdropped`.execute(
    db,
  )
  // Tables of earlier releases. Asked first: the statement would wait for everybody who reads the table.
  if (rows.length === 0)
    await sql`alter table ${sql.table(table)} add column additive boolean not null default false`.execute(db)
}
