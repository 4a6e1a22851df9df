/**
 * Ticks that have come: each becomes a row of `agentos_schedule_runs` in the transaction that moves its schedule on to the
 * next tick, so that none is lost and none fires twice, whatever dies and however many replicas look. Only the clock of
 * the database decides whether a tick has come.
 *
 * A transaction of three statements for up to `limit` schedules.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import { readHandOver, type ScheduleHandOver } from './schedule-queue.ts'
import type { Db, MissedPolicy, OverlapPolicy, ScheduleRunRow } from '../tables.ts'
import { jsonText } from '../values.ts'

/** A schedule whose tick has come. */
export type DueSchedule = {
  readonly scheduleId: string
  readonly cronExpr: string
  readonly timezone: string
  readonly missedPolicy: MissedPolicy
  readonly overlapPolicy: OverlapPolicy
  /** The tick. */
  readonly tickAt: Date
  /** By the clock of the database. */
  readonly now: Date
  /** Whether something of it is under way, or is to be tried again. */
  readonly isBusy: boolean
  /** Whether a tick waits for that already. */
  readonly hasWaiting: boolean
}

export type TickPlan = {
  readonly scheduleRunId: string
  readonly action: 'run' | 'wait' | 'skip'
  /** Why it is skipped. */
  readonly reason: string | null
  /** Null: never again. */
  readonly nextRunAt: Date | null
  /** Why the schedule cannot go on, and is disabled. */
  readonly problem: string | null
}

export type ClaimTicksOptions = {
  /** Gets the lease of what runs now. */
  readonly owner: string
  /** Milliseconds from now, by the clock of the database. */
  readonly leaseMs: number
  /** Most schedules. */
  readonly limit: number
  readonly plan: (due: DueSchedule) => TickPlan
}

type DueRow = {
  schedule_id: string
  cron_expr: string
  timezone: string
  missed_policy: MissedPolicy
  overlap_policy: OverlapPolicy
  next_run_at: Date
  now: Date
  is_busy: boolean
  has_waiting: boolean
}

/**
 * @returns what was claimed, the longest due first: those to hand over now are leased to `owner`; `due` is how many
 *   schedules there were
 */
export async function claimTicks(
  db: Db,
  { owner, leaseMs, limit, plan }: ClaimTicksOptions,
): Promise<{ readonly runs: ScheduleHandOver[]; readonly skipped: number; readonly due: number }> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<DueRow>`
      select schedule_id, cron_expr, timezone, missed_policy, overlap_policy, next_run_at, now() as now,
        exists (
          select from agentos_schedule_runs r
          where r.schedule_id = s.schedule_id and r.status in ('pending', 'running')
        ) as is_busy,
        exists (
          select from agentos_schedule_runs r
          where r.schedule_id = s.schedule_id and r.status = 'pending' and r.waits_for_turn
        ) as has_waiting
      from agentos_schedules s
      where enabled and next_run_at <= now()
      order by next_run_at limit ${limit}::integer
      for no key update of s skip locked`.execute(transaction)
    if (rows.length === 0) return { runs: [], skipped: 0, due: 0 }
    const plans = rows.map((row) => describePlan(row.schedule_id, plan(readDue(row))))
    const given = sql`jsonb_to_recordset(${jsonText(plans)}::jsonb) as given (
      schedule_id text, schedule_run_id text, action text, reason text, next_run_at timestamptz, problem text
    )`
    // First, as long as the schedule says which tick it is.
    const { rows: made } = await sql<Selectable<ScheduleRunRow> & { late_ms: number | null }>`
      insert into agentos_schedule_runs (
        schedule_run_id, schedule_id, user_id, tick_at, status, waits_for_turn, method, endpoint, payload,
        timeout_seconds, max_retries, retry_delay_seconds, lease_owner, lease_until, completed_at, error
      )
      select given.schedule_run_id, s.schedule_id, s.user_id, s.next_run_at,
        case given.action when 'skip' then 'skipped' else 'pending' end, given.action = 'wait', s.method, s.endpoint,
        s.payload, s.timeout_seconds, s.max_retries, s.retry_delay_seconds,
        case given.action when 'run' then ${owner} end,
        case given.action when 'run' then now() + ${leaseMs}::float8 * interval '1 millisecond' end,
        case given.action when 'skip' then now() end, given.reason
      from ${given} join agentos_schedules s using (schedule_id)
      where given.problem is null
      returning *, (extract(epoch from now() - tick_at) * 1000)::float8 as late_ms`.execute(transaction)
    await sql`
      update agentos_schedules s
      set next_run_at = given.next_run_at, enabled = given.problem is null, disabled_reason = given.problem
      from ${given} where s.schedule_id = given.schedule_id`.execute(transaction)
    return {
      runs: made.filter((row) => row.lease_owner !== null).map(readHandOver),
      skipped: made.filter((row) => row.status === 'skipped').length,
      due: rows.length,
    }
  })
}

function readDue(row: DueRow): DueSchedule {
  return {
    scheduleId: row.schedule_id,
    cronExpr: row.cron_expr,
    timezone: row.timezone,
    missedPolicy: row.missed_policy,
    overlapPolicy: row.overlap_policy,
    tickAt: row.next_run_at,
    now: row.now,
    isBusy: row.is_busy,
    hasWaiting: row.has_waiting,
  }
}

function describePlan(scheduleId: string, { scheduleRunId, action, reason, nextRunAt, problem }: TickPlan) {
  return { schedule_id: scheduleId, schedule_run_id: scheduleRunId, action, reason, next_run_at: nextRunAt, problem }
}
