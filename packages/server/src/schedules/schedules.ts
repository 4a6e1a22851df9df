/**
 * Schedules of this replica: looks for ticks that have come, hands them over, follows what became of them. Every replica
 * does, and the database decides who gets what; a replica that dies loses nothing.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Db } from '../storage/database.ts'
import { createTriggered, type EndedScheduleRun } from '../storage/schedules/schedule-queue.ts'
import type { Log } from '../telemetry/log.ts'
import type { ScheduleMove } from '../telemetry/metrics.ts'
import type { Send } from './dispatch.ts'
import { createHandOvers, within } from './hand-overs.ts'
import { createLook } from './looks.ts'
import { createRhythm } from './rhythm.ts'
import { createTurns } from './turns.ts'

export type { Send } from './dispatch.ts'

export type SchedulesOptions = {
  /** Owner of the leases; unique per process. */
  readonly replicaId: string
  /** Longest time between two looks, in milliseconds. */
  readonly pollMs: number
}

export type SchedulesDeps = {
  readonly db: Db
  readonly background: Db
  readonly ids: Ids
  readonly log: Log
  readonly send: Send
  /** Asks a run to stop, wherever it is. */
  readonly cancelRun: (runId: string) => Promise<void>
  /** Hears what happens to runs of schedules here. */
  readonly onMove: (move: ScheduleMove) => void
}

export type Schedules = {
  /** Looks from now on: with the next tick, and at most `pollMs` after the last look. */
  readonly start: () => void
  /**
   * Runs a schedule now, whatever else of it is under way. When this resolves, it has been handed over or has failed, or
   * a call is under way.
   * @returns the id of the row that tells of it
   * @throws {AgentOSError} SCHEDULE_NOT_FOUND, SCHEDULE_DISABLED, DATABASE_UNAVAILABLE, DRAINING
   */
  readonly trigger: (scheduleId: string) => Promise<string>
  /** Looks no more. Resolves when what is under way is over, calls included, or the time is. */
  readonly drain: (deadlineMs: number) => Promise<void>
  /** Ends calls that are under way, and waits until what became of them is stored. */
  readonly close: () => Promise<void>
}

/** Lease of what is being handed over or called, in milliseconds; renewed at every look. */
const LEASE_MS = 15_000
/** Runs that are begun at once, each with a connection of those for requests. */
const BEGIN_AT_ONCE = 4
/** How long whoever triggers something waits for it, in milliseconds. */
const TRIGGER_MS = 2000
/** Looks for nothing before {@link Schedules.start}. */
export function createSchedules({ replicaId, pollMs }: SchedulesOptions, deps: SchedulesDeps): Schedules {
  const { background: db, ids, log, onMove } = deps
  const lease = { owner: replicaId, leaseMs: Math.max(LEASE_MS, 3 * pollMs) }
  const closing = new AbortController()
  const onEnded = (ended: EndedScheduleRun) => {
    onMove({ type: 'ended', status: ended.status })
    logEnd(log, ended)
  }
  const handOvers = createHandOvers(
    {
      db,
      ids,
      log,
      lease,
      send: deps.send,
      turns: createTurns(BEGIN_AT_ONCE),
      onBegun: ({ lateMs, attempt }) => onMove({ type: 'begun', lateMs: attempt === 1 ? lateMs : null }),
      onEnded,
    },
    closing.signal,
  )
  const look = createLook({
    db,
    ids,
    lease,
    handOvers,
    isStopped: () => rhythm.isStopped(),
    cancelRun: deps.cancelRun,
    onEnded,
    onSkipped: (count) => onMove({ type: 'skipped', count }),
  })

  const rhythm = createRhythm({ look, pollMs, ids, log })
  return {
    start: rhythm.start,
    async trigger(scheduleId) {
      if (rhythm.isStopped()) throw new AgentOSError('DRAINING', 'This replica is stopping')
      const run = await createTriggered(deps.db, { scheduleId, scheduleRunId: ids.uuid() }, lease)
      if (run === undefined) throw new AgentOSError('SCHEDULE_NOT_FOUND', 'Schedule not found')
      if (run === 'disabled') throw new AgentOSError('SCHEDULE_DISABLED', 'Schedule is disabled')
      // What is called may take an hour.
      await within(TRIGGER_MS, handOvers.add(run))
      return run.scheduleRunId
    },
    drain: (deadlineMs) => within(deadlineMs, rhythm.stop().then(handOvers.idle)),
    async close() {
      closing.abort()
      await rhythm.stop()
      await handOvers.idle()
    },
  }
}

function logEnd(log: Log, { scheduleRunId, scheduleId, runId, attempt, status, error, isRetried }: EndedScheduleRun) {
  const fields = { schedule_id: scheduleId, schedule_run_id: scheduleRunId, run_id: runId ?? undefined, attempt }
  if (status === 'failed') log.warn('a run of a schedule failed', { ...fields, reason: error, retried: isRetried })
  else log.info('a run of a schedule ended', { ...fields, status })
}
