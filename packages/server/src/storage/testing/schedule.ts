/**
 * Schedules for tests that care about one or two of their values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { ClaimTicksOptions, DueSchedule, TickPlan } from '../claim-ticks.ts'
import { createSchedule, type NewSchedule, type Schedule } from '../schedules.ts'
import type { Db } from '../tables.ts'

export function newSchedule(given: Partial<NewSchedule> = {}): NewSchedule {
  return {
    scheduleId: randomUUID(),
    userId: null,
    name: `schedule ${randomUUID()}`,
    description: null,
    method: 'POST',
    endpoint: '/agents/assistant/runs',
    payload: { message: 'What is new?' },
    cronExpr: '* * * * *',
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
