/**
 * What a tick that has come leads to. Pure: time, cron and what else is under way come in, the decision goes out.
 * @module
 */
import type { DueSchedule, TickPlan } from '../storage/schedules/claim-ticks.ts'
import { nextTick } from './cron.ts'

/** A tick that is claimed later than this was missed: nobody was there for it, in milliseconds. */
export const MISSED_AFTER_MS = 60_000

/**
 * However many ticks were missed, the plan is for one run at most, and the next tick is after `due.now`.
 * @param scheduleRunId of the row that tells of it
 */
export function planTick(due: DueSchedule, scheduleRunId: string): TickPlan {
  const now = due.now.getTime()
  const plan = { scheduleRunId, reason: null, problem: null }
  let nextRunAt: Date | null
  try {
    const next = nextTick(due.cronExpr, due.timezone, Math.max(now, due.tickAt.getTime()))
    nextRunAt = next === undefined ? null : new Date(next)
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error
    // What was a time zone once may be none any more.
    return { ...plan, action: 'skip', nextRunAt: null, problem: `Its next time is unknown: ${error.message}` }
  }
  if (due.missedPolicy === 'skip' && now - due.tickAt.getTime() > MISSED_AFTER_MS) {
    return { ...plan, action: 'skip', nextRunAt, reason: 'The tick was missed: no server was there for it' }
  }
  if (!due.isBusy || due.overlapPolicy === 'allow') return { ...plan, action: 'run', nextRunAt }
  if (due.overlapPolicy === 'skip') {
    return { ...plan, action: 'skip', nextRunAt, reason: 'The run before was still under way' }
  }
  if (due.hasWaiting) {
    return { ...plan, action: 'skip', nextRunAt, reason: 'Another tick was waiting for the run before' }
  }
  return { ...plan, action: 'wait', nextRunAt }
}
