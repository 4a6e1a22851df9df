/**
 * The runs of this replica: starts them, takes up those that wait or were lost, keeps their leases, cancels them, and
 * gives them away when it stops. The durable side of a run; what it computes happens on a generation, which is handed in
 * as {@link Executor}.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Db } from '../storage/database.ts'
import { requeueRun } from '../storage/runs/queue.ts'
import { appendEvents } from '../storage/runs/run-events.ts'
import type { Run } from '../storage/runs/runs.ts'
import { wasFollowed } from '../storage/runs/tail-events.ts'
import type { Log } from '../telemetry/log.ts'
import { createAdmission } from './admission.ts'
import { createAsides } from './asides.ts'
import type { OnAttempt } from './attempt.ts'
import type { ContinueDeps, ContinueRequest } from './continue.ts'
import { drainRuns, releaseRuns } from './departure.ts'
import { createDispatch } from './dispatch.ts'
import { createEndings } from './endings.ts'
import { createEventLog } from './event-log.ts'
import { type Following, followFromStart, followRun } from './follow.ts'
import { createHeldRuns, type HoldLimits } from './held-runs.ts'
import { goOnWithRun, type Started, startRun } from './intake.ts'
import type { EncodeEvent, LiveRun } from './live-run.ts'
import type { Executor, NewRunRequest, StartLimits } from './start.ts'
import { createRunStore } from './store.ts'
import { createTails, TOUCH_MS } from './tails.ts'
import { waitForRest } from './wait.ts'
import { keepWatch } from './watch.ts'

export type { SentAnswer } from './answers.ts'
export type { ContinueRequest } from './continue.ts'
export type { Entry } from './feed.ts'
export type { Following } from './follow.ts'
export type { Started } from './intake.ts'
export type { EncodeEvent, FinishedRun, LiveRun } from './live-run.ts'
export type { Executor, NewRunRequest } from './start.ts'

export type RunsOptions = HoldLimits &
  StartLimits & {
    /** Owner of the leases; unique per process. */
    readonly replicaId: string
    /** Runs at once. */
    readonly maxRuns: number
    /** Background runs at once, among them. */
    readonly maxBackgroundRuns: number
    readonly leaseMs: number
    /** Most bytes of events of one attempt. */
    readonly maxEventBytes: number
    /** Milliseconds between two looks for runs to take up. */
    readonly queuePollMs: number
    /** Milliseconds a run may wait for a replica before it fails. */
    readonly queueTimeoutMs: number
  }

/** What replicas tell each other to save time; never needed. */
export type Hint = 'queue' | 'cancel'

