/**
 * Schedules for tests that care about one or two of their values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { ClaimTicksOptions, DueSchedule, TickPlan } from '../schedules/claim-ticks.ts'
import { createSchedule, type NewSchedule, type Schedule } from '../schedules/schedules.ts'
import type { Db } from '../tables.ts'

function newSchedule(given: Partial<NewSchedule> = {}): NewSchedule {
  return {
    scheduleId: randomUUID(),
    userId: null,
    name: `schedule ${randomUUID()}`,
    description: null,
    method: 'POST',
    endpoint: '/agents/assistant/runs',
    payload: { message: 'What is new?' },
    // Once a year: no tick comes while a test runs.
    cronExpr: '0 0 1 1 *',
    timezone: 'UTC',
    timeoutSeconds: 3600,
    maxRetries: 0,
    retryDelaySeconds: 60,
    missedPolicy: 'run_once',
    overlapPolicy: 'skip',
    nextRunAt: new Date('2027-01-01T00:00:00Z'),
    ...given,
  }
}

/** @param dueMs how long ago its tick came, in milliseconds by the clock of the database; negative: in the future */
export async function storeSchedule(db: Db, given: Partial<NewSchedule> = {}, dueMs = 1000): Promise<Schedule> {
  const created = await createSchedule(db, newSchedule(given), 1_000_000)
  if (created.type !== 'created') throw new Error(`the schedule is ${created.type}`)
  await makeDue(db, created.schedule.scheduleId, dueMs)
  return created.schedule
}

export async function makeDue(db: Db, scheduleId: string, dueMs = 1000): Promise<void> {
  await sql`
    update agentos_schedules set next_run_at = now() - ${dueMs}::float8 * interval '1 millisecond'
    where schedule_id = ${scheduleId}`.execute(db)
}

/** Claims all that is due, for `owner`; every tick runs and is followed by one an hour later. */
export function claimAll(owner: string, plan: (due: DueSchedule) => Partial<TickPlan> = () => ({})): ClaimTicksOptions {
  return {
    owner,
    leaseMs: 30_000,
    limit: 50,
    plan: (due) => ({
      scheduleRunId: randomUUID(),
      action: 'run',
      reason: null,
      nextRunAt: new Date(due.now.getTime() + 3_600_000),
      problem: null,
      ...plan(due),
    }),
  }
}

/** Leaves no schedule and no session. */
export async function removeAll(db: Db): Promise<void> {
  await sql`delete from agentos_schedules`.execute(db)
  await sql`delete from agentos_sessions`.execute(db)
}

/** Schedules that nobody fires. */
export async function storeMany(db: Db, count: number): Promise<void> {
  await sql`
    insert into agentos_schedules (
      schedule_id, name, method, endpoint, cron_expr, timezone, timeout_seconds, max_retries, retry_delay_seconds,
      missed_policy, overlap_policy
    )
    select 'filler-' || i, 'filler ' || i, 'GET', '/health', '', 'UTC', 60, 0, 60, 'skip', 'skip'
    from generate_series(1, ${count}::integer) i`.execute(db)
}

/** A call of a replica that is gone, whose lease is over since `ageSeconds`. */
export async function storeLostCall(db: Db, scheduleId: string, id: string, ageSeconds: number): Promise<void> {
  await sql`
    insert into agentos_schedule_runs (
      schedule_run_id, schedule_id, status, method, endpoint, timeout_seconds, max_retries, retry_delay_seconds,
      lease_owner, triggered_at, lease_until
    )
    values (${id}, ${scheduleId}, 'running', 'GET', '/health', 60, 0, 1, 'replica-gone', now(),
      now() - ${ageSeconds}::integer * interval '1 second')`.execute(db)
}

/** As if whoever has something in hand had died long ago. */
export async function endLeases(db: Db): Promise<void> {
  await sql`update agentos_schedule_runs set lease_until = now() where lease_until is not null`.execute(db)
}

/** Rows by status, and the runs that there are for them. */
export async function countByStatus(
  db: Db,
): Promise<{ readonly statuses: Record<string, number>; readonly named: number; readonly runs: number }> {
  const { rows } = await sql<{ statuses: Record<string, number> | null; named: number; runs: number }>`
    select (select jsonb_object_agg(status, count) from
        (select status, count(*) as count from agentos_schedule_runs group by status) counted) as statuses,
      (select count(distinct run_id) from agentos_schedule_runs) as named,
      (select count(*) from agentos_runs) as runs`.execute(db)
  const { statuses, named = 0, runs = 0 } = rows[0] ?? {}
  return { statuses: statuses ?? {}, named, runs }
}

/** The tables of schedules are gone until the returned function is called. */
export async function takeAway(db: Db): Promise<() => Promise<void>> {
  await sql`alter table agentos_schedules rename to agentos_away`.execute(db)
  return async () => {
    await sql`alter table agentos_away rename to agentos_schedules`.execute(db)
  }
}

/** A run that has ended meanwhile. */
export async function completeRun(db: Db, runId: string): Promise<void> {
  await sql`update agentos_runs set status = 'COMPLETED' where run_id = ${runId}`.execute(db)
}
