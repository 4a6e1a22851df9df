/**
 * The runs of this replica: starts them, takes up those that wait or were lost, keeps their leases, cancels them, and
 * gives them away when it stops. The durable side of a run; what it computes happens on a generation, which is handed in
 * as {@link Executor}.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { Clock } from '../base/clock.ts'
import { isAtRest, type RunStatus } from '../base/run.ts'
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { findOverdueRuns } from '../storage/overdue-runs.ts'
import { requeueRun } from '../storage/queue.ts'
import { appendEvents } from '../storage/run-events.ts'
import { adoptRun, claimRuns, type ClaimedRun, findRun, requestCancel, type Run } from '../storage/runs.ts'
import { wasFollowed } from '../storage/tail-events.ts'
import { createClaims } from './claims.ts'
import { type ContinueDeps, type ContinueRequest, continueStored } from './continue.ts'
import { createDispatch } from './dispatch.ts'
import { createEventLog } from './event-log.ts'
import { type Following, followFromStart, followRun } from './follow.ts'
import { createHeldRuns, type HoldLimits } from './held-runs.ts'
import { keepLeases } from './leases.ts'
import type { EncodeEvent, LiveRun } from './live-run.ts'
import { type Executor, findTarget, type NewRunRequest, type StartLimits, storeRun } from './start.ts'
import { createRunStore } from './store.ts'
import { createTails } from './tails.ts'

export type { SentAnswer } from './answers.ts'
export type { ContinueRequest } from './continue.ts'
export type { Entry } from './feed.ts'
export type { Follower, Following } from './follow.ts'
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
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
}

/** A run that was accepted, or gone on with. */
export type Started = {
  readonly runId: string
  readonly sessionId: string
  readonly status: RunStatus
  /** False when an Idempotency-Key had brought it before. */
  readonly isNew: boolean
  /** The run, when it runs here. */
  readonly live: LiveRun | undefined
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
/** A run that was being accepted when draining began shows itself within this time. */
const DRAIN_POLL_MS = 50
/** The share of the drain time that runs have to end by themselves, before they are asked to stop between two steps. */
const FINISH_SHARE = 0.6
const MAX_HELD_EVENT_BYTES = 64 * 1024 * 1024
/** Most runs that one look takes up. */
const CLAIM_BATCH = 20
/** Past every event: for those who only want to know when a run is at rest. */
const MAX_INDEX = 2_147_483_647
const OVERDUE_CHECK_MS = 60_000

export function createRuns(options: RunsOptions, deps: RunsDeps): Runs {
  const { clock, ids, log, db, background } = deps
  const { replicaId, leaseMs } = options
  const store = createRunStore(background, replicaId, { clock, ids })
  const eventLog = createEventLog((chunks) => appendEvents(background, replicaId, chunks), log, {
    flushMs: FLUSH_MS,
    maxHeldBytes: MAX_HELD_EVENT_BYTES,
  })
  const held = createHeldRuns(
    options,
    (runId, withinMs) => wasFollowed(db, runId, withinMs).catch(() => true),
    (run, { atRest }) => {
      // The next run of its session may have waited for it, and any other for its place.
      if (run.background || wasFull || !atRest) claims.poke()
      if (!atRest) deps.hint('queue')
    },
  )
  const tails = createTails(db, clock.monotonic, log)
  const dispatch = createDispatch({ ...deps, ...options, db: background, held, store, eventLog })
  const stopping = new AbortController()
  /** Accepted or claimed, but not held yet: they count against the limit, and draining waits for them. */
  const arriving = new Set<string>()
  let starting = 0
  let accepting = true
  let wasFull = false

  const room = () => options.maxRuns - held.size() - starting - arriving.size

  async function claim(lost: boolean) {
    const executor = deps.executor()
    const limit = Math.min(CLAIM_BATCH, room())
    wasFull = limit <= 0
    if (executor === undefined || limit <= 0) return { claimed: [], more: false }
    const claimed = await claimRuns(background, {
      owner: replicaId,
      leaseMs,
      limit,
      backgroundLimit: options.maxBackgroundRuns - held.background(),
      components: executor.agents.map(({ id }) => ({ type: 'agent', id })),
      held: [...held.ids(), ...arriving],
      lost,
      revision: executor.revision,
    })
    return { claimed, more: claimed.length === limit }
  }

  async function take(claimed: ClaimedRun): Promise<void> {
    const { runId } = claimed.run
    arriving.add(runId)
    await dispatch.take(claimed)
    arriving.delete(runId)
    tails.poke()
  }

  const claims = createClaims(
    { pollMs: options.queuePollMs, leaseMs },
    { log, clock, random: () => randomFraction(ids), claim, take },
  )
  const leases = keepLeases(background, options, log, {
    held: held.ids,
    onCancelRequested: held.cancel,
    onLost: (runId) => {
      log.warn("a run is no longer this replica's: its lease had run out", { run_id: runId })
      held.drop(runId)
    },
    onTrouble: claims.mistrust,
  })
  const stopHints = deps.onHint((topic) => {
    if (topic === 'queue') claims.poke()
    if (topic === 'cancel') void leases.renew()
  })
  const overdue = setInterval(() => void endOverdue(), OVERDUE_CHECK_MS)

  /** Runs that no replica has taken for too long, most likely because none serves their agent any more. */
  async function endOverdue(): Promise<void> {
    try {
      for (const runId of await findOverdueRuns(background, options.queueTimeoutMs)) {
        const claimed = await adoptRun(background, runId, { owner: replicaId, leaseMs })
        const message = `No replica took the run up within ${options.queueTimeoutMs} ms`
        if (claimed !== undefined) await dispatch.end(claimed, new AgentOSError('QUEUE_TIMEOUT', message))
      }
    } catch (error) {
      log.warn('runs that wait for too long could not be ended, trying again', { error })
    }
  }

  function enqueued(): void {
    claims.poke()
    deps.hint('queue')
  }

  /** @param background whether it waits for its turn, so that there need not be room for it now */
  async function accept<T>(isBackground: boolean, work: () => Promise<T>): Promise<T> {
    if (!accepting) throw new AgentOSError('DRAINING', 'This replica is stopping')
    if (!isBackground && room() <= 0) {
      throw new AgentOSError('TOO_MANY_RUNS', `This replica runs ${options.maxRuns} runs already`)
    }
    starting++
    try {
      return await work()
    } finally {
      starting--
    }
  }

  return {
    start: (request) =>
      accept(request.background, async () => {
        const target = findTarget(deps.executor(), request.agentId)
        // A swap may come while the run is being stored; the run stays with the revision that accepted it.
        const release = target.executor.retain()
        try {
          const stored = await storeRun(db, ids, request, target, options)
          if (stored.type === 'known') return { ...stored, isNew: false, live: held.get(stored.runId) }
          if (stored.type === 'queued') {
            enqueued()
            return { ...stored, status: 'PENDING', isNew: true, live: undefined }
          }
          const live = dispatch.run(stored.prepared, target)
          return { runId: live.runId, sessionId: live.sessionId, status: 'RUNNING', isNew: true, live }
        } finally {
          release()
        }
      }),
    continue: (request) =>
      accept(request.background, async () => {
        const target = findTarget(deps.executor(), request.agentId)
        const claimed = await continueStored({ ...deps, ...options }, request, target, options)
        const { runId, sessionId, status } = claimed.run
        if (request.background) {
          enqueued()
          return { runId, sessionId, status, isNew: true, live: undefined }
        }
        const live = await dispatch.goOn(claimed, target)
        tails.poke()
        return { runId, sessionId, status, isNew: true, live }
      }),
    follow: (runId, afterIndex) => followRun({ db, tails, live: held.get }, runId, afterIndex),
    followLive: (live) => followFromStart({ db, tails, live: held.get }, live),
    wait: (runId, signal) => waitForRest(runId, AbortSignal.any([signal, stopping.signal])),
    async cancel(runId) {
      if (held.cancel(runId)) return
      const asked = await requestCancel(db, runId)
      if (asked === undefined || (isAtRest(asked.status) && asked.status !== 'PAUSED')) return
      const claimed = await adoptRun(background, runId, { owner: replicaId, leaseMs })
      if (claimed === undefined) deps.hint('cancel')
      else await dispatch.end(claimed)
    },
    async requeue(runId) {
      const run = await requeueRun(db, runId)
      if (run !== undefined) enqueued()
      return run
    },
    running: held.size,
    async drain(deadlineMs) {
      accepting = false
      await claims.stop()
      const begun = clock.monotonic()
      await untilIdle(begun + deadlineMs * FINISH_SHARE)
      held.handOver()
      await untilIdle(begun + deadlineMs)
    },
    async release() {
      accepting = false
      await claims.stop()
      const left = [...held.ids()]
      stopping.abort(new AgentOSError('RUN_HANDED_OVER', 'This replica stopped; another one goes on with the run'))
      if (left.length === 0) return 0
      await eventLog.flush()
      await store.release(left, { lost: false })
      for (const runId of left) held.drop(runId)
      return left.length
    },
    async close() {
      stopHints()
      clearInterval(overdue)
      leases.close()
      tails.close()
      store.close()
      await claims.stop()
      await eventLog.close()
    },
  }

  async function untilIdle(deadline: number): Promise<void> {
    while ((held.size() > 0 || starting > 0) && clock.monotonic() < deadline) {
      await Promise.race([held.nextEnd(), sleep(DRAIN_POLL_MS)])
    }
  }

  async function waitForRest(runId: string, signal: AbortSignal): Promise<Run> {
    for (;;) {
      signal.throwIfAborted()
      const following = await followRun({ db, tails, live: held.get }, runId, MAX_INDEX)
      if (following === undefined) throw new AgentOSError('RUN_NOT_FOUND', `Run ${runId} is gone`)
      await untilEnd(following, signal)
      const run = await findRun(db, runId)
      if (run === undefined) throw new AgentOSError('RUN_NOT_FOUND', `Run ${runId} is gone`)
      if (isAtRest(run.status)) return run
    }
  }
}

/** @throws the signal's reason when it aborts first */
async function untilEnd(following: Following, signal: AbortSignal): Promise<void> {
  const ended = Promise.withResolvers<void>()
  const onAbort = () => ended.reject(signal.reason as Error)
  const leave = following.subscribe({ onEntries: () => {}, onEnd: ended.resolve })
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await ended.promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    leave()
  }
}