export type RunsDeps = {
  /** Connections for requests, and for what runs write. */
  readonly db: Db
  readonly background: Db
  readonly executor: () => Executor | undefined
  readonly checkInput: ContinueDeps['checkInput']
  readonly encode: EncodeEvent
  readonly hint: (topic: Hint) => void
  readonly onHint: (listener: (topic: string) => void) => () => void
  /** Hears of every attempt that has left, in whatever way; for traces and metrics. */
  readonly onAttempt?: OnAttempt | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

export type Runs = {
  /**
   * Accepts a run. When this resolves, it is stored, and has been handed to its generation or waits in the queue.
   * @throws {AgentOSError} AGENT_NOT_FOUND, NO_REVISION, SESSION_TAKEN, TOO_MANY_RUNS, QUEUE_FULL, IDEMPOTENCY_CONFLICT,
   *   DRAINING, DATABASE_UNAVAILABLE
   */
  readonly start: (request: NewRunRequest) => Promise<Started>
  /**
   * Goes on with a run: with answers, after an error, or as a fork.
   * @throws {AgentOSError} AGENT_NOT_FOUND, NO_REVISION, RUN_NOT_FOUND, RUN_NOT_PAUSED, RUN_NOT_CONTINUABLE,
   *   INVALID_REQUEST, APPROVAL_PENDING, TOO_MANY_RUNS, DRAINING, DATABASE_UNAVAILABLE
   */
  readonly continue: (request: ContinueRequest) => Promise<Started>
  /**
   * The events of any run, whichever replica has it.
   * @param afterIndex index of the last event that the follower has; -1 for none
   * @returns undefined when there is no such run
   */
  readonly follow: (runId: string, afterIndex: number) => Promise<Following | undefined>
  /** The events of a run that was started here, from its first one of this attempt; reads nothing. */
  readonly followLive: (live: LiveRun) => Following
  /**
   * Waits until a run has ended or waits for answers, whichever replica has it.
   * @throws {AgentOSError} RUN_NOT_FOUND, RUN_HANDED_OVER when this replica stops first; the signal's reason
   */
  readonly wait: (runId: string, signal: AbortSignal) => Promise<Run>
  /** Asks the run to stop, wherever it is. Unknown and ended runs are left as they are. */
  readonly cancel: (runId: string) => Promise<void>
  /** Gives a failed or cancelled background run another try. @returns undefined when it is not one */
  readonly requeue: (runId: string) => Promise<Run | undefined>
  readonly running: () => number
  /**
   * Takes no more runs; lets those in flight end, then asks them to stop between two steps, and at the deadline gives
   * the rest away. Other replicas go on with them.
   */
  readonly drain: (deadlineMs: number) => Promise<void>
  /** Gives away now what still runs. @returns how many runs that were */
  readonly release: () => Promise<number>
  /** Stores what is left of the events, and stops. */
  readonly close: () => Promise<void>
}

const FLUSH_MS = 100
const MAX_HELD_EVENT_BYTES = 64 * 1024 * 1024

export function createRuns(options: RunsOptions, deps: RunsDeps): Runs {
  const { clock, ids, log, db, background, hint } = deps
  const lease = { owner: options.replicaId, leaseMs: options.leaseMs }
  const store = createRunStore(background, options.replicaId, { clock, ids })
  const eventLog = createEventLog((chunks) => appendEvents(background, options.replicaId, chunks), log, {
    flushMs: FLUSH_MS,
    maxHeldBytes: MAX_HELD_EVENT_BYTES,
  })
  const held = createHeldRuns(
    options,
    // In doubt, a run goes on.
    (runId, withinMs) => wasFollowed(db, runId, Math.max(withinMs, 2 * TOUCH_MS)).catch(() => true),
    (run, outcome) => {
      // The next run of its session may have waited for it, and any other for its place.
      if (run.background || admission.room() <= 1 || !outcome.atRest) watch.poke()
      if (!outcome.atRest) hint('queue')
      if (outcome.status === 'PAUSED') asides.add(endings.endCancelledPause(run.runId))
    },
  )
  const admission = createAdmission(options.maxRuns, held)
  const dispatch = createDispatch({ ...deps, ...options, db: background, held, store, eventLog })
  const endings = createEndings({ db, log, held, dispatch, lease, onCancelElsewhere: () => hint('cancel') })
  const tails = createTails(db, clock.monotonic, log)
  const asides = createAsides(log)
  const watch = keepWatch(options, { ...deps, held, admission, dispatch, endings, asides, onTaken: tails.poke })
  const onQueued = () => {
    watch.poke()
    hint('queue')
  }
  const shut = () => {
    admission.shut()
    return watch.shut()
  }
  const intake = { ...deps, maxAttempts: options.maxAttempts, dispatch, held, onQueued }
  const departure = { clock, admission, held, eventLog, store }
  const follow = { db, tails, live: held.get }
  const stopping = new AbortController()
  return {
    start: (request) => admission.accept(request.background, () => startRun(intake, request, options)),
    async continue(request) {
      const started = await admission.accept(request.background, () => goOnWithRun(intake, request, options))
      tails.poke()
      return started
    },
    follow: (runId, afterIndex) => followRun(follow, runId, afterIndex),
    followLive: (live) => followFromStart(follow, live),
    wait: (runId, signal) => waitForRest(follow, runId, AbortSignal.any([signal, stopping.signal])),
    cancel: endings.cancel,
    async requeue(runId) {
      const run = await requeueRun(db, runId)
      if (run !== undefined) onQueued()
      return run
    },
    running: held.size,
    drain: (deadlineMs) => {
      asides.add(shut())
      return drainRuns(departure, deadlineMs, stopping.signal)
    },
    release: () => {
      asides.add(shut())
      stopping.abort(new AgentOSError('RUN_HANDED_OVER', 'This replica stopped; another one goes on with the run'))
      return releaseRuns(departure)
    },
    async close() {
      stopping.abort(new AgentOSError('RUN_HANDED_OVER', 'This replica stopped'))
      store.close()
      await Promise.all([shut(), watch.close(), tails.close(), asides.close()])
      await eventLog.close()
      for (const run of held.all()) held.drop(run)
    },
  }
}
