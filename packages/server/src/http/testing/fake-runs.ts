/**
 * Runs without workers and database: a test says what happens in them. Feeds are the real ones.
 * @module
 */
import { AgentOSError, type ErrorCode } from '../../base/errors.ts'
import type { RunEvent, RunResult, StepEvent } from '../../base/run.ts'
import type { AgentInfo } from '../../base/runnable.ts'
import { traceOf } from '../../base/trace-context.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { createFeed } from '../../runs/feed.ts'
import type { FinishedRun, Following, LiveRun, NewRunRequest, Runs } from '../../runs/runs.ts'
import { encodeEvent } from '../agno/events.ts'

/** A moment; 1795409561 in seconds. */
export const AT = 1_795_409_561_250

export const MODEL = { provider: 'fake', id: 'fake-1' }

export const COMPLETED: RunResult = {
  status: 'COMPLETED',
  content: 'Echo: héllo',
  contentType: 'str',
  reasoning: '',
  model: MODEL,
  metrics: {
    usage: { ...NO_USAGE, inputTokens: 20, outputTokens: 5, totalTokens: 25 },
    durationMs: 196.5,
    timeToFirstTokenMs: 189.5,
  },
  statePatch: { set: {}, unset: [] },
  uncommitted: [],
}

export type FakeRun = LiveRun & {
  readonly emit: (...events: readonly RunEvent[]) => void
  /** Sends the terminal events of `result` and ends the run. */
  readonly finish: (result?: RunResult, rest?: Partial<FinishedRun>) => void
  readonly disconnects: () => number
}

export type FakeRuns = Runs & {
  readonly requests: NewRunRequest[]
  readonly started: FakeRun[]
  readonly cancelled: string[]
  /** Resolves with the next run that starts. */
  readonly next: () => Promise<FakeRun>
  /** What a run does before its start is known to the caller; nothing by default. */
  play: (run: FakeRun) => void | Promise<void>
  /** Makes the next starts fail. */
  failure: { readonly code: ErrorCode; readonly message: string } | undefined
}

export function createFakeRuns(agents: readonly AgentInfo[], revision = 'rev-1'): FakeRuns {
  const requests: NewRunRequest[] = []
  const started: FakeRun[] = []
  const cancelled: string[] = []
  const waiters: ((run: FakeRun) => void)[] = []
  const runs: FakeRuns = {
    requests,
    started,
    cancelled,
    play: () => {},
    failure: undefined,
    next: () => new Promise((resolve) => waiters.push(resolve)),
    async start(request) {
      if (runs.failure) throw new AgentOSError(runs.failure.code, runs.failure.message)
      const agent = agents.find(({ id }) => id === request.agentId)
      if (!agent) throw new AgentOSError('AGENT_NOT_FOUND', 'Agent not found')
      requests.push(request)
      const run = createFakeRun(request, agent, revision, started.length + 1)
      started.push(run)
      await runs.play(run)
      waiters.shift()?.(run)
      const { runId, sessionId } = run
      return { runId, sessionId, status: 'RUNNING', isNew: true, live: run }
    },
    continue: unused,
    follow: async (runId, afterIndex) => {
      const run = started.find((candidate) => candidate.runId === runId)
      return run && follow(run, afterIndex)
    },
    followLive: (live) => follow(live, -1),
    wait: unused,
    requeue: async () => undefined,
    async cancel(runId) {
      cancelled.push(runId)
    },
    running: () => 0,
    drain: async () => {},
    release: async () => 0,
    close: async () => {},
  }
  return runs
}

async function unused(): Promise<never> {
  throw new TypeError('fake runs only start')
}

function follow({ runId, sessionId, agent, feed }: LiveRun, afterIndex: number): Following {
  const missed = feed.held(afterIndex)
  return {
    runId,
    sessionId,
    status: 'RUNNING',
    agentId: agent.id,
    missed,
    lastIndex: missed.at(-1)?.index ?? afterIndex,
    subscribe: (follower) => feed.subscribe({ onEntries: follower.onEntries, onEnd: () => follower.onEnd() }),
  }
}

function createFakeRun(request: NewRunRequest, agent: AgentInfo, revision: string, number: number): FakeRun {
  const runId = `run-${number}`
  const sessionId = request.sessionId ?? `session-${number}`
  const context = { runId, sessionId, agentId: agent.id, agentName: agent.name }
  const feed = createFeed(0, (event) => encodeEvent(event, context))
  const finished = Promise.withResolvers<FinishedRun>()
  let disconnects = 0
  const emit = (...events: readonly RunEvent[]) => feed.publish(feed.number(events))
  return {
    runId,
    sessionId,
    traceId: traceOf(runId, request.traceparent).traceId,
    userId: request.userId,
    agent,
    revision,
    input: request.message,
    background: request.background,
    createdAt: AT,
    firstIndex: 0,
    feed,
    emit,
    finished: finished.promise,
    disconnected: () => void disconnects++,
    disconnects: () => disconnects,
    finish(result = COMPLETED, rest = {}) {
      const sessionState = rest.sessionState ?? {}
      if (result.status === 'ERROR') {
        emit({ type: 'run-error', at: AT, error: result.error ?? { code: 'INTERNAL', message: 'no reason' } })
      } else {
        const content = typeof result.content === 'string' ? result.content : JSON.stringify(result.content)
        if (result.status === 'CANCELLED') {
          emit({ type: 'run-cancel', at: AT, reason: `Run ${runId} was cancelled`, content })
        }
        emit({ type: 'run-end', at: AT, result, sessionState })
      }
      finished.resolve({ status: result.status, result, messages: [], atRest: true, ...rest, sessionState })
      feed.end(true)
    },
  }
}

/** The events of a plain answer, up to its end. */
export function plainAnswer(...deltas: readonly string[]): StepEvent[] {
  const usage = { ...NO_USAGE, inputTokens: 20, outputTokens: 5, totalTokens: 25 }
  return [
    { type: 'run-start', at: AT, model: MODEL },
    { type: 'model-start', at: AT, model: MODEL },
    ...deltas.map((text) => ({ type: 'content', at: AT, text }) as const),
    { type: 'model-end', at: AT, model: MODEL, usage, timeToFirstTokenMs: 187 },
    { type: 'content-end', at: AT },
  ]
}
