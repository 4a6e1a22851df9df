/**
 * One generation: the runnables of one revision in a worker, with the runs that are in flight there. Starts the worker
 * again when it ends by itself; ends for good when it is drained or closed.
 *
 *   serving <--> restarting   -- drain -->   draining   -- idle, or deadline -->   ended
 *
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Manifest } from '../base/runnable.ts'
import type { RunJob } from '../base/run.ts'
import type { Log } from '../telemetry/log.ts'
import { createRunTable, type RunHandle, type RunHandlers, type RunTable } from './run-table.ts'
import { type LoadOutcome, startThread, type Thread, type ThreadOptions } from './thread.ts'

export type Generation = {
  readonly revision: string
  readonly manifest: Manifest
  /** Starts a run. Never throws: on a generation that has ended, `onLost` is called soon. */
  readonly start: (job: RunJob, handlers: RunHandlers) => RunHandle
  readonly activeRuns: () => number
}

export type GenerationState = 'serving' | 'restarting' | 'degraded' | 'draining'

/** What the registry does with a generation beyond starting runs on it. */
export type ManagedGeneration = Generation & {
  readonly state: () => GenerationState
  /** Why it is degraded; undefined when it is not. */
  readonly problem: () => string | undefined
  /** Sources outside the snapshot that it imported. */
  readonly outside: readonly string[]
  /** Lets its runs finish for `drainMs` milliseconds, then hands them over. Resolves when it has ended. */
  readonly drain: (drainMs: number) => Promise<void>
  /** Ends it now; its runs are lost for `reason`. Resolves when it has ended. */
  readonly close: (reason: string) => Promise<void>
}

export type GenerationOptions = {
  readonly thread: Omit<ThreadOptions, 'onMessage'>
  readonly clock: Clock
  readonly log: Log
  /** Gives the start up; has no effect once it serves. */
  readonly signal: AbortSignal
}

export type StartOutcome =
  | { readonly type: 'ready'; readonly generation: ManagedGeneration }
  | Exclude<LoadOutcome, { type: 'ready' }>

/** So many ends of a worker within {@link CRASH_WINDOW_MS} are a loop. */
const CRASH_LOOP = 3
const CRASH_WINDOW_MS = 60_000
/** The first restart is at once; then these bounds, in milliseconds. */
const RESTART_BACKOFF = { baseMs: 500, maxMs: 10_000 }
/** A caller that took the generation just before a swap starts its run within this time. */
const IDLE_LINGER_MS = 250

/** Starts a worker on the revision. Resolves when it serves, or when it was rejected or died; then nothing is left of it. */
export async function startGeneration(options: GenerationOptions): Promise<StartOutcome> {
  let onIdle = () => {}
  const table = createRunTable(options.log, () => onIdle())
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
  const { revision } = options.thread.init
  const { manifest, outside } = outcome
  const generation: ManagedGeneration = {
    revision,
    manifest,
    outside,
    start: (job, handlers) => {
      if (!supervisor.hasEnded()) return table.start(job, handlers)
      queueMicrotask(() => handlers.onLost(`revision ${revision} has ended`))
      return { cancel: () => {} }
    },
    activeRuns: table.size,
    state: supervisor.state,
    problem: supervisor.problem,
    drain: supervisor.drain,
    close: supervisor.close,
  }
  return { type: 'ready', generation }
}

/** Keeps a thread running until it is stopped. */
function supervise(
  first: Thread,
  start: () => Thread,
  table: RunTable,
  { thread: { init }, clock, log }: GenerationOptions,
) {
  const { revision } = init
  const stopping = new AbortController()
  let thread: Thread = first
  let isServing = true
  let isDraining = false
  let hasEnded = false
  let crashes: number[] = []
  let lastCrash = ''

  const recentCrashes = () => {
    crashes = crashes.filter((at) => at > clock.monotonic() - CRASH_WINDOW_MS)
    return crashes.length
  }
  const noteCrash = (reason: string) => {
    crashes.push(clock.monotonic())
    lastCrash = reason
    const count = recentCrashes()
    const text =
      count >= CRASH_LOOP
        ? 'the worker of a revision keeps ending'
        : 'the worker of a revision ended; starting it again'
    log.error(text, { revision, reason, ends_within_a_minute: count, lost_runs: table.size() })
  }
  const stop = async (reason: string) => {
    stopping.abort()
    table.loseAll(reason)
    await thread.end(reason)
    await ended
  }
  const run = async () => {
    table.attach(thread.post)
    while (!stopping.signal.aborted) {
      const reason = await thread.ended
      isServing = false
      if (stopping.signal.aborted) break
      noteCrash(reason)
      table.detach(`the worker of revision ${revision} ended: ${reason}`)
      if (isDraining || !(await restart())) break
      isServing = true
      table.attach(thread.post)
    }
    hasEnded = true
    table.loseAll(`revision ${revision} has ended`)
  }
  const restart = async (): Promise<boolean> => {
    while (!stopping.signal.aborted) {
      const waitMs = crashes.length <= 1 ? 0 : backoffMs(RESTART_BACKOFF, crashes.length - 2, 1)
      await delay(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return false
      thread = start()
      const outcome = await thread.loaded
      if (outcome.type === 'ready') return true
      await thread.end('it was not accepted')
      if (stopping.signal.aborted) return false
      const reason = outcome.type === 'died' ? outcome.reason : 'its files do not load any more'
      noteCrash(reason)
      table.loseAll(`the worker of revision ${revision} does not start: ${reason}`)
    }
    return false
  }
  const ended = run()

  const endWhenIdle = () => {
    if (!isDraining || table.size() > 0) return
    setTimeout(() => {
      if (table.size() === 0 && !hasEnded) void stop(`revision ${revision} was replaced`)
    }, IDLE_LINGER_MS)
  }
  return {
    hasEnded: () => hasEnded || stopping.signal.aborted,
    onIdle: endWhenIdle,
    state: (): GenerationState => {
      if (isDraining) return 'draining'
      if (recentCrashes() >= CRASH_LOOP) return 'degraded'
      return isServing ? 'serving' : 'restarting'
    },
    problem: () =>
      recentCrashes() >= CRASH_LOOP
        ? `its worker ended ${recentCrashes()} times within a minute, last because ${lastCrash}`
        : undefined,
    drain: async (drainMs: number) => {
      isDraining = true
      const deadline = setTimeout(
        () => void stop(`revision ${revision} was replaced and its time to finish is over: handed over`),
        drainMs,
      )
      endWhenIdle()
      await ended
      clearTimeout(deadline)
    },
    close: stop,
  }
}
