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
import {
  isAtRest,
  type OpeningEvent,
  type RunEvent,
  type RunJob,
  type RunResult,
  type RunStatus,
  type StatePatch,
  type StepEvent,
} from '../base/run.ts'
import { applyPatch } from '../base/state-patch.ts'
import type { AttemptOrigin, LostAttempt, RunLineage } from '../base/attempt-record.ts'
import { createAttemptMarks, type OnAttempt } from './attempt.ts'
import type { EventLog, EventSource } from './event-log.ts'
import { createFeed, type FeedEntry, type OpenFeed, type RunFeed } from './feed.ts'
import { createJournal, type Journal } from './journal.ts'
import {
  asFailure,
  committedResult,
  createVerdict,
  type RunAgent,
  terminalEvents,
  type Verdict,
  withRequestedState,
} from './outcome.ts'
import type { RunStore, StepEnd } from './store.ts'

/** A run as its callers see it. */
export type LiveRun = {
  readonly runId: string
  readonly sessionId: string
  readonly traceId: string
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
  /** Why this attempt begins. */
  readonly origin: AttemptOrigin
  /** What it comes from; absent for what begins by itself. */
  readonly lineage?: RunLineage | undefined
  /** Attempts that it has to tell of, because they were lost. */
  readonly lostBefore?: readonly LostAttempt[] | undefined
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
  /** Whether any run of the same revision here has a tool running now. */
  readonly isToolRunning: () => boolean
  /** Nobody listens to a run whose client went away. */
  readonly onAbandoned: () => void
  /** The run is to be stopped, because of `error`. */
  readonly onLimit: (error: AgentOSError) => void
  /** A write failed for good; the lease will run out. */
  readonly onUnstored: (error: unknown) => void
  /** The attempt is over. */
  readonly onAttempt: OnAttempt
}

/** What the worker's side tells a run. */
export type RunHandlers = {
  readonly onEvents: (events: readonly StepEvent[]) => void
  /** @param statePatch what the run has changed in its state so far; undefined when that is what was committed last */
  readonly onCommit: (messages: readonly Message[], statePatch: StatePatch | undefined) => Promise<void>
  readonly onDone: (result: RunResult) => void
  readonly onLost: (reason: string) => void
}

export type OwnedRun = LiveRun &
  Pick<Verdict, 'failWith' | 'cancel'> & {
    readonly handlers: RunHandlers
    /** Whether one of its tools runs now. */
    readonly isInTool: () => boolean
    /** Whether its end is being stored, or has been. */
    readonly isEnding: () => boolean
    /** The run is no longer this replica's: nothing of it is written from now on. */
    readonly leave: () => void
  }

export function createLiveRun(options: LiveRunOptions, deps: LiveRunDeps): OwnedRun {
  const { job } = options
  const { runId, attempt, trace } = job
  const { store, eventLog } = deps
  const feed = openFeed(options, deps)
  const source = { runId, attempt, traceId: trace.traceId, onStored: feed.release }
  const publish = createOutlet(feed, source, options.maxEventBytes, deps)
  const finished = Promise.withResolvers<FinishedRun>()
  const verdict = createVerdict()
  const journal = createJournal(job, store)
  const marks = createAttemptMarks(options, deps.now)
  let isOver = false
  const committed = () => committedResult(options, journal, deps.now())
  /** A write that failed for good changes nothing: without it, the lease runs out. */
  const attempted = <T>(write: Promise<T>) => write.catch(deps.onUnstored)

  async function end(reported: RunResult): Promise<void> {
    if (isOver) return
    isOver = true
    const { sessionState, last, ...stored } = describeEnd(options, deps, verdict.apply(reported), { journal, feed })
    const status = (await attempted(store.finish(stored))) ? stored.result.status : 'RUNNING'
    const atRest = isAtRest(status)
    if (atRest) feed.publish(last)
    settle({ status, result: stored.result, sessionState, atRest })
  }

  /** Its worker is gone: what it committed is all there is, and any replica may go on from there. */
  async function giveUp(reason: string): Promise<void> {
    if (isOver) return
    // A tool is what ends workers; the runs beside it did nothing, and must not fail because it does so again and again.
    const counts = marks.isInTool() || !deps.isToolRunning()
    if (verdict.isGiven()) return end(committed())
    isOver = true
    await eventLog.flush()
    await attempted(store.release([job.runId], { lost: counts }))
    leave(reason)
  }

  function leave(reason: string): void {
    isOver = true
    eventLog.forget(job.runId)
    const result = asFailure(committed(), new AgentOSError('WORKER_LOST', reason))
    settle({ status: 'RUNNING', result, sessionState: job.sessionState, atRest: false })
  }

  function settle(outcome: Omit<FinishedRun, 'messages'>): void {
    const whole = { ...outcome, messages: journal.messages }
    finished.resolve(whole)
    feed.end(outcome.atRest)
    deps.onAttempt(marks.record(whole))
  }

  publish(options.opening)
  return {
    ...describeRun(options),
    ...verdict,
    feed,
    finished: finished.promise,
    disconnected: () => {
      if (feed.subscribers() === 0) deps.onAbandoned()
    },
    isInTool: marks.isInTool,
    isEnding: () => isOver,
    leave: () => {
      if (!isOver) leave('another replica has taken the run over')
    },
    handlers: {
      onEvents: (events) => {
        marks.add(events)
        if (!isOver) publish(events)
      },
      async onCommit(messages, patch) {
        if (isOver) throw new AgentOSError('WORKER_LOST', `Run ${runId} is no longer this replica's`)
        await commitStep(journal, messages, patch, { feed, source, eventLog })
      },
      onDone: (result) => void end(result),
      onLost: (reason) => void giveUp(reason),
    },
  }
}

