/**
 * The servers that share this database, and what all of them are asked to do.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from './tables.ts'

export type Replica = {
  readonly replicaId: string
  readonly revision: string | null
  /** Whether it takes up runs that wait. */
  readonly takesRuns: boolean
  readonly startedAt: Date
  readonly heartbeatAt: Date
  /** Milliseconds since then, by the clock of the database. */
  readonly heartbeatAgeMs: number
}

/** A replica says that it lives every two seconds. One that said nothing for so many milliseconds does not. */
export const ALIVE_MS = 10_000

/** A replica that said nothing for so long is forgotten. */
const FORGET_AFTER = sql`interval '1 day'`

/**
 * Says that a replica lives, in one statement.
 * @returns how often a reload was requested; a number that grew since the last heartbeat asks for one
 */
export async function heartbeat(
  db: Db,
  { replicaId, revision, takesRuns }: Pick<Replica, 'replicaId' | 'revision' | 'takesRuns'>,
): Promise<{ reloadVersion: number }> {
  const { rows } = await sql<{ version: number }>`
    with beat as (
      insert into agentos_replicas (replica_id, revision, takes_runs) values (${replicaId}, ${revision}, ${takesRuns})
      on conflict (replica_id) do update set
        revision = excluded.revision, takes_runs = excluded.takes_runs, heartbeat_at = now()
    ), forgotten as (
      delete from agentos_replicas where heartbeat_at < now() - ${FORGET_AFTER} and replica_id <> ${replicaId}
    )
    select version from agentos_signals where name = 'reload'`.execute(db)
  return { reloadVersion: rows[0]?.version ?? 0 }
}

/** Unknown ids are fine. */
export async function removeReplica(db: Db, replicaId: string): Promise<void> {
  await db.deleteFrom('agentos_replicas').where('replica_id', '=', replicaId).execute()
}

/** Asks every replica to load the agents folder again. @returns the new reload version */
export async function requestReload(db: Db): Promise<number> {
  const { rows } = await sql<{ version: number }>`
    insert into agentos_signals as s (name, version) values ('reload', 1)
    on conflict (name) do update set version = s.version + 1
    returning version`.execute(db)
  return rows[0]?.version ?? 0
}

/** Replicas heard of within the last `aliveWithinMs` milliseconds, by the clock of the database; oldest first. */
export async function listReplicas(db: Db, { aliveWithinMs }: { readonly aliveWithinMs: number }): Promise<Replica[]> {
  const rows = await db
    .selectFrom('agentos_replicas')
    .selectAll()
    .select(sql<number>`(extract(epoch from now() - heartbeat_at) * 1000)::int8`.as('heartbeat_age_ms'))
    .where('heartbeat_at', '>', sql<Date>`now() - ${aliveWithinMs}::float8 * interval '1 millisecond'`)
    .orderBy('started_at')
    .orderBy('replica_id')
    .execute()
  return rows.map((row) => ({
    replicaId: row.replica_id,
    revision: row.revision,
    takesRuns: row.takes_runs,
    startedAt: row.started_at,
    heartbeatAt: row.heartbeat_at,
    heartbeatAgeMs: row.heartbeat_age_ms,
  }))
}
