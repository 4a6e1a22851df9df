/**
 * What this replica is handing over or calling at the moment. Invariant: all of it is leased to this replica, and stays so
 * as long as somebody renews.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import { renewScheduleLeases, type ScheduleHandOver } from '../storage/schedules/schedule-queue.ts'
import { dispatch, type DispatchDeps } from './dispatch.ts'

export type HandOvers = {
  /** Hands one over. Never fails: what is not stored is done again by whoever finds the lease run out. */
  readonly add: (run: ScheduleHandOver) => Promise<void>
  /** How many more could be taken now. */
  readonly room: () => number
  /** Keeps all leases. */
  readonly renew: () => Promise<void>
  /** Keeps all leases until nothing is under way any more. */
  readonly idle: () => Promise<void>
}

/** Most at once, and most that one look takes. */
const MAX_UNDER_WAY = 100
export const BATCH = 20
/** Between two renewals while nobody looks, in milliseconds. */
const RENEW_MS = 5000

/** @param closing ends calls that are under way */
export function createHandOvers(deps: DispatchDeps, closing: AbortSignal): HandOvers {
  const underWay = new Map<string, Promise<void>>()
  async function renew(): Promise<void> {
    if (underWay.size > 0) await renewScheduleLeases(deps.db, [...underWay.keys()], deps.lease)
  }
  return {
    add(run) {
      const fields = { schedule_id: run.scheduleId, schedule_run_id: run.scheduleRunId }
      const work = dispatch(deps, run, closing)
        .catch((error: unknown) => deps.log.warn('a run of a schedule could not be handed over', { ...fields, error }))
        .finally(() => underWay.delete(run.scheduleRunId))
      underWay.set(run.scheduleRunId, work)
      return work
    },
    room: () => Math.min(BATCH, MAX_UNDER_WAY - underWay.size),
    renew,
    async idle() {
      while (underWay.size > 0) {
        await within(RENEW_MS, Promise.all(underWay.values()))
        // Without a database, what is under way fails by itself.
        await renew().catch((error: unknown) => deps.log.warn('leases of schedules could not be renewed', { error }))
      }
    },
  }
}

/** Waits for `work`, and no longer than `ms` milliseconds. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  await Promise.race([work, sleep(ms, over.signal).catch(() => {})])
  over.abort()
}
