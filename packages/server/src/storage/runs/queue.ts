/**
 * Background runs as an operator sees them: how many wait, which there are, and another try for one that failed.
 * @module
 */
import { sql } from 'kysely'
import type { RunStatus } from '../../base/run.ts'
import { attemptStart } from './attempt-starts.ts'
import { readRun, type Run } from './run-row.ts'
import type { Db } from '../tables.ts'

export type QueueStats = {
  /** Background runs by status; a status that none has is 0. */
  readonly counts: Readonly<Record<RunStatus, number>>
  /** Since when the one waits that has waited longest, by the clock of the database; null when none waits. */
  readonly oldestQueuedAt: Date | null
}

export type JobSort =
  | 'created_at'
  | 'updated_at'
  | 'finished_at'
  | 'status'
  | 'attempt'
  | 'run_type'
  | 'component_id'
  | 'user_id'

export type JobQuery = {
  /** Any of these; absent or empty: all. */
  readonly statuses?: readonly RunStatus[] | undefined
  /** Any of these; absent or empty: all. */
  readonly sessionIds?: readonly string[] | undefined
  readonly userId?: string | undefined
  /** Most runs of a page, from 0. */
  readonly limit: number
  /** From 1; 0 is the first page too. */
  readonly page: number
  readonly sortBy?: JobSort | undefined
  readonly sortOrder?: 'asc' | 'desc' | undefined
}

const NONE: QueueStats['counts'] = {
  PENDING: 0,
  RUNNING: 0,
  PAUSED: 0,
  COMPLETED: 0,
  ERROR: 0,
  CANCELLED: 0,
  REGENERATED: 0,
}

/** How long the queue is and what became of what was in it, as far back as runs are kept. */
export async function queueStats(db: Db): Promise<QueueStats> {
  const { rows } = await sql<{ counts: Record<RunStatus, number> | null; since: Date | null }>`
    select
      -- From agentos_runs_queue_status alone: 5 ms for 24 000 runs that ended, where reading them takes 30.
      (select jsonb_object_agg(status, count) from
        (select status, count(*) as count from agentos_runs where background group by status) counted) as counts,
      -- A run that was handed over or requeued waits since then, not since it was made.
      (select min(updated_at) from agentos_runs where background and status = 'PENDING') as since`.execute(db)
  const [row] = rows
  return { counts: { ...NONE, ...row?.counts }, oldestQueuedAt: row?.since ?? null }
}

/** One page of the background runs that match, newest first unless told otherwise, and how many match in all. */
export async function listJobs(db: Db, query: JobQuery): Promise<{ jobs: Run[]; total: number }> {
  const { statuses = [], sessionIds = [], userId, limit, page, sortBy = 'created_at', sortOrder = 'desc' } = query
  let matching = db.selectFrom('agentos_runs').where('background', '=', true)
  if (statuses.length > 0) matching = matching.where('status', 'in', [...statuses])
  if (sessionIds.length > 0) matching = matching.where('session_id', 'in', [...sessionIds])
  if (userId !== undefined) matching = matching.where('user_id', '=', userId)
  const [rows, count] = await Promise.all([
    matching
      .selectAll()
      .orderBy(sortBy, sortOrder)
      .orderBy('run_id', sortOrder)
      .limit(limit)
      .offset(Math.max(0, page - 1) * limit)
      .execute(),
    matching.select(sql<number>`count(*)`.as('total')).executeTakeFirstOrThrow(),
  ])
  return { jobs: rows.map(readRun), total: count.total }
}

export type ExpiredLease = { readonly runId: string; readonly componentId: string; readonly expiredAt: Date }

/**
 * Runs that nobody advances: their lease ran out, or was given back, longer than `graceMs` milliseconds ago, and no replica
 * took them up. The longest ago first, at most 20.
 */
export async function listExpiredLeases(db: Db, graceMs: number): Promise<ExpiredLease[]> {
  const { rows } = await sql<{ run_id: string; component_id: string; lease_until: Date }>`
    select run_id, component_id, lease_until from agentos_runs
    where status = 'RUNNING' and lease_until < now() - ${graceMs}::float8 * interval '1 millisecond'
    order by lease_until limit 20`.execute(db)
  return rows.map((row) => ({ runId: row.run_id, componentId: row.component_id, expiredAt: row.lease_until }))
}

/** @returns undefined when there is no background run of that id */
export async function findJob(db: Db, runId: string): Promise<Run | undefined> {
  const row = await db
    .selectFrom('agentos_runs')
    .selectAll()
    .where('run_id', '=', runId)
    .where('background', '=', true)
    .executeTakeFirst()
  return row && readRun(row)
}

/** The attempt that a run of the queue `r` waits for. */
const REQUEUED = attemptStart({
  attempt: sql`r.attempt + 1`,
  origin: 'hand-over',
  fromMessage: sql`(select coalesce(max(seq) + 1, 0) from agentos_messages m where m.run_id = r.run_id)`,
})

/**
 * Gives a failed or cancelled background run another attempt, on top of those it had: from its journal, without the reply
 * it ended with, if any. Its events stay and go on.
 *
 * A run that ended while calls had no result goes back as one that was released in the middle: whoever claims it must not
 * take for granted that those calls did not run. Any other waits as PENDING.
 * @returns undefined when it is not a background run, or neither failed nor cancelled (any more)
 */
export async function requeueRun(db: Db, runId: string): Promise<Run | undefined> {
  return db.transaction().execute(async (transaction) => {
    const locked = await sql`
      select from agentos_runs where run_id = ${runId} and background and status in ('ERROR', 'CANCELLED')
      for update`.execute(transaction)
    if (locked.rows.length === 0) return undefined
    await dropLastReply(transaction, runId)
    await sql`
      with step as (
        select seq, message from agentos_messages
        where run_id = ${runId} and message ->> 'role' = 'assistant' order by seq desc limit 1
      ), answered as (
        select message ->> 'toolCallId' as id from agentos_messages
        where run_id = ${runId} and seq > (select seq from step) and message ->> 'role' = 'tool'
      ), state as (
        select exists (
          select from step, jsonb_array_elements(message -> 'parts') as part
          where part ->> 'type' = 'tool-call' and part ->> 'toolCallId' not in (select id from answered)
        ) as is_open
      )
      update agentos_runs r set
        status = case when is_open then 'RUNNING' else 'PENDING' end,
        lease_owner = null,
        lease_until = case when is_open then now() end,
        max_attempts = greatest(max_attempts, lost_attempts) + 1,
        cancel_requested_at = null,
        attempt_starts = jsonb_build_array(${REQUEUED}),
        -- What nobody answered is asked again.
        requirements = (
          select coalesce(jsonb_agg(requirement), '[]') from jsonb_array_elements(requirements) as requirement
          where requirement -> 'answer' <> 'null'
        ),
        content = null, content_type = null, reasoning = null,
        error_code = null, error_message = null, finished_at = null, updated_at = now()
      from state where run_id = ${runId}`.execute(transaction)
    return findJob(transaction, runId)
  })
}

/** A reply without calls was the end; the model is asked again instead. */
async function dropLastReply(db: Db, runId: string): Promise<void> {
  await sql`
    delete from agentos_messages
    where run_id = ${runId} and seq = (select max(seq) from agentos_messages where run_id = ${runId})
      and message ->> 'role' = 'assistant'
      and not jsonb_path_exists(message, '$.parts[*] ? (@.type == "tool-call")')`.execute(db)
}