/** Shows and stores events, up to the limit of the attempt; past it there are none but the last ones. */
function createOutlet(
  feed: OpenFeed,
  source: EventSource,
  maxEventBytes: number,
  { eventLog, onLimit }: LiveRunDeps,
): (events: readonly RunEvent[]) => void {
  let sentBytes = 0
  return (events) => {
    if (events.length === 0 || sentBytes > maxEventBytes) return
    const entries = feed.number(events)
    // A listener that fails must not keep the events from being stored.
    eventLog.append(source, entries)
    feed.publish(entries)
    for (const { json } of entries) sentBytes += Buffer.byteLength(json)
    if (sentBytes <= maxEventBytes) return
    onLimit(new AgentOSError('EVENTS_TOO_LARGE', `The run sent more than ${maxEventBytes} bytes of events`))
  }
}

type Ending = { readonly journal: Journal; readonly feed: OpenFeed }

/** What is stored of the end of an attempt, together, and shown once it is. */
function describeEnd(
  { job, agent }: LiveRunOptions,
  { eventLog, now }: LiveRunDeps,
  decided: RunResult,
  { journal, feed }: Ending,
): StepEnd & { readonly sessionState: JsonObject; readonly last: readonly FeedEntry[] } {
  const { runId, attempt } = job
  const result = withRequestedState(job, decided)
  const sessionState = applyPatch(job.sessionState, result.statePatch)
  const last = feed.number(terminalEvents(runId, result, sessionState, now()))
  const position = { runId, attempt, firstSeq: journal.close(result.uncommitted), eventIndex: feed.lastIndex() }
  const events = eventLog.take(runId, last)
  return { ...position, sessionState, last, result, events, componentName: agent.name }
}

type Said = { readonly feed: OpenFeed; readonly source: EventSource; readonly eventLog: EventLog }

/** Stores messages together with all that was said before them. */
async function commitStep(
  journal: Journal,
  messages: readonly Message[],
  patch: StatePatch | undefined,
  { feed, source, eventLog }: Said,
): Promise<void> {
  const eventIndex = feed.lastIndex()
  const events = eventLog.take(source.runId, [])
  try {
    await journal.commit(messages, patch, { events, eventIndex })
  } catch (error) {
    // The run ends now, and what was said counts all the same.
    if (events !== undefined) eventLog.restore(source, feed.held(events.firstIndex - 1))
    throw error
  }
  feed.release(eventIndex)
}

function describeRun({ job, agent, revision, background, createdAt, firstIndex }: LiveRunOptions) {
  const { runId, sessionId, userId, input, trace } = job
  const { traceId } = trace
  return { runId, sessionId, traceId, userId, agent, revision, input, background, createdAt, firstIndex }
}

function openFeed({ agent, job, firstIndex }: LiveRunOptions, { encode }: LiveRunDeps): OpenFeed {
  const given = job.request.metadata
  const context: EventContext = {
    runId: job.runId,
    sessionId: job.sessionId,
    agentId: agent.id,
    agentName: agent.name,
    metadata: given === undefined ? agent.metadata : { ...agent.metadata, ...given },
  }
  return createFeed(firstIndex, (event) => encode(event, context))
}
