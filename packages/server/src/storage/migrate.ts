/**
 * Brings the schema to what this release knows: the numbered files of `migrations/`, each applied once, in order, never
 * changed after release. Any number of servers may start at once.
 * @module
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { sql, type Kysely } from 'kysely'
import { AgentOSError } from '../base/errors.ts'
import type { Database } from './engine.ts'
import type { MigrationRow, Tables } from './tables.ts'

const DIRECTORY = new URL('./migrations/', import.meta.url)
const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/

/** Any constant of our own: what two servers must agree on to wait for each other. */
const ADVISORY_LOCK = 4_218_097_311

/** Longest wait for the other servers' migrations and for one migration, in milliseconds. */
const MIGRATION_TIMEOUT_MS = 600_000

export type Migration = {
  readonly version: number
  readonly name: string
  readonly text: string
  /** SHA-256 of the text, in hexadecimal. */
  readonly checksum: string
}

/**
 * Applies what is missing, all of it or nothing.
 * @param migrations those of this release unless told otherwise
 * @param table where it is noted which ones were applied
 * @returns the versions applied now, none when the schema was up to date
 * @throws {AgentOSError} SCHEMA_NEWER when the schema holds a migration this release does not know, SCHEMA_CHANGED when it
 *   was made by another text than this release has
 */
export async function migrate(
  { maintenance }: Pick<Database, 'maintenance'>,
  migrations?: readonly Migration[],
  table = 'agentos_migrations',
): Promise<{ applied: number[] }> {
  const known = migrations ?? (await readMigrations())
  return maintenance.transaction().execute(async (transaction) => {
    await sql`select set_config('statement_timeout', ${String(MIGRATION_TIMEOUT_MS)}, true)`.execute(transaction)
    // Held until the end of the transaction, so it also works through a transaction-pooling PgBouncer.
    await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK}::bigint)`.execute(transaction)
    const missing = await findMissing(transaction, known, table)
    for (const { version, name, text, checksum } of missing) {
      await sql.raw(text).execute(transaction)
      await sql`
        insert into ${sql.table(table)} (version, name, checksum)
        values (${version}::integer, ${name}, ${checksum})`.execute(transaction)
    }
    return { applied: missing.map(({ version }) => version) }
  })
}

async function findMissing(db: Kysely<Tables>, known: readonly Migration[], table: string): Promise<Migration[]> {
  await sql`
    create table if not exists ${sql.table(table)} (
      version    integer primary key,
      name       text not null,
      checksum   text not null,
      applied_at timestamptz not null default now()
    )`.execute(db)
  const { rows: applied } = await sql<MigrationRow>`
    select version, name, checksum from ${sql.table(table)} order by version`.execute(db)
  const byVersion = new Map(known.map((migration) => [migration.version, migration]))
  for (const { version, name, checksum } of applied) {
    const migration = byVersion.get(version)
    if (migration === undefined) throw newerSchema(version, name, known)
    if (migration.checksum !== checksum) {
      const message = `The schema was made by another text of migration ${name} than this release has.`
      throw new AgentOSError('SCHEMA_CHANGED', message)
    }
  }
  const done = new Set(applied.map(({ version }) => version))
  return known.filter(({ version }) => !done.has(version))
}

function newerSchema(version: number, name: string, known: readonly Migration[]): AgentOSError {
  const newest = known.at(-1)?.version ?? 0
  return new AgentOSError(
    'SCHEMA_NEWER',
    `The database holds migration ${version} (${name}) and this release knows migrations up to ${newest}.`,
  )
}

/** The migrations of this release, oldest first. */
export async function readMigrations(directory: URL = DIRECTORY): Promise<Migration[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.sql')).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const version = FILE.exec(name)?.[1]
      if (version === undefined) throw new TypeError(`migrations/${name} must be named 0000_lower_case.sql`)
      // A checkout may have changed the line ends.
      const text = (await readFile(new URL(name, directory), 'utf8')).replaceAll('\r\n', '\n')
      const checksum = createHash('sha256').update(text).digest('hex')
      return { version: Number(version), name, text, checksum }
    }),
  )
}
