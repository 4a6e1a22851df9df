/**
 * One attempt of a run while this replica holds its lease: journal, events, end. Knows neither HTTP nor workers; the
 * worker's side calls in through {@link OwnedRun.handlers}.
 *
 *   running -- done ------> ending (being stored) --> at rest (ended or paused), or waiting for another replica
 *           -- worker lost --> releasing ----------> left: any replica takes it up
 *           -- lease lost -------------------------> left: another replica has it
 *
 * Invariant: listeners hear the last events only after the database has them.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { OpeningEvent, RunEvent, RunJob, RunResult, RunStatus, StatePatch, StepEvent } from '../base/run.ts'
import { applyPatch } from '../base/state-patch.ts'
import type { EventLog } from './event-log.ts'
import { createFeed, type RunFeed } from './feed.ts'
import { asFailure, emptyResult, terminalEvents, withRequestedState } from './outcome.ts'
import type { RunStore } from './store.ts'

/** What a run shows of its agent, also when the serving revision has none of that id any more. */
export type RunAgent = Pick<AgentInfo, 'id' | 'name' | 'metadata' | 'model'>

/** A run as its callers see it. */
export type LiveRun = {
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly agent: RunAgent
  readonly revision: string
  readonly input: string
  readonly background: boolean
  /** Milliseconds since the epoch, by the clock of the database. */
  readonly createdAt: number
  /** Index of the first event of this attempt. */
  readonly firstIndex: number
  readonly feed: RunFeed
  /** Resolves once the run is at rest or has left this replica; never rejects. */
  readonly finished: Promise<FinishedRun>
  /** The client that started it went away: the grace period begins, unless somebody else still listens. */
  readonly disconnected: () => void
}

