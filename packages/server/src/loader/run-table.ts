/**
 * The runs in flight on a generation, and the main thread's end of the port for them: hands out events, answers commits,
 * gives credit back.
 * Invariant: every started run ends with exactly one of `onDone` and `onLost`, and hears nothing after it.
 * @module
 */
import type { AnswerAsk } from '../base/ask.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Message } from '../base/message.ts'
import type { RunJob, RunResult, StatePatch, StepEvent } from '../base/run.ts'
import type { Log } from '../telemetry/log.ts'
import { CREDIT_EVENTS, type ToWorker } from './protocol.ts'
import type { RunMessage } from './thread.ts'

export type RunHandlers = {
  readonly onEvents: (events: readonly StepEvent[]) => void
  /**
   * Stores the messages, and `statePatch` when the session's state has changed since the last commit: all changes of all
   * attempts, against the job's `sessionState`. A rejection stops the run, because its lease is lost.
   */
  readonly onCommit: (messages: readonly Message[], statePatch: StatePatch | undefined) => Promise<void>
  readonly onDone: (result: RunResult) => void
  /** The worker ended, or the run was handed over; what it had committed is all there is. */
  readonly onLost: (reason: string) => void
}

export type RunHandle = {
  /** Asks the run to stop; it still ends with a result. */
  readonly cancel: (reason: string) => void
  /** Asks the run to stop before its next model call, with a result of status PENDING; it may end otherwise before that. */
  readonly handOver: () => void
}

export type RunTable = {
  readonly size: () => number
  /** Starts the run now, or as soon as a worker is attached. */
  readonly start: (job: RunJob, handlers: RunHandlers) => RunHandle
  /** A worker is ready: it gets what waits, and everything from now on. */
  readonly attach: (post: (message: ToWorker) => void) => void
  /** The worker ended: its runs are lost, those that wait go on waiting. */
  readonly detach: (reason: string) => void
  readonly loseAll: (reason: string) => void
  /** Asks every run to stop at its next step boundary. */
  readonly handOverAll: () => void
  readonly receive: (message: RunMessage) => void
}

type Run = {
  readonly job: RunJob
  handlers: RunHandlers
  isSent: boolean
  cancelReason: string | undefined
  isLeaving: boolean
  /** A later attempt of the same run; starts once this one has left the worker. */
  successor: Run | undefined
}

/** Credit goes back in portions, so that it costs few messages and the worker never runs dry. */
const CREDIT_PORTION = CREDIT_EVENTS / 16

const SUPERSEDED: RunHandlers = {
  onEvents: () => {},
  onCommit: () => Promise.reject(new Error('a later attempt has taken the run over')),
  onDone: () => {},
  onLost: () => {},
}

/**
 * @param onIdle called whenever the last run has ended
 * @param answerAsk answers what runs ask for; without it they are told that nobody can
 */
export function createRunTable(log: Log, onIdle: () => void, answerAsk: AnswerAsk = answerNothing): RunTable {
  const runs = new Map<string, Run>()
  const tell = createTeller(log)
  const credit = createCreditReturn()
  let post: ((message: ToWorker) => void) | undefined

  const send = (run: Run) => {
    if (post === undefined) return
    run.isSent = true
    post({ type: 'start', job: run.job })
    if (run.cancelReason !== undefined) post({ type: 'cancel', runId: run.job.runId, reason: run.cancelReason })
    if (run.isLeaving) post({ type: 'hand-over', runId: run.job.runId })
  }
  const lose = (run: Run, reason: string) => tell(run, 'onLost', (handlers) => handlers.onLost(reason))
  const loseWhere = (isLost: (run: Run) => boolean, reason: string) => {
    for (const [runId, run] of runs) {
      if (!isLost(run)) continue
      runs.delete(runId)
      lose(run, reason)
      const { successor } = run
      if (successor === undefined) continue
      if (isLost(successor)) lose(successor, reason)
      else runs.set(runId, successor)
    }
    if (runs.size === 0) onIdle()
  }
  const finish = (runId: string, result: RunResult) => {
    const run = runs.get(runId)
    if (run === undefined) return
    runs.delete(runId)
    if (run.successor !== undefined) {
      runs.set(runId, run.successor)
      send(run.successor)
    }
    tell(run, 'onDone', (handlers) => handlers.onDone(result))
    if (runs.size === 0) onIdle()
  }
  const deliver = (batch: Extract<RunMessage, { type: 'events' }>['batch']) => {
    for (const { runId, events } of batch) {
      credit.count(events.length)
      const run = runs.get(runId)
      if (run !== undefined) tell(run, 'onEvents', (handlers) => handlers.onEvents(events))
    }
    credit.giveBack(post)
  }
  return {
    size: () => runs.size,
    start: (job, handlers) => {
      const run = createRun(job, handlers)
      const before = runs.get(job.runId)
      if (before === undefined) {
        runs.set(job.runId, run)
        send(run)
      } else {
        supersede(before, run, lose, post)
        if (!before.isSent) runs.set(job.runId, run)
      }
      const isOwn = () => runs.get(job.runId) === run || before?.successor === run
      return createHandle(run, isOwn, (message) => post?.(message))
    },
    attach: (to) => {
      post = to
      credit.reset()
      for (const run of runs.values()) send(run)
    },
    detach: (reason) => {
      post = undefined
      loseWhere((run) => run.isSent, reason)
    },
    loseAll: (reason) => loseWhere(() => true, reason),
    handOverAll: () => runs.forEach((run) => handOver(run, (message) => post?.(message))),
    receive: (message) => {
      if (message.type === 'events') deliver(message.batch)
      else if (message.type === 'done') finish(message.runId, message.result)
      else if (post === undefined) return
      else if (message.type === 'commit') void answerCommit(message, runs.get(message.runId), post)
      else void answerQuestion(message, runs.get(message.runId), { answerAsk, log }, post)
    },
  }
}

