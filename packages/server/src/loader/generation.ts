/**
 * One generation: the runnables of one revision in a worker, with the runs that are in flight there. Starts the worker
 * again when it ends by itself; ends for good when it is drained or closed.
 *
 *   serving <--> restarting   -- drain -->   draining   -- idle, or deadline -->   ended
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { AnswerAsk } from '../base/ask.ts'
import type { Clock } from '../base/clock.ts'
import type { Manifest } from '../base/runnable.ts'
import type { RunJob } from '../base/run.ts'
import type { Log } from '../telemetry/log.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import { createCrashLog } from './crash-log.ts'
import { createRunTable, type RunHandle, type RunHandlers, type RunTable } from './run-table.ts'
import { type LoadOutcome, startThread, type Thread, type ThreadOptions } from './thread.ts'

export type Generation = {
  readonly revision: string
  /** The agents folder of its private copy, which stays as long as the generation does. */
  readonly directory: string
  readonly manifest: Manifest
  /** Starts a run. Never throws: on a generation that has ended, `onLost` is called soon. */
  readonly start: (job: RunJob, handlers: RunHandlers) => RunHandle
  /** Keeps it from ending while a run for it is being stored. The caller gives it back, once. */
  readonly retain: () => () => void
  readonly activeRuns: () => number
  /**
   * Watches its worker, which stays for as long even when the generation is replaced meanwhile.
   * @returns JSON in UTF-8
   * @throws {AgentOSError} PROFILE_TOO_LARGE, WORKER_LOST; the reason of `signal` when it aborts first
   */
  readonly profile: (request: ProfileRequest, signal: AbortSignal) => Promise<Uint8Array>
}

/** Longest time that runs of a replaced revision may take to their next step boundary, in milliseconds. */
const HAND_OVER_MS = 10_000

export type GenerationState = 'serving' | 'restarting' | 'degraded' | 'draining'

/** What the registry does with a generation beyond starting runs on it. */
export type ManagedGeneration = Generation & {
  readonly state: () => GenerationState
  /** Events that its worker may send before it has to wait: how far the main thread is behind it. */
  readonly credit: () => number
  /** Why it is degraded; undefined when it is not. */
  readonly problem: () => string | undefined
  /** Sources outside the snapshot that it imported. */
  readonly outside: readonly string[]
  /**
   * Lets its runs finish for `drainMs` milliseconds, then asks them to stop between two steps, so that the revision after
   * it goes on with them, and loses those that do not. Resolves when it has ended.
   */
  readonly drain: (drainMs: number) => Promise<void>
  /** Ends it now; its runs are lost for `reason`. Resolves when it has ended. */
  readonly close: (reason: string) => Promise<void>
}

export type GenerationOptions = {
  readonly thread: Omit<ThreadOptions, 'onMessage'>
  readonly clock: Clock
  readonly log: Log
  /** Answers what its runs ask for. */
  readonly answerAsk?: AnswerAsk | undefined
  /** The worker has ended by itself, or did not start again. */
  readonly onWorkerEnd?: (() => void) | undefined
  /** Gives the start up; has no effect once it serves. */
  readonly signal: AbortSignal
}

export type StartOutcome =
  | { readonly type: 'ready'; readonly generation: ManagedGeneration }
  | Exclude<LoadOutcome, { type: 'ready' }>

/** Starts a worker on the revision. Resolves when it serves, or when it was rejected or died; then nothing is left of it. */
export async function startGeneration(options: GenerationOptions): Promise<StartOutcome> {
  let onIdle = () => {}
  const table = createRunTable(options.log, () => onIdle(), options.answerAsk)
  const start = () => startThread({ ...options.thread, onMessage: table.receive })
  const thread = start()
  const giveUp = () => void thread.end('the server is stopping')
  if (options.signal.aborted) giveUp()
  options.signal.addEventListener('abort', giveUp, { once: true })
  const outcome = await thread.loaded
  options.signal.removeEventListener('abort', giveUp)
  if (outcome.type !== 'ready') {
    await thread.end('it was not accepted')
    return outcome
  }
  const supervisor = supervise(thread, start, table, options)
  onIdle = supervisor.onIdle
  const { revision, directory } = options.thread.init
  const { manifest, outside } = outcome
  const generation: ManagedGeneration = {
    revision,
    directory,
    manifest,
    outside,
    start: (job, handlers) => {
      if (!supervisor.hasEnded()) return table.start(job, handlers)
      queueMicrotask(() => handlers.onLost(`revision ${revision} has ended`))
      return { cancel: () => {}, handOver: () => {} }
    },
    retain: supervisor.retain,
    activeRuns: table.size,
    profile: supervisor.profile,
    state: supervisor.state,
    credit: supervisor.credit,
    problem: supervisor.problem,
    drain: supervisor.drain,
    close: supervisor.close,
  }
  return { type: 'ready', generation }
}

