/**
 * Deletes what is past its age, in batches that are over soon and wait for nobody: what somebody else has locked is left
 * for the next time. Events have partitions of their own (`runs/run-events.ts`).
 *
 * PostgreSQL 18, 50 000 runs with 4 messages and a chunk of events each: 500 runs take 40 ms, finding none 4 ms.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'

/** Any constant of our own: only one server at a time deletes. */
const ADVISORY_LOCK = 4_218_097_313

export type Batch = {
  /** By the clock of the database. */
  readonly olderThanDays: number
  /** Most runs, sessions or traces to delete. */
  readonly batch: number
}

/**
 * Deletes runs that ended long ago, the oldest first, with their children, messages, events and approvals. A run that is
 * paused has not ended, however long it waits.
 * @returns how many; fewer than `batch` when no more are left, or another server is at it
 */
export async function deleteOldRuns(db: Db, { olderThanDays, batch }: Batch): Promise<number> {
  return alone(db, async (transaction) => {
    const { rows } = await sql<{ count: number }>`
      with recursive doomed as (
        select run_id from agentos_runs
        where parent_run_id is null and finished_at < now() - ${olderThanDays}::integer * interval '1 day'
          and status in ('COMPLETED', 'ERROR', 'CANCELLED', 'REGENERATED')
        order by finished_at
        limit ${batch}::integer
        for update skip locked
      ), family as (
        select run_id from doomed
        union all
        select child.run_id from agentos_runs child join family on child.parent_run_id = family.run_id
      ), events as (
        delete from agentos_run_events where run_id in (select run_id from family)
      ), deleted as (
        delete from agentos_runs where run_id in (select run_id from doomed) returning 1
      )
      select count(*) from deleted`.execute(transaction)
    return rows[0]?.count ?? 0
  })
}

/**
 * Deletes sessions without runs that nobody has touched for so long.
 * @returns how many; fewer than `batch` when no more are left, or another server is at it
 */
export async function deleteOldSessions(db: Db, { olderThanDays, batch }: Batch): Promise<number> {
  return alone(db, async (transaction) => {
    // Every new run touches its session: one that comes while this waits for nothing is either seen here, or finds the
    // session gone and makes it again.
    const { rows } = await sql<{ count: number }>`
      with cutoff as (select now() - ${olderThanDays}::integer * interval '1 day' as moment), doomed as (
        select session_id from agentos_sessions s
        -- What was touched long ago was made before; there is an index for that, and it spares the young ones.
        where created_at < (select moment from cutoff) and updated_at < (select moment from cutoff)
          and not exists (select from agentos_runs r where r.session_id = s.session_id)
        order by created_at
        limit ${batch}::integer
        for update skip locked
      ), deleted as (
        delete from agentos_sessions where session_id in (select session_id from doomed) returning 1
      )
      select count(*) from deleted`.execute(transaction)
    return rows[0]?.count ?? 0
  })
}

/**
 * Deletes traces that ended so long ago. Their spans go with the partitions of their days (`traces/spans.ts`).
 * @returns how many; fewer than `batch` when no more are left, or another server is at it
 */
export async function deleteOldTraces(db: Db, { olderThanDays, batch }: Batch): Promise<number> {
  return alone(db, async (transaction) => {
    const { rows } = await sql<{ count: number }>`
      with cutoff as (select now() - ${olderThanDays}::integer * interval '1 day' as moment), doomed as (
        select trace_id from agentos_traces
        -- What ended long ago began before; there is an index for that, and it spares the young ones.
        where start_time < (select moment from cutoff) and end_time < (select moment from cutoff)
        order by start_time
        limit ${batch}::integer
        for update skip locked
      ), deleted as (
        delete from agentos_traces where trace_id in (select trace_id from doomed) returning 1
      )
      select count(*) from deleted`.execute(transaction)
    return rows[0]?.count ?? 0
  })
}

/** Held until the end of the transaction, so it also works through a transaction-pooling PgBouncer. */
async function alone(db: Db, work: (transaction: Db) => Promise<number>): Promise<number> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<{ mine: boolean }>`
      select pg_try_advisory_xact_lock(${ADVISORY_LOCK}::bigint) as mine`.execute(transaction)
    return rows[0]?.mine === true ? work(transaction) : 0
  })
}
