/**
 * One worker thread of a generation: start, load, heartbeat, end. Knows nothing of runs.
 *
 *   starting -- loaded (ready | rejected | died) --> serving -- ended (once, with a reason)
 *
 * Invariant: `ended` settles exactly once, whatever ends the thread, and nothing is delivered after it.
 * @module
 */
import { Worker } from 'node:worker_threads'
import type { FileReport, Manifest } from '../base/runnable.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'
import { createLineSplitter, MAX_LINE_CHARS } from './lines.ts'
import { createProfileRequests } from './profile-requests.ts'
import { CREDIT_EVENTS, type FromWorker, type LogLevel, type ToWorker, type WorkerInit } from './protocol.ts'
import type { JsonObject } from '../base/json.ts'
import { MAX_MARK_CHARS, readMarked } from './run-output.ts'

/** A line that agent code logged or printed. */
export type AgentLogLine = {
  readonly revision: string
  readonly level: LogLevel
  readonly message: string
  readonly fields: JsonObject
}

export type ThreadOptions = {
  readonly entry: URL
  readonly init: WorkerInit
  /** JavaScript heap of the worker, in MiB; buffers do not count. */
  readonly heapMb: number
  /** Longest time until it is ready, in milliseconds. */
  readonly loadTimeoutMs: number
  /** A thread that leaves five heartbeats of this many milliseconds unanswered is ended. */
  readonly heartbeatMs: number
  readonly onMessage: (message: RunMessage) => void
  readonly onLog: (line: AgentLogLine) => void
}

/** Counted in beats, not in time: a main thread that was itself held up must not take it for silence. */
const SILENT_BEATS = 5

/** Messages about runs, for whoever keeps the runs. */
export type RunMessage = Extract<FromWorker, { type: 'events' | 'commit' | 'ask' | 'done' }>

export type LoadOutcome =
  | { readonly type: 'ready'; readonly manifest: Manifest; readonly outside: readonly string[] }
  | { readonly type: 'rejected'; readonly files: readonly FileReport[]; readonly outside: readonly string[] }
  /** `path` is the file that was being imported. */
  | { readonly type: 'died'; readonly path: string | undefined; readonly reason: string }

export type Thread = {
  /** Never rejects. */
  readonly loaded: Promise<LoadOutcome>
  /** The reason, for people. Never rejects. */
  readonly ended: Promise<string>
  /** Events that it may send before it has to wait, as it said with its last heartbeat. */
  readonly credit: () => number
  /** Sends a message; dropped once the thread has ended. */
  readonly post: (message: ToWorker) => void
  /**
   * Watches the thread. @returns JSON in UTF-8
   * @throws {AgentOSError} PROFILE_TOO_LARGE, WORKER_LOST; the reason of `signal` when it aborts first
   */
  readonly profile: (request: ProfileRequest, signal: AbortSignal) => Promise<Uint8Array>
  /** Ends the thread now. Resolves when it is gone. */
  readonly end: (reason: string) => Promise<void>
}

/** Node's own limit is the whole machine's; a young generation of this size keeps collections short. */
const YOUNG_GENERATION_MB = 64
const STACK_MB = 4

export function startThread(options: ThreadOptions): Thread {
  const worker = openWorkerThread(options)
  const loaded = Promise.withResolvers<LoadOutcome>()
  const ended = Promise.withResolvers<string>()
  let importing: string | undefined
  let credit = CREDIT_EVENTS
  let reason: string | undefined
  let hasEnded = false

  const end = async (why: string) => {
    reason ??= why
    await worker.terminate()
  }
  const timer = setTimeout(
    () => void end(`it did not finish within ${options.loadTimeoutMs} ms`),
    options.loadTimeoutMs,
  )
  const post = (message: ToWorker) => {
    if (!hasEnded) worker.postMessage(message)
  }
  const profiles = createProfileRequests(post)
  const heartbeat = createHeartbeat(
    options.heartbeatMs,
    post,
    (silentMs) => void end(`it did not answer for ${silentMs} ms`),
  )

  worker.on('message', (message: FromWorker) => {
    switch (message.type) {
      case 'loading':
        importing = message.path ?? undefined
        return
      case 'ready':
      case 'rejected':
        clearTimeout(timer)
        importing = undefined
        heartbeat.start()
        return loaded.resolve(message)
      case 'exiting':
        reason ??= `agent code called process.exit(${message.code})`
        return
      case 'pong':
        credit = message.credit
        return heartbeat.answer()
      case 'profile':
      case 'profile-failed':
        return profiles.receive(message)
      case 'log':
        return options.onLog({ ...message, revision: options.init.revision })
      default:
        return options.onMessage(message)
    }
  })
  worker.on('error', (error) => {
    reason ??= explainCrash(error, options.heapMb)
  })
  worker.on('exit', (code) => {
    hasEnded = true
    clearTimeout(timer)
    heartbeat.stop()
    reason ??= `it exited with code ${code}`
    loaded.resolve({ type: 'died', path: importing, reason })
    profiles.lose(reason)
    ended.resolve(reason)
  })
  forwardOutput(worker, options)
  return { loaded: loaded.promise, ended: ended.promise, credit: () => credit, post, profile: profiles.ask, end }
}

function openWorkerThread({ entry, init, heapMb }: ThreadOptions): Worker {
  return new Worker(entry, {
    workerData: init,
    // Only set before the thread starts does the cache hold its entry too, which saves loading Node's TypeScript parser.
    env: { ...init.env, NODE_COMPILE_CACHE: init.compileCache },
    // Flags of the server's own process are not the agents'.
    execArgv: ['--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'],
    stdout: true,
    stderr: true,
    name: `agents ${init.revision}`,
    resourceLimits: {
      maxOldGenerationSizeMb: heapMb,
      maxYoungGenerationSizeMb: YOUNG_GENERATION_MB,
      stackSizeMb: STACK_MB,
    },
  })
}

function createHeartbeat(periodMs: number, post: (message: ToWorker) => void, onSilence: (silentMs: number) => void) {
  let timer: NodeJS.Timeout | undefined
  let unanswered = 0
  let id = 0
  const stop = () => clearInterval(timer)
  const beat = () => {
    if (unanswered >= SILENT_BEATS) {
      stop()
      return onSilence(unanswered * periodMs)
    }
    unanswered += 1
    post({ type: 'ping', id: id++ })
  }
  return {
    start: () => {
      timer = setInterval(beat, periodMs)
    },
    answer: () => {
      unanswered = 0
    },
    stop,
  }
}

function forwardOutput(worker: Worker, { init, onLog }: ThreadOptions): void {
  const forward = (stream: NodeJS.ReadableStream, level: LogLevel, name: string) => {
    const tell = (line: string) => {
      const { text, fields } = readMarked(line)
      onLog({ revision: init.revision, level, message: text, fields: { ...fields, stream: name } })
    }
    const lines = createLineSplitter(tell, MAX_LINE_CHARS + MAX_MARK_CHARS)
    stream.setEncoding('utf8')
    stream.on('data', lines.push)
    stream.on('end', lines.flush)
  }
  forward(worker.stdout, 'info', 'stdout')
  forward(worker.stderr, 'warn', 'stderr')
}

function explainCrash(error: unknown, heapMb: number): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`
  if ('code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') return `it used more than its ${heapMb} MiB of heap`
  return `it crashed: ${error.message}`
}
