/**
 * Keeps storage bounded: makes room for the events and spans of the coming days, drops those past their retention, deletes
 * runs, sessions and traces past theirs. Every replica does it, one at a time; what one has done is not there for the next.
 * @module
 */
import { passes, startRounds } from '../base/rounds.ts'
import type { Database } from '../storage/database.ts'
import { deleteUnusedContents, dropPassingMedia } from '../storage/media.ts'
import { deleteOldRuns, deleteOldSessions, deleteOldTraces, type Batch } from '../storage/upkeep/retention.ts'
import { dropEventPartitions, prepareEventPartitions } from '../storage/runs/run-events.ts'
import { dropSpanPartitions, prepareSpanPartitions } from '../storage/traces/spans.ts'
import { deleteOldScheduleRuns } from '../storage/schedules/schedule-runs.ts'
import { deleteOldUsage } from '../storage/usage.ts'
import { vacuumEmbedded } from '../storage/upkeep/vacuum.ts'
import type { Log } from '../telemetry/log.ts'

export type Retention = {
  /** Days that events are kept. */
  readonly eventDays: number
  /** Days that ended runs and untouched sessions are kept; 0 keeps them for ever. */
  readonly runDays: number
  /** Days that traces are kept. */
  readonly traceDays: number
  /** Days that the history of schedules is kept. */
  readonly scheduleDays: number
  /** Days that usage is kept. */
  readonly usageDays: number
}

export type Pacing = {
  /** Before the first round, in milliseconds: a server that is started every morning cleans up, too. */
  readonly firstMs: number
  /** Between two rounds, in milliseconds. */
  readonly everyMs: number
  /** Most runs to delete at once. */
  readonly batch: number
  /** Between two batches, in milliseconds, for those who have work to do. */
  readonly pauseMs: number
}

/** Whoever has stored bytes stores the run that refers to them long before. */
const UNUSED_MINUTES = 60

const PACING: Pacing = { firstMs: 60_000, everyMs: 3_600_000, batch: 500, pauseMs: 200 }

export function startHousekeeping(
  database: Database,
  retention: Retention,
  log: Log,
  pacing: Pacing = PACING,
): { readonly close: () => Promise<void> } {
  return startRounds({
    waitMs: (round) => (round === 0 ? pacing.firstMs : pacing.everyMs),
    work: (closing) => cleanOnce(database, retention, { log, pacing, closing }),
    // Events fall into the default partition meanwhile; the next round tries again.
    onError: (error) => log.warn('housekeeping failed', { error }),
  })
}

type Work = { readonly log: Log; readonly pacing: Pacing; readonly closing: AbortSignal }

async function cleanOnce(database: Database, retention: Retention, work: Work): Promise<void> {
  const { log } = work
  const { eventDays, runDays, traceDays, scheduleDays } = retention
  const db = database.maintenance
  await prepareEventPartitions(db)
  await prepareSpanPartitions(db)
  const dropped = await dropEventPartitions(db, eventDays)
  if (dropped.length > 0) log.info('dropped old events', { partitions: dropped })
  const droppedSpans = await dropSpanPartitions(db, traceDays)
  const traces = await inBatches(traceDays, work, (batch) => deleteOldTraces(db, batch))
  if (droppedSpans.length + traces > 0) log.info('deleted old traces', { traces, partitions: droppedSpans })
  if (runDays > 0) {
    const runs = await inBatches(runDays, work, (batch) => deleteOldRuns(db, batch))
    const sessions = await inBatches(runDays, work, (batch) => deleteOldSessions(db, batch))
    if (runs + sessions > 0) log.info('deleted old runs', { runs, sessions, older_than_days: runDays })
  }
  await deleteOldUsage(db, retention.usageDays)
  await inBatches(scheduleDays, work, (batch) => deleteOldScheduleRuns(db, batch))
  await dropPassingMedia(db)
  const media = await inBatches(0, work, ({ batch }) =>
    deleteUnusedContents(db, { unusedMinutes: UNUSED_MINUTES, batch }),
  )
  if (media > 0) log.info('deleted what was attached to runs that are gone', { contents: media })
  await vacuumEmbedded(database)
}

/** @returns how many were deleted */
async function inBatches(
  olderThanDays: number,
  { pacing, closing }: Work,
  deleteBatch: (batch: Batch) => Promise<number>,
): Promise<number> {
  let total = 0
  for (;;) {
    const deleted = await deleteBatch({ olderThanDays, batch: pacing.batch })
    total += deleted
    if (deleted < pacing.batch || !(await passes(pacing.pauseMs, closing))) return total
  }
}
