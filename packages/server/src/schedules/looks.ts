/**
 * One look at the schedules:
 *
 *   what ended is stored, with the next attempts -> ticks are claimed -> what waits is claimed -> both are handed over
 *
 * It costs one statement while nothing is due.
 * @module
 */
import type { Ids } from '../base/ids.ts'
import { claimTicks, type DueSchedule } from '../storage/schedules/claim-ticks.ts'
import type { Db } from '../storage/database.ts'
import {
  claimPending,
  type EndedScheduleRun,
  type QueueLease,
  readScheduleWork,
  type ScheduleWork,
  settleScheduleRuns,
} from '../storage/schedules/schedule-queue.ts'
import { BATCH, type HandOvers } from './hand-overs.ts'
import { planTick } from './plan.ts'

export type LookDeps = {
  readonly db: Db
  readonly ids: Ids
  readonly lease: QueueLease
  readonly handOvers: HandOvers
  /** Whether nothing may be claimed any more. */
  readonly isStopped: () => boolean
  /** Asks a run to stop, wherever it is. */
  readonly cancelRun: (runId: string) => Promise<void>
  readonly onEnded: (ended: EndedScheduleRun) => void
  /** Ticks were dropped. */
  readonly onSkipped: (count: number) => void
}

/** A paused run may wait for days: every so many looks. */
const PAUSED_EVERY = 30

/** @returns a function that looks once, and tells what there was to do */
export function createLook(deps: LookDeps): () => Promise<ScheduleWork> {
  const { db, ids, lease, handOvers, isStopped } = deps
  let looks = 0

  async function settle(withPaused: boolean): Promise<void> {
    for (;;) {
      const retryIds = Array.from({ length: BATCH }, () => ids.uuid())
      const ended = await settleScheduleRuns(db, { withPaused, retryIds })
      ended.forEach(deps.onEnded)
      for (const { runId, isLate } of ended) if (isLate && runId !== null) await deps.cancelRun(runId)
      if (ended.length < BATCH) return
    }
  }

  async function claimDue(): Promise<void> {
    const plan = (due: DueSchedule) => planTick(due, ids.uuid())
    for (let limit = handOvers.room(); limit > 0 && !isStopped(); limit = handOvers.room()) {
      const { runs, skipped, due } = await claimTicks(db, { ...lease, limit, plan })
      if (skipped > 0) deps.onSkipped(skipped)
      for (const run of runs) void handOvers.add(run)
      if (due < limit) return
    }
  }

  async function claimWaiting(): Promise<void> {
    for (let limit = handOvers.room(); limit > 0 && !isStopped(); limit = handOvers.room()) {
      const runs = await claimPending(db, lease, limit)
      for (const run of runs) void handOvers.add(run)
      if (runs.length < limit) return
    }
  }

  return async () => {
    await handOvers.renew()
    const withPaused = looks++ % PAUSED_EVERY === 0
    const work = await readScheduleWork(db)
    if (work.hasRunning || withPaused) await settle(withPaused)
    if (isDue(work.untilTickMs)) await claimDue()
    if (isDue(work.untilPendingMs)) await claimWaiting()
    return work
  }
}

function isDue(untilMs: number | null): boolean {
  return untilMs !== null && untilMs <= 0
}