export type FinishedRun = {
  /** PENDING: handed over. RUNNING: lost, and taken up by whoever comes first. */
  readonly status: RunStatus
  readonly result: RunResult
  /** The session's state after the run. */
  readonly sessionState: JsonObject
  /** The whole transcript of the run. */
  readonly messages: readonly Message[]
  /** Whether the run ended or paused here, and is stored so. */
  readonly atRest: boolean
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

export type LiveRunOptions = Pick<LiveRun, 'agent' | 'revision' | 'createdAt' | 'background' | 'firstIndex'> & {
  readonly job: RunJob
  /** What a run that goes on says first. */
  readonly opening: readonly OpeningEvent[]
  /** Most bytes of events of one attempt. */
  readonly maxEventBytes: number
}

export type LiveRunDeps = {
  readonly store: RunStore
  readonly eventLog: EventLog
  readonly encode: EncodeEvent
  readonly now: () => number
  /** Nobody listens to a run whose client went away. */
  readonly onAbandoned: () => void
  /** The run is to be stopped, because of `error`. */
  readonly onLimit: (error: AgentOSError) => void
  /** A write failed for good; the lease will run out. */
  readonly onUnstored: (error: unknown) => void
}

/** What the worker's side tells a run. */
export type RunHandlers = {
  readonly onEvents: (events: readonly StepEvent[]) => void
  /** @param statePatch what the run has changed in its state so far; undefined when that is what was committed last */
  readonly onCommit: (messages: readonly Message[], statePatch: StatePatch | undefined) => Promise<void>
  readonly onDone: (result: RunResult) => void
  readonly onLost: (reason: string) => void
}

export type OwnedRun = LiveRun & {
  readonly handlers: RunHandlers
  /** Turns the coming end into an error, for a run that is stopped because of a limit; the first one stands. */
  readonly failWith: (error: AgentOSError) => void
  /** The run is no longer this replica's: nothing of it is written from now on. */
  readonly leave: () => void
}

export function createLiveRun(options: LiveRunOptions, deps: LiveRunDeps): OwnedRun {
  const { agent, job } = options
  const { runId, attempt } = job
  const { store, eventLog } = deps
  const context = describeContext(options)
  const feed = createFeed(options.firstIndex, (event) => deps.encode(event, context))
  const finished = Promise.withResolvers<FinishedRun>()
  const journal: Message[] = [...job.journal]
  let failure: AgentOSError | undefined
  let over = false
  let eventBytes = 0

  function publish(events: readonly RunEvent[]): void {
    const entries = feed.number(events)
    for (const { json } of entries) eventBytes += json.length
    feed.publish(entries)
    eventLog.append({ runId, attempt, onStored: feed.release }, entries)
    if (eventBytes <= options.maxEventBytes) return
    const limit = new AgentOSError(
      'EVENTS_TOO_LARGE',
      `The run sent more than ${options.maxEventBytes} bytes of events`,
    )
    eventBytes = -Infinity
    deps.onLimit(limit)
  }

  async function end(reported: RunResult): Promise<void> {
    if (over) return
    over = true
    const result = withRequestedState(job, failure === undefined ? reported : asFailure(reported, failure))
    const sessionState = applyPatch(job.sessionState, result.statePatch)
    const last = feed.number(terminalEvents(runId, result, sessionState, deps.now()))
    const firstSeq = journal.length
    journal.push(...result.uncommitted)
    const position = { runId, attempt, firstSeq, eventIndex: feed.lastIndex() }
    let stored = false
    try {
      const events = eventLog.take(runId, last)
      stored = await store.finish({ ...position, result, events, componentName: agent.name })
    } catch (error) {
      deps.onUnstored(error)
    }
    const atRest = stored && result.status !== 'PENDING'
    if (atRest) feed.publish(last)
    settle({ status: stored ? result.status : 'RUNNING', result, sessionState, messages: journal, atRest })
  }

  /** Its worker is gone: what it committed is all there is, and any replica may go on from there. */
  async function giveUp(reason: string): Promise<void> {
    if (over) return
    if (failure !== undefined) return end(emptyResult(options, deps.now()))
    over = true
    try {
      await eventLog.flush()
      await store.release([runId], { lost: true })
    } catch (error) {
      deps.onUnstored(error)
    }
    leave(reason)
  }

  function leave(reason: string): void {
    over = true
    eventLog.forget(runId)
    const result = asFailure(emptyResult(options, deps.now()), new AgentOSError('WORKER_LOST', reason))
    settle({ status: 'RUNNING', result, sessionState: job.sessionState, messages: journal, atRest: false })
  }

  function settle(outcome: FinishedRun): void {
    finished.resolve(outcome)
    feed.end(outcome.atRest)
  }

  publish(options.opening)
  return {
    runId,
    sessionId: job.sessionId,
    userId: job.userId,
    agent,
    revision: options.revision,
    input: job.input,
    background: options.background,
    createdAt: options.createdAt,
    firstIndex: options.firstIndex,
    feed,
    finished: finished.promise,
    disconnected: () => {
      if (feed.subscribers() === 0) deps.onAbandoned()
    },
    failWith: (error) => void (failure ??= error),
    leave: () => {
      if (!over) leave('another replica has taken the run over')
    },
    handlers: {
      onEvents: (events) => {
        if (!over) publish(events)
      },
      async onCommit(messages, statePatch) {
        if (over) throw new AgentOSError('WORKER_LOST', `Run ${runId} is no longer this replica's`)
        const firstSeq = journal.length
        journal.push(...messages)
        await store.commit({ runId, attempt, firstSeq, messages, eventIndex: feed.lastIndex(), statePatch })
      },
      onDone: (result) => void end(result),
      onLost: (reason) => void giveUp(reason),
    },
  }
}

function describeContext({ agent, job }: LiveRunOptions): EventContext {
  const given = job.request.metadata
  return {
    runId: job.runId,
    sessionId: job.sessionId,
    agentId: agent.id,
    agentName: agent.name,
    metadata: given === undefined ? agent.metadata : { ...agent.metadata, ...given },
  }
}
