/**
 * What the runs of all replicas wait for at the moment, in one statement that reads indexes of what waits and runs only.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from './tables.ts'

/** Ages are milliseconds, by the clock of the database; 0 where there is nothing. */
export type FleetState = {
  /** Runs that wait for a replica. */
  readonly waitingRuns: number
  /** Since when the one waits that has waited longest. */
  readonly oldestWaitMs: number
  /** Since the oldest lease of `replicaId` was renewed. */
  readonly leaseAgeMs: number
  /** Since the lease ran out that ran out first and that nobody has taken up. */
  readonly leaseOverdueMs: number
}

type Row = { waiting: number; oldest_ms: number | null; left_ms: number | null; overdue_ms: number | null }

/** @param leaseMs length of the leases of `replicaId`, in milliseconds */
export async function readFleetState(
  db: Db,
  { replicaId, leaseMs }: { readonly replicaId: string; readonly leaseMs: number },
): Promise<FleetState> {
  const { rows } = await sql<Row>`
    select waiting, oldest_ms, left_ms, overdue_ms
    from (
      select count(*) as waiting, (extract(epoch from now() - min(updated_at)) * 1000)::float8 as oldest_ms
      from (
        select updated_at from agentos_runs where status = 'PENDING' and not background
        union all
        select updated_at from agentos_runs where status = 'PENDING' and background
      ) pending
    ) queue, (
      select
        (extract(epoch from min(lease_until) filter (where lease_owner = ${replicaId}) - now()) * 1000)::float8 as left_ms,
        (extract(epoch from now() - min(lease_until)) * 1000)::float8 as overdue_ms
      from agentos_runs where status = 'RUNNING'
    ) leases`.execute(db)
  const row = rows[0]
  const left = row?.left_ms ?? null
  return {
    waitingRuns: row?.waiting ?? 0,
    oldestWaitMs: Math.max(0, row?.oldest_ms ?? 0),
    leaseAgeMs: left === null ? 0 : Math.max(0, leaseMs - left),
    leaseOverdueMs: Math.max(0, row?.overdue_ms ?? 0),
  }
}

/** Bytes of the whole database, with what is not ours. */
export async function readStorageSize(db: Db): Promise<number> {
  const { rows } = await sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`.execute(db)
  return rows[0]?.bytes ?? 0
}
