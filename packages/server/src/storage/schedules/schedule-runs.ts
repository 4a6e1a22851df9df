/**
 * The history of schedules. What a run was asked and what came out is read from the run itself, as long as it is kept.
 * @module
 */
import { sql, type SqlBool } from 'kysely'
import type { Json } from '../../base/json.ts'
import type { Requirement } from '../../base/requirement.ts'
import { COUNTED, countRows, offsetOf, type PageAsked, totalOf } from '../page-count.ts'
import type { Db, ScheduleRunStatus } from '../tables.ts'

export type { ScheduleRunStatus } from '../tables.ts'

export type ScheduleRun = {
  readonly scheduleRunId: string
  readonly scheduleId: string
  readonly userId: string | null
  /** The tick it is for; null when a person triggered it. */
  readonly tickAt: Date | null
  /** From 1. */
  readonly attempt: number
  readonly status: ScheduleRunStatus
  /** When the run was put into the queue, or the call was made; null before that. */
  readonly triggeredAt: Date | null
  readonly completedAt: Date | null
  /** Of the answer of what was called. */
  readonly statusCode: number | null
  readonly runId: string | null
  readonly sessionId: string | null
  readonly error: string | null
  readonly createdAt: Date
  /** What the run was asked; null when it was no run, or is gone. */
  readonly input: string | null
  readonly content: Json
  readonly contentType: string | null
  /** What the run waits for; empty unless it is paused. */
  readonly requirements: readonly Requirement[]
}

/** @returns undefined when there is none */
export async function findScheduleRun(
  db: Db,
  scheduleId: string,
  scheduleRunId: string,
): Promise<ScheduleRun | undefined> {
  const rows = await selectRuns(db)
    .where('s.schedule_id', '=', scheduleId)
    .where('s.schedule_run_id', '=', scheduleRunId)
    .execute()
  return rows[0]
}

/** One page of the history of a schedule, newest first, and how long it is. */
export async function listScheduleRuns(
  db: Db,
  scheduleId: string,
  asked: PageAsked,
): Promise<{ readonly runs: ScheduleRun[]; readonly total: number }> {
  const runs = await selectRuns(db)
    .where('s.schedule_id', '=', scheduleId)
    .orderBy('s.created_at', 'desc')
    .orderBy('s.schedule_run_id', 'desc')
    .limit(asked.limit)
    .offset(offsetOf(asked))
    .execute()
  const matching = db.selectFrom('agentos_schedule_runs').where('schedule_id', '=', scheduleId)
  const some = matching.select(sql<number>`1`.as('one')).orderBy('created_at', 'desc')
  const total = totalOf(runs, asked) ?? (await countRows(db, some.limit(COUNTED + 1), matching.select('schedule_id')))
  return { runs, total }
}

function selectRuns(db: Db) {
  return db
    .selectFrom('agentos_schedule_runs as s')
    .leftJoin('agentos_runs as r', 'r.run_id', 's.run_id')
    .select([
      's.schedule_run_id as scheduleRunId',
      's.schedule_id as scheduleId',
      's.user_id as userId',
      's.tick_at as tickAt',
      's.attempt',
      's.status',
      's.triggered_at as triggeredAt',
      's.completed_at as completedAt',
      's.status_code as statusCode',
      's.run_id as runId',
      's.session_id as sessionId',
      's.error',
      's.created_at as createdAt',
      'r.input',
      'r.content',
      'r.content_type as contentType',
      sql<Requirement[]>`case when s.status = 'paused' and r.status = 'PAUSED' then r.requirements else '[]' end`.as(
        'requirements',
      ),
    ])
}

/** How schedules fare, for those who watch. */
export type ScheduleHealth = {
  readonly enabled: number
  /** How late the tick is, in milliseconds, that should have been claimed the longest ago; 0 when none is late. */
  readonly lateMs: number
}

export async function readScheduleHealth(db: Db): Promise<ScheduleHealth> {
  const { rows } = await sql<{ enabled: number; late_ms: number | null }>`
    select count(*) as enabled,
      (extract(epoch from now() - min(next_run_at)) * 1000)::float8 as late_ms
    from agentos_schedules where enabled`.execute(db)
  const [row] = rows
  return { enabled: row?.enabled ?? 0, lateMs: Math.max(0, row?.late_ms ?? 0) }
}

/**
 * Deletes what ended so long ago.
 * @returns how many; fewer than `batch` when no more are left
 */
export async function deleteOldScheduleRuns(
  db: Db,
  { olderThanDays, batch }: { readonly olderThanDays: number; readonly batch: number },
): Promise<number> {
  const isOld = sql<SqlBool>`completed_at < now() - ${olderThanDays}::integer * interval '1 day'`
  const { rows } = await sql<{ count: number }>`
    with doomed as (
      select schedule_run_id from agentos_schedule_runs
      where ${isOld} and status <> 'paused' order by completed_at limit ${batch}::integer
      for update skip locked
    ), deleted as (
      delete from agentos_schedule_runs where schedule_run_id in (select schedule_run_id from doomed) returning 1
    )
    select count(*) from deleted`.execute(db)
  return rows[0]?.count ?? 0
}
