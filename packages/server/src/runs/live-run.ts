/**
 * One run while this replica holds its lease: journal, events, end. Knows neither HTTP nor workers; the worker's side
 * calls in through {@link LiveRun.handlers}.
 *
 *   running -- done | lost | timeout --> ending (the end is being stored) --> ended (listeners told)
 *
 * Invariant: listeners hear the terminal event only after the database has it.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { RunEvent, RunJob, RunResult, RunStatus, StatePatch, StepEvent, TerminalEvent } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import type { EventLog } from './event-log.ts'
import { createFeed, type RunFeed } from './feed.ts'
import type { RunStore } from './store.ts'

/** A run as its callers see it. */
export type LiveRun = {
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly agent: AgentInfo
  readonly revision: string
  readonly input: string
  /** Milliseconds since the epoch, by the clock of the database. */
  readonly createdAt: number
  readonly feed: RunFeed
  /** Resolves once the end is stored; never rejects. */
  readonly finished: Promise<FinishedRun>
  /** The client that started it went away: the grace period begins, unless somebody else still listens. */
  readonly disconnected: () => void
}

export type FinishedRun = {
  readonly status: RunStatus
  readonly result: RunResult
  /** The session's state after the run. */
  readonly sessionState: JsonObject
  /** The whole transcript of the run. */
  readonly messages: readonly Message[]
  /** False when the lease was lost: another replica owns the run, and what happened here since is not part of it. */
  readonly stored: boolean
}

export type EventContext = {
  readonly runId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  /** The agent's, with what the caller gave laid over it; null when neither has any. */
  readonly metadata: JsonObject | null
}
export type EncodeEvent = (event: RunEvent, run: EventContext) => string

export type LiveRunOptions = Pick<LiveRun, 'agent' | 'revision' | 'createdAt'> & { readonly job: RunJob }

export type LiveRunDeps = {
  readonly store: RunStore
  readonly eventLog: EventLog
  readonly encode: EncodeEvent
  readonly now: () => number
  /** Nobody listens to a run whose client went away. */
  readonly onAbandoned: () => void
  /** Storing the end failed for good; the lease will run out. */
  readonly onUnstored: (error: unknown) => void
}

/** What the worker's side tells a run. */
export type RunHandlers = {
  readonly onEvents: (events: readonly StepEvent[]) => void
  readonly onCommit: (messages: readonly Message[]) => Promise<void>
  readonly onDone: (result: RunResult) => void
  readonly onLost: (reason: string) => void
}

export type OwnedRun = LiveRun & {
  readonly handlers: RunHandlers
  /** Turns the coming end into an error, for a run that is stopped because of a limit; the first one stands. */
  readonly failWith: (error: AgentOSError) => void
}

export function createLiveRun(options: LiveRunOptions, deps: LiveRunDeps): OwnedRun {
  const { agent, job } = options
  const { runId, sessionId, attempt, sessionState } = job
  const { store, eventLog } = deps
  const context: EventContext = {
    runId,
    sessionId,
    agentId: agent.id,
    agentName: agent.name,
    metadata: mergeMetadata(agent.metadata, job.request.metadata),
  }
  const feed = createFeed((event) => deps.encode(event, context))
  const finished = Promise.withResolvers<FinishedRun>()
  const journal: Message[] = []
  let failure: AgentOSError | undefined

  async function end(reported: RunResult): Promise<void> {
    const result = withRequestedState(job, failure === undefined ? reported : asFailure(reported, failure))
    const state = applyPatch(sessionState, result.statePatch)
    const last = feed.number(terminalEvents(runId, result, state, deps.now()))
    const firstSeq = journal.length
    journal.push(...result.uncommitted)
    let stored = false
    try {
      stored = await store.finish({ runId, attempt, firstSeq, result, events: eventLog.take(runId, last) })
    } catch (error) {
      deps.onUnstored(error)
    }
    if (stored) feed.publish(last)
    finished.resolve({ status: result.status, result, sessionState: state, messages: journal, stored })
    feed.end()
  }

  return {
    runId,
    sessionId,
    userId: job.userId,
    agent,
    revision: options.revision,
    input: job.input,
    createdAt: options.createdAt,
    feed,
    finished: finished.promise,
    disconnected: () => {
      if (feed.subscribers() === 0) deps.onAbandoned()
    },
    failWith: (error) => void (failure ??= error),
    handlers: {
      onEvents(events) {
        const entries = feed.number(events)
        feed.publish(entries)
        eventLog.append(runId, entries, feed.release)
      },
      async onCommit(messages) {
        const firstSeq = journal.length
        journal.push(...messages)
        await store.commit({ runId, attempt, firstSeq, messages })
      },
      onDone: (result) => void end(result),
      onLost: (reason) => void end(lostResult(options, new AgentOSError('WORKER_LOST', reason), deps.now())),
    },
  }
}

function mergeMetadata(own: JsonObject | null, given: JsonObject | undefined): JsonObject | null {
  return given === undefined ? own : { ...own, ...given }
}

/** As in Agno, a cancelled run says so, and then completes. */
function terminalEvents(runId: string, result: RunResult, sessionState: JsonObject, at: number): TerminalEvent[] {
  const end = { type: 'run-end', at, result, sessionState } as const
  if (result.status === 'COMPLETED') return [end]
  if (result.status === 'ERROR') {
    const error = result.error ?? { code: 'INTERNAL', message: 'The run failed without a reason' }
    return [{ type: 'run-error', at, error }]
  }
  const content = typeof result.content === 'string' ? result.content : JSON.stringify(result.content)
  return [{ type: 'run-cancel', at, reason: `Run ${runId} was cancelled`, content }, end]
}

/** The run began with the state its caller gave, so only what it changed since is in its own patch. */
function withRequestedState({ request }: RunJob, result: RunResult): RunResult {
  if (request.sessionState === undefined) return result
  const { set, unset } = result.statePatch
  return { ...result, statePatch: { set: { ...request.sessionState, ...set }, unset } }
}

/** A run that completed before it could be stopped has completed. */
function asFailure(result: RunResult, { code, message }: AgentOSError): RunResult {
  if (result.status === 'COMPLETED') return result
  return { ...result, status: 'ERROR', error: { code, message } }
}

function lostResult(options: LiveRunOptions, { code, message }: AgentOSError, now: number): RunResult {
  return {
    status: 'ERROR',
    content: '',
    contentType: 'str',
    reasoning: '',
    model: options.agent.model,
    metrics: { usage: NO_USAGE, durationMs: Math.max(0, now - options.createdAt) },
    statePatch: { set: {}, unset: [] },
    uncommitted: [],
    error: { code, message },
  }
}

function applyPatch(state: JsonObject, { set, unset }: StatePatch): JsonObject {
  const kept = Object.entries(state).filter(([key]) => !unset.includes(key))
  return { ...Object.fromEntries(kept), ...set }
}
