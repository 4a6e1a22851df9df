/**
 * The runs of this replica: starts them, keeps their leases, cancels and drains them. The durable side of a run; what it
 * computes happens on a generation, which is handed in as {@link Executor}.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { RunJob, RunOptions } from '../base/run.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { appendEvents } from '../storage/run-events.ts'
import { createRun, loadHistory, requestCancel } from '../storage/runs.ts'
import { createEventLog } from './event-log.ts'
import { keepLeases } from './leases.ts'
import { createLiveRun, type EncodeEvent, type LiveRun, type OwnedRun, type RunHandlers } from './live-run.ts'
import { createRunStore } from './store.ts'

export type { EncodeEvent, EventContext, FinishedRun, LiveRun } from './live-run.ts'

/** What executes runs: one revision of the agents folder. */
export type Executor = {
  readonly revision: string
  readonly agent: (id: string) => AgentInfo | undefined
  readonly start: (job: RunJob, handlers: RunHandlers) => { readonly cancel: (reason: string) => void }
  /** Keeps it alive until the returned function is called. */
  readonly retain: () => () => void
}

export type NewRunRequest = {
  readonly agentId: string
  readonly message: string
  /** Undefined begins a new session. */
  readonly sessionId: string | undefined
  readonly userId: string | null
  readonly options: RunOptions
  /** Whether the caller streams it; its events are then part of the stored run. */
  readonly streamed: boolean
}

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
const DEFAULT_NAME_LENGTH = 100

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
    const target = findAgent(deps.executor(), request.agentId)
    // A swap may come while the run is being stored; the run stays with the revision that accepted it.
    const release = target.executor.retain()
    starting++
    try {
      return await accept(request, target)
    } finally {
      starting--
      release()
    }
  }

  async function accept(request: NewRunRequest, target: Target): Promise<LiveRun> {
    const { agent, executor } = target
    const runId = ids.uuid()
    const sessionId = request.sessionId ?? ids.uuid()
    const withHistory = request.options.addHistoryToContext ?? agent.addHistoryToContext
    const [created, history] = await Promise.all([
      createRun(deps.db, {
        ...{ runId, sessionId, runType: 'agent', componentId: agent.id, userId: request.userId },
        ...{ input: request.message, options: request.options, streamed: request.streamed, model: agent.model },
        ...{ status: 'RUNNING', leaseOwner: options.replicaId, leaseMs: options.leaseMs, attempt: 1 },
        revision: executor.revision,
        initialSessionState: agent.sessionState,
        defaultName: request.message.slice(0, DEFAULT_NAME_LENGTH),
      }),
      request.sessionId === undefined || !withHistory || agent.numHistoryRuns === 0
        ? []
        : loadHistory(deps.db, sessionId, agent.numHistoryRuns),
    ])
    return dispatch({ runId, sessionId, request, history, ...created }, target)
  }

  /** From here to the return nothing is awaited: the caller subscribes before the first event can arrive. */
  function dispatch(accepted: Accepted, { executor, agent }: Target): LiveRun {
    const { runId, sessionId, request, history, sessionState } = accepted
    const run = createLiveRun(
      {
        ...{ runId, sessionId, userId: request.userId, agent, revision: executor.revision, input: request.message },
        ...{ createdAt: accepted.createdAt.getTime(), attempt: 1, sessionState },
      },
      {
        ...{ store, eventLog, encode: deps.encode, now: clock.now },
        onAbandoned: () => giveGrace(runId),
        onUnstored: (error) => log.error('the end of a run could not be stored', { run_id: runId, error }),
      },
    )
    const handle = executor.start(
      {
        ...{ runId, sessionId, userId: request.userId, agentId: agent.id, attempt: 1, input: request.message },
        ...{ history, journal: [], sessionState, request: request.options },
      },
      run.handlers,
    )
    hold(run, handle.cancel)
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

type Accepted = {
  readonly runId: string
  readonly sessionId: string
  readonly request: NewRunRequest
  readonly history: readonly Message[]
  readonly sessionState: JsonObject
  readonly createdAt: Date
}

type Target = { readonly executor: Executor; readonly agent: AgentInfo }

function findAgent(executor: Executor | undefined, agentId: string): Target {
  if (executor === undefined) throw new AgentOSError('NO_REVISION', 'No agents are loaded yet')
  const agent = executor.agent(agentId)
  // The words are Agno's; clients compare them.
  if (agent === undefined) throw new AgentOSError('AGENT_NOT_FOUND', 'Agent not found')
  return { executor, agent }
}

const cancelled = (runId: string) => `Run ${runId} was cancelled`
const timer = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
