/**
 * The runs of this replica: starts them, keeps their leases, cancels and drains them. The durable side of a run; what it
 * computes happens on a generation, which is handed in as {@link Executor}.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { appendEvents } from '../storage/run-events.ts'
import { requestCancel } from '../storage/runs.ts'
import { createEventLog } from './event-log.ts'
import { createHeldRuns, type HoldLimits } from './held-runs.ts'
import { keepLeases } from './leases.ts'
import { createLiveRun, type EncodeEvent, type LiveRun } from './live-run.ts'
import { type Executor, findTarget, type NewRunRequest, type StoredRun, storeRun, type Target } from './start.ts'
import { createRunStore } from './store.ts'

export type { EncodeEvent, FinishedRun, LiveRun } from './live-run.ts'
export type { Executor, NewRunRequest } from './start.ts'

export type RunsOptions = HoldLimits & {
  /** Owner of the leases; unique per process. */
  readonly replicaId: string
  /** Runs at once. */
  readonly maxRuns: number
  readonly leaseMs: number
}

export type RunsDeps = {
  /** Connections for requests, and for what runs write. */
  readonly db: Db
  readonly background: Db
  readonly executor: () => Executor | undefined
  readonly encode: EncodeEvent
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

export type Runs = {
  /**
   * Accepts a run: when this resolves, the run is stored and has been handed to its generation.
   * @throws {AgentOSError} AGENT_NOT_FOUND, NO_REVISION, SESSION_TAKEN, TOO_MANY_RUNS, DRAINING, DATABASE_UNAVAILABLE
   */
  readonly start: (request: NewRunRequest) => Promise<LiveRun>
  /** Asks the run to stop, wherever it runs. Unknown and ended runs are left as they are. */
  readonly cancel: (runId: string) => Promise<void>
  /** The run, if this replica holds it. */
  readonly live: (runId: string) => LiveRun | undefined
  readonly running: () => number
  /** Takes no more runs, and resolves when those in flight have ended, or after `deadlineMs`, whichever is first. */
  readonly drain: (deadlineMs: number) => Promise<void>
  /** Stores what is left of the events and stops keeping leases. */
  readonly close: () => Promise<void>
}

const FLUSH_MS = 100
/** A run that was being accepted when draining began shows itself within this time. */
const DRAIN_POLL_MS = 50
const MAX_HELD_EVENT_BYTES = 64 * 1024 * 1024

export function createRuns(options: RunsOptions, deps: RunsDeps): Runs {
  const { clock, ids, log } = deps
  const held = createHeldRuns(options)
  const store = createRunStore(deps.background, options.replicaId, options.leaseMs, { clock, ids })
  const eventLog = createEventLog((chunks) => appendEvents(deps.background, chunks), log, {
    flushMs: FLUSH_MS,
    maxHeldBytes: MAX_HELD_EVENT_BYTES,
  })
  const leases = keepLeases(deps.background, options, log, {
    onCancelRequested: held.cancel,
    anyHeld: () => held.size() > 0,
  })
  let accepting = true
  /** Accepted, but not stored yet: they count against the limit, and draining waits for them. */
  let starting = 0

  async function start(request: NewRunRequest): Promise<LiveRun> {
    if (!accepting) throw new AgentOSError('DRAINING', 'This replica is stopping')
    if (held.size() + starting >= options.maxRuns) {
      throw new AgentOSError('TOO_MANY_RUNS', `This replica runs ${options.maxRuns} runs already`)
    }
    const target = findTarget(deps.executor(), request.agentId)
    // A swap may come while the run is being stored; the run stays with the revision that accepted it.
    const release = target.executor.retain()
    starting++
    try {
      const stored = await storeRun(deps.db, ids, request, target, options)
      return dispatch(stored, target)
    } finally {
      starting--
      release()
    }
  }

  /** Nothing is awaited here: the caller subscribes before the first event can arrive. */
  function dispatch({ job, createdAt }: StoredRun, { agent, executor }: Target): LiveRun {
    const { runId } = job
    const run = createLiveRun(
      { job, agent, revision: executor.revision, createdAt },
      {
        store,
        eventLog,
        encode: deps.encode,
        now: clock.now,
        onAbandoned: () => held.abandon(runId),
        onUnstored: (error) => log.error('the end of a run could not be stored', { run_id: runId, error }),
      },
    )
    held.hold(run, executor.start(job, run.handlers).cancel)
    void run.finished.then(() => eventLog.forget(runId))
    return run
  }

  return {
    start,
    async cancel(runId) {
      if (!held.cancel(runId)) await requestCancel(deps.db, runId)
    },
    live: held.get,
    running: held.size,
    async drain(deadlineMs) {
      accepting = false
      const deadline = clock.monotonic() + deadlineMs
      while ((held.size() > 0 || starting > 0) && clock.monotonic() < deadline) {
        await Promise.race([held.nextEnd(), sleep(DRAIN_POLL_MS)])
      }
      held.blame(new AgentOSError('DRAINING', 'The server stopped before the run had ended'))
    },
    async close() {
      leases.close()
      await eventLog.close()
    },
  }
}
