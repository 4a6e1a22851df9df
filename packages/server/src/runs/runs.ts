/**
 * The runs of this replica: starts them, keeps their leases, cancels and drains them. The durable side of a run; what it
 * computes happens on a generation, which is handed in as {@link Executor}.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { appendEvents } from '../storage/run-events.ts'
import { requestCancel } from '../storage/runs.ts'
import { createEventLog } from './event-log.ts'
import { keepLeases } from './leases.ts'
import { createLiveRun, type EncodeEvent, type LiveRun, type OwnedRun } from './live-run.ts'
import { type Executor, findTarget, type NewRunRequest, type StoredRun, storeRun, type Target } from './start.ts'
import { createRunStore } from './store.ts'

export type { EncodeEvent, EventContext, FinishedRun, LiveRun } from './live-run.ts'
export type { Executor, NewRunRequest } from './start.ts'

export type RunsOptions = {
  /** Owner of the leases; unique per process. */
  readonly replicaId: string
  /** Runs at once. */
  readonly maxRuns: number
  readonly leaseMs: number
  readonly runTimeoutMs: number
  /** Milliseconds a run goes on without a listener after its client went away; undefined for ever. */
  readonly disconnectGraceMs: number | undefined
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

type Held = { readonly run: OwnedRun; readonly cancel: (reason: string) => void }

const FLUSH_MS = 100
const MAX_HELD_EVENT_BYTES = 64 * 1024 * 1024

export function createRuns(options: RunsOptions, deps: RunsDeps): Runs {
  const { clock, ids, log } = deps
  const held = new Map<string, Held>()
  const store = createRunStore(deps.background, options.replicaId, options.leaseMs, clock.monotonic)
  const eventLog = createEventLog((chunks) => appendEvents(deps.background, chunks), log, {
    flushMs: FLUSH_MS,
    maxHeldBytes: MAX_HELD_EVENT_BYTES,
  })
  const leases = keepLeases(deps.background, options, log, {
    onCancelRequested: (runId) => held.get(runId)?.cancel(cancelled(runId)),
    anyHeld: () => held.size > 0,
  })
  let accepting = true
  /** Accepted, but not stored yet: they count against the limit, and draining waits for them. */
  let starting = 0

  async function start(request: NewRunRequest): Promise<LiveRun> {
    if (!accepting) throw new AgentOSError('DRAINING', 'This replica is stopping')
    if (held.size + starting >= options.maxRuns) {
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
        onAbandoned: () => giveGrace(runId),
        onUnstored: (error) => log.error('the end of a run could not be stored', { run_id: runId, error }),
      },
    )
    hold(run, executor.start(job, run.handlers).cancel)
    return run
  }

  function hold(run: OwnedRun, cancel: (reason: string) => void): void {
    const { runId } = run
    const timeout = setTimeout(() => {
      run.failWith(new AgentOSError('RUN_TIMEOUT', `The run took longer than ${options.runTimeoutMs} ms`))
      cancel('The run took too long')
    }, options.runTimeoutMs)
    held.set(runId, { run, cancel })
    void run.finished.then(() => {
      clearTimeout(timeout)
      held.delete(runId)
      eventLog.forget(runId)
    })
  }

  function giveGrace(runId: string): void {
    const graceMs = options.disconnectGraceMs
    if (graceMs === undefined) return
    const timer = setTimeout(() => {
      const abandoned = held.get(runId)
      if (abandoned !== undefined && abandoned.run.feed.subscribers() === 0) abandoned.cancel(cancelled(runId))
    }, graceMs)
    void held.get(runId)?.run.finished.then(() => clearTimeout(timer))
  }

  return {
    start,
    async cancel(runId) {
      const here = held.get(runId)
      if (here !== undefined) here.cancel(cancelled(runId))
      else await requestCancel(deps.db, runId)
    },
    live: (runId) => held.get(runId)?.run,
    running: () => held.size,
    async drain(deadlineMs) {
      accepting = false
      const deadline = clock.monotonic() + deadlineMs
      while ((held.size > 0 || starting > 0) && clock.monotonic() < deadline) {
        await Promise.race([...[...held.values()].map(({ run }) => run.finished), timer(50)])
      }
    },
    async close() {
      leases.close()
      await eventLog.close()
    },
  }
}

const cancelled = (runId: string) => `Run ${runId} was cancelled`
const timer = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
