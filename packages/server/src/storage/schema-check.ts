/**
 * Compares the schema of a database with what this release knows. Changes nothing.
 * @module
 */
import { sql } from 'kysely'
import { AgentOSError } from '../base/errors.ts'
import { type Migration, MIGRATIONS_TABLE, readMigrations } from './migration-files.ts'
import type { Db } from './tables.ts'

export type SchemaState = {
  /** Newest migration that was applied; null when there are no tables of ours. */
  readonly applied: number | null
  /** Newest migration of this release. */
  readonly known: number
  /** Those of this release that were not applied, oldest first. */
  readonly missing: readonly Migration[]
  /**
   * Why this release never serves it: SCHEMA_NEWER when the schema holds a migration that this release does not know and that
   * is not additive, SCHEMA_CHANGED when it was made by another text; undefined when it does, or would once it is up to date.
   */
  readonly refusal: AgentOSError | undefined
}

type AppliedRow = { version: number; name: string; checksum: string; additive: boolean }

/**
 * @param known migrations of this release, oldest first
 * @param table where it is noted which ones were applied; it need not be there
 */
export async function readSchema(db: Db, known: readonly Migration[], table: string): Promise<SchemaState> {
  const applied = await readApplied(db, table)
  const done = new Set(applied.map(({ version }) => version))
  return {
    applied: applied.at(-1)?.version ?? null,
    known: known.at(-1)?.version ?? 0,
    missing: known.filter(({ version }) => !done.has(version)),
    refusal: findRefusal(applied, known),
  }
}

/** @throws {AgentOSError} the refusal of {@link readSchema} */
export async function findMissing(db: Db, known: readonly Migration[], table: string): Promise<SchemaState> {
  const state = await readSchema(db, known, table)
  if (state.refusal !== undefined) throw state.refusal
  return state
}

function findRefusal(applied: readonly AppliedRow[], known: readonly Migration[]): AgentOSError | undefined {
  const byVersion = new Map(known.map((migration) => [migration.version, migration]))
  for (const { version, name, checksum, additive } of applied) {
    const migration = byVersion.get(version)
    if (migration === undefined && !additive) {
      const newest = known.at(-1)?.version ?? 0
      const message = `The database holds migration ${version} (${name}), which is not additive, and this release knows migrations up to ${newest}.`
      return new AgentOSError('SCHEMA_NEWER', message)
    }
    if (migration !== undefined && migration.checksum !== checksum) {
      const message = `The schema was made by another text of migration ${name} than this release has.`
      return new AgentOSError('SCHEMA_CHANGED', message)
    }
  }
  return undefined
}

/**
 * @returns SCHEMA_OLDER when the schema lacks something that this release needs; undefined when nothing has to be done
 * @throws {AgentOSError} as {@link findMissing}
 */
export async function findOlderSchema(db: Db): Promise<AgentOSError | undefined> {
  return describeOlder('The schema', await findMissing(db, await readMigrations(), MIGRATIONS_TABLE))
}

/** @param what the schema, as the beginning of a sentence */
export function describeOlder(what: string, { applied, known, missing }: SchemaState): AgentOSError | undefined {
  if (missing.length === 0) return undefined
  const state = applied === null ? 'has not been made yet' : `is at migration ${applied}`
  return new AgentOSError('SCHEMA_OLDER', `${what} ${state} and this release needs migration ${known}.`)
}

async function readApplied(db: Db, table: string): Promise<AppliedRow[]> {
  const { rows: found } = await sql<{ exists: boolean }>`select to_regclass(${table}) is not null as exists`.execute(db)
  if (found[0]?.exists !== true) return []
  // Through JSON, because a table of an earlier release has no such column.
  const { rows } = await sql<AppliedRow>`
    select version, name, checksum, coalesce((to_jsonb(noted) ->> 'additive')::boolean, false) as additive
    from ${sql.table(table)} noted order by version`.execute(db)
  return rows
}