/** Keeps a thread running until it is stopped. */
function supervise(first: Thread, start: () => Thread, table: RunTable, options: GenerationOptions) {
  const { revision } = options.thread.init
  const stopping = new AbortController()
  const crashes = createCrashLog(options.clock, options.log, revision, options.onWorkerEnd)
  let thread: Thread = first
  let isServing = true
  let isDraining = false
  let hasEnded = false
  let retained = 0

  const restart = () =>
    restartThread({
      start: () => (thread = start()),
      waitMs: crashes.waitMs,
      signal: stopping.signal,
      onFailure: (reason) => {
        crashes.note(reason, table.size())
        table.loseAll(`the worker of revision ${revision} does not start: ${reason}`)
      },
    })
  const run = async () => {
    table.attach(thread.post)
    while (!stopping.signal.aborted) {
      const reason = await thread.ended
      isServing = false
      if (stopping.signal.aborted) break
      crashes.note(reason, table.size())
      table.detach(`the worker of revision ${revision} ended: ${reason}`)
      if (isDraining || !(await restart())) break
      isServing = true
      table.attach(thread.post)
    }
    hasEnded = true
    table.loseAll(`revision ${revision} has ended`)
  }
  const ended = run()

  const stop = async (reason: string) => {
    stopping.abort()
    table.loseAll(reason)
    await thread.end(reason)
    await ended
  }
  const endWhenIdle = () => {
    const isIdle = isDraining && !stopping.signal.aborted && table.size() + retained === 0
    if (isIdle) void stop(`revision ${revision} was replaced`)
  }
  const retain = () => {
    retained++
    return () => {
      retained--
      endWhenIdle()
    }
  }
  return {
    hasEnded: () => hasEnded || stopping.signal.aborted,
    onIdle: endWhenIdle,
    retain,
    state: (): GenerationState => {
      if (isDraining) return 'draining'
      if (crashes.isLoop()) return 'degraded'
      return isServing ? 'serving' : 'restarting'
    },
    credit: () => thread.credit(),
    problem: crashes.problem,
    profile: (request: ProfileRequest, signal: AbortSignal) => thread.profile(request, signal).finally(retain()),
    drain: async (drainMs: number) => {
      isDraining = true
      const lose = () => void stop(`revision ${revision} was replaced and its time to finish is over`)
      const deadlines = setDeadlines(drainMs, table.handOverAll, lose)
      endWhenIdle()
      await ended
      deadlines.clear()
    },
    close: stop,
  }
}

function setDeadlines(drainMs: number, handOver: () => void, lose: () => void): { readonly clear: () => void } {
  const first = setTimeout(handOver, drainMs)
  const last = setTimeout(lose, drainMs + Math.min(drainMs, HAND_OVER_MS))
  return {
    clear: () => {
      clearTimeout(first)
      clearTimeout(last)
    },
  }
}

type Restart = {
  readonly start: () => Thread
  readonly waitMs: () => number
  readonly signal: AbortSignal
  readonly onFailure: (reason: string) => void
}

/** Starts threads until one serves. Resolves to false when it is stopped first. */
async function restartThread({ start, waitMs, signal, onFailure }: Restart): Promise<boolean> {
  while (!signal.aborted) {
    await delay(waitMs(), undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return false
    const thread = start()
    const outcome = await thread.loaded
    if (outcome.type === 'ready') return true
    await thread.end('it was not accepted')
    if (!signal.aborted) onFailure(outcome.type === 'died' ? outcome.reason : 'its files do not load any more')
  }
  return false
}
