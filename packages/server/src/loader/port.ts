/**
 * The worker's end of the port: batches events, keeps to its credit, matches commits and questions with their answers.
 * Invariant: what is sent for a run arrives in order, its events before the commit or result that follows them.
 * @module
 */
import type { MessagePort } from 'node:worker_threads'
import type { Answer, AskKind, Question } from '../base/ask.ts'
import { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { FileReport, Manifest } from '../base/runnable.ts'
import type { RunJob, RunResult, StatePatch, StepEvent } from '../base/run.ts'
import { createProfileDesk } from './profile-desk.ts'
import { CREDIT_EVENTS, type FromWorker, type LogLevel, type RunBatch, type ToWorker } from './protocol.ts'

export type WorkerPort = {
  /** Queues an event; it leaves with the others of the next milliseconds. */
  readonly emit: (runId: string, event: StepEvent) => void
  /** Undefined while there is credit, else a promise of some: await it before emitting more. */
  readonly ready: () => Promise<void> | undefined
  /**
   * Appends to the journal and waits until it is stored, together with the state when that has changed.
   * @throws {Error} when it was not: the run's lease is lost, and the run must stop
   */
  readonly commit: (runId: string, messages: readonly Message[], statePatch?: StatePatch) => Promise<void>
  /**
   * Asks the main thread on behalf of a run.
   * @throws {AgentOSError} what the main thread answered instead
   */
  readonly ask: <K extends AskKind>(runId: string, kind: K, question: Question<K>) => Promise<Answer<K>>
  readonly done: (runId: string, result: RunResult) => void
  readonly log: (level: LogLevel, message: string, fields: JsonObject) => void
  readonly loading: (path: string | null) => void
  readonly loaded: (manifest: Manifest, outside: readonly string[]) => void
  readonly rejected: (files: readonly FileReport[], outside: readonly string[]) => void
  readonly exiting: (code: number) => void
  readonly onStart: (start: (job: RunJob) => void) => void
  readonly onCancel: (cancel: (runId: string, reason: string) => void) => void
  readonly onHandOver: (handOver: (runId: string) => void) => void
}

type Pending<T> = { readonly resolve: (answer: T) => void; readonly reject: (error: Error) => void }

/**
 * Takes over `port`: listens on it, and answers the heartbeat and requests for profiles from now on.
 * @param showProfile rewrites the text of a profile for people
 */
export function createWorkerPort(
  port: Pick<MessagePort, 'postMessage' | 'on'>,
  showProfile: (text: string) => string = (text) => text,
): WorkerPort {
  const post = (message: FromWorker) => port.postMessage(message)
  const events = createEventQueue((batch) => post({ type: 'events', batch }))
  const profiles = createProfileDesk((message, transfer) => port.postMessage(message, [...transfer]), showProfile)
  const commits = new Map<number, Pending<void>>()
  const asks = new Map<number, Pending<Answer>>()
  let nextId = 0
  let start: (job: RunJob) => void = () => {}
  let cancel: (runId: string, reason: string) => void = () => {}
  let handOver: (runId: string) => void = () => {}

  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'start':
        return start(message.job)
      case 'cancel':
        return cancel(message.runId, message.reason)
      case 'hand-over':
        return handOver(message.runId)
      case 'committed':
        return settle(commits, message.commitId, (pending) => pending.resolve())
      case 'commit-failed':
        return settle(commits, message.commitId, (pending) => pending.reject(new Error(message.message)))
      case 'answered':
        return settle(asks, message.askId, (pending) => pending.resolve(message.answer))
      case 'ask-failed':
        return settle(asks, message.askId, (pending) => pending.reject(new AgentOSError(message.code, message.message)))
      case 'credit':
        return events.grant(message.events)
      case 'ping':
        return post({ type: 'pong', id: message.id, credit: events.credit() })
      case 'profile':
        return profiles.take(message.id, message.request)
      case 'profile-stop':
        return profiles.stop(message.id)
    }
  })

  return {
    emit: events.push,
    ready: events.ready,
    commit: (runId, messages, statePatch) => {
      events.flush()
      const commitId = nextId++
      const answered = new Promise<void>((resolve, reject) => commits.set(commitId, { resolve, reject }))
      post({ type: 'commit', commitId, runId, messages, statePatch })
      return answered
    },
    ask: <K extends AskKind>(runId: string, kind: K, question: Question<K>) => {
      const askId = nextId++
      const answered = new Promise<Answer>((resolve, reject) => asks.set(askId, { resolve, reject }))
      post({ type: 'ask', askId, runId, kind, question })
      return answered
    },
    done: (runId, result) => {
      events.flush()
      post({ type: 'done', runId, result })
    },
    log: (level, message, fields) => post({ type: 'log', level, message, fields }),
    loading: (path) => post({ type: 'loading', path }),
    loaded: (manifest, outside) => post({ type: 'ready', manifest, outside }),
    rejected: (files, outside) => post({ type: 'rejected', files, outside }),
    exiting: (code) => post({ type: 'exiting', code }),
    onStart: (callback) => {
      start = callback
    },
    onCancel: (callback) => {
      cancel = callback
    },
    onHandOver: (callback) => {
      handOver = callback
    },
  }
}

function settle<T>(waiting: Map<number, Pending<T>>, id: number, answer: (pending: Pending<T>) => void): void {
  const pending = waiting.get(id)
  waiting.delete(id)
  if (pending !== undefined) answer(pending)
}

/**
 * Least milliseconds between two messages of events. Each one wakes the main thread, which costs more than the events in
 * it; commits and results take along what is queued, whatever the time.
 */
const SEND_GAP_MS = 2

/** Collects events for one message, and counts those that the main thread has not handled yet. */
function createEventQueue(send: (batch: readonly RunBatch[]) => void) {
  const queued = new Map<string, StepEvent[]>()
  let credit = CREDIT_EVENTS
  let scheduled = false
  let sentAt = -Infinity
  let waiting: PromiseWithResolvers<void> | undefined

  const flush = () => {
    if (queued.size === 0) return
    const batch = Array.from(queued, ([runId, events]) => ({ runId, events }))
    queued.clear()
    sentAt = performance.now()
    send(batch)
  }
  const flushScheduled = () => {
    scheduled = false
    flush()
  }
  return {
    flush,
    push: (runId: string, event: StepEvent) => {
      const events = queued.get(runId)
      if (events === undefined) queued.set(runId, [event])
      else events.push(event)
      credit -= 1
      if (scheduled) return
      scheduled = true
      const waitMs = sentAt + SEND_GAP_MS - performance.now()
      if (waitMs > 0) setTimeout(flushScheduled, waitMs)
      else setImmediate(flushScheduled)
    },
    credit: () => credit,
    ready: () => {
      if (credit > 0) return undefined
      waiting ??= Promise.withResolvers<void>()
      return waiting.promise
    },
    grant: (events: number) => {
      credit += events
      if (credit <= 0) return
      waiting?.resolve()
      waiting = undefined
    },
  }
}