/** Counts the events that were handled, until they are a portion. */
function createCreditReturn() {
  let handled = 0
  return {
    count: (events: number) => void (handled += events),
    giveBack: (post: ((message: ToWorker) => void) | undefined) => {
      if (handled < CREDIT_PORTION) return
      post?.({ type: 'credit', events: handled })
      handled = 0
    },
    reset: () => void (handled = 0),
  }
}

/** Calls a handler; one that throws harms no other run. */
function createTeller(log: Log) {
  return (run: Run, what: keyof RunHandlers, act: (handlers: RunHandlers) => void) => {
    try {
      act(run.handlers)
    } catch (error) {
      const { runId, trace } = run.job
      log.error('a handler of a run failed', { run_id: runId, trace_id: trace.traceId, handler: what, error })
    }
  }
}

/** The answer goes to the worker that asked, not to one that has taken its place meanwhile. */
async function answerCommit(
  { commitId, messages, statePatch }: Extract<RunMessage, { type: 'commit' }>,
  run: Run | undefined,
  post: (message: ToWorker) => void,
): Promise<void> {
  try {
    if (run === undefined) throw new Error('the run has ended')
    await run.handlers.onCommit(messages, statePatch)
    post({ type: 'committed', commitId })
  } catch (error) {
    post({ type: 'commit-failed', commitId, message: error instanceof Error ? error.message : String(error) })
  }
}

async function answerQuestion(
  { askId, runId, kind, question }: Extract<RunMessage, { type: 'ask' }>,
  run: Run | undefined,
  { answerAsk, log }: { readonly answerAsk: AnswerAsk; readonly log: Log },
  post: (message: ToWorker) => void,
): Promise<void> {
  try {
    if (run === undefined) throw new AgentOSError('RUN_NOT_FOUND', 'The run has ended')
    post({ type: 'answered', askId, answer: await answerAsk(run.job, kind, question) })
  } catch (error) {
    if (!(error instanceof AgentOSError)) log.error('a question of a run failed', { run_id: runId, kind, error })
    const { code, message } =
      error instanceof AgentOSError
        ? error
        : new AgentOSError('INTERNAL', 'The server could not answer; its log says why')
    post({ type: 'ask-failed', askId, code, message })
  }
}

const answerNothing: AnswerAsk = (_job, kind) =>
  Promise.reject(new AgentOSError('NOT_SUPPORTED', `Nobody answers "${kind}" here`))

function createRun(job: RunJob, handlers: RunHandlers): Run {
  return { job, handlers, isSent: false, cancelReason: undefined, isLeaving: false, successor: undefined }
}

/** A handle outlives its attempt; it must not reach a later one of the same run. */
function createHandle(run: Run, isOwn: () => boolean, post: (message: ToWorker) => void): RunHandle {
  return {
    cancel: (reason) => {
      if (isOwn()) cancel(run, reason, post)
    },
    handOver: () => {
      if (isOwn()) handOver(run, post)
    },
  }
}

function handOver(run: Run, post: (message: ToWorker) => void): void {
  if (run.isLeaving) return
  run.isLeaving = true
  if (run.isSent) post({ type: 'hand-over', runId: run.job.runId })
}

function cancel(run: Run, reason: string, post: ((message: ToWorker) => void) | undefined): void {
  if (run.cancelReason !== undefined) return
  run.cancelReason = reason
  if (run.isSent) post?.({ type: 'cancel', runId: run.job.runId, reason })
}

function supersede(
  before: Run,
  run: Run,
  lose: (run: Run, reason: string) => void,
  post: ((message: ToWorker) => void) | undefined,
): void {
  const reason = `attempt ${run.job.attempt} has taken the run over`
  if (before.successor !== undefined) lose(before.successor, reason)
  lose(before, reason)
  before.handlers = SUPERSEDED
  before.successor = run
  cancel(before, reason, post)
}
