/**
 * One thread that reads, from outside. It reads one document at a time; one that is given up, runs out of memory or out of
 * time ends the thread with it.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { AgentOSError } from '../base/errors.ts'
import type { FromReader, ReaderInit, ToReader } from './protocol.ts'

export type ReaderThreadOptions = {
  readonly entry: URL
  readonly init: ReaderInit
  /** JavaScript heap, in MiB; buffers do not count. */
  readonly heapMb: number
  /** Directory of Node's compile cache; undefined for none. */
  readonly compileCache: string | undefined
}

export type ReaderThread = {
  readonly post: (message: ToReader) => void
  /** Who hears of what it reads; undefined while it reads nothing. */
  readonly listen: (listener: ReaderListener | undefined) => void
  /** Resolves when it has ended, or does not end for a while. */
  readonly end: () => Promise<void>
  readonly hasEnded: () => boolean
}

export type ReaderListener = {
  readonly onMessage: (message: FromReader) => void
  /** It has ended while it was reading. */
  readonly onEnd: (reason: AgentOSError) => void
}

/** How long to wait for a thread to end, in milliseconds: what runs outside of JavaScript cannot be interrupted. */
const PATIENCE_MS = 2000

/** Young objects of a parser are many; the default would be a quarter of the heap. */
const YOUNG_GENERATION_MB = 32

export function startReaderThread({ entry, init, heapMb, compileCache }: ReaderThreadOptions): ReaderThread {
  const worker = new Worker(entry, {
    workerData: init,
    // Documents come from strangers: nothing that reads them sees the secrets of the server.
    env: compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache },
    execArgv: [],
    stdout: true,
    stderr: true,
    name: 'documents',
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  })
  // What the libraries print about broken documents is not worth a line.
  worker.stdout.resume()
  worker.stderr.resume()
  let listener: ReaderListener | undefined
  let hasEnded = false
  let reason = new AgentOSError('DOCUMENT_READER_STOPPED', 'The thread that read the document was stopped')
  worker.on('message', (message: FromReader) => listener?.onMessage(message))
  worker.on('error', (error) => {
    reason = explainCrash(error, heapMb)
  })
  worker.on('exit', () => {
    hasEnded = true
    listener?.onEnd(reason)
    listener = undefined
  })
  return {
    post: (message) => worker.postMessage(message),
    listen: (next) => {
      listener = next
    },
    end: async () => {
      hasEnded = true
      worker.unref()
      const patience = new AbortController()
      const waited = delay(PATIENCE_MS, undefined, { ref: false, signal: patience.signal }).catch(() => undefined)
      await Promise.race([worker.terminate(), waited])
      patience.abort()
    },
    hasEnded: () => hasEnded,
  }
}

function explainCrash(error: unknown, heapMb: number): AgentOSError {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const message = `The document needs more than ${heapMb} MiB of memory to be read (AGENTOS_DOCUMENT_HEAP_MB)`
    return new AgentOSError('DOCUMENT_TOO_LARGE', message, { cause: error })
  }
  const why = error instanceof Error ? error.message : String(error)
  return new AgentOSError('DOCUMENT_CORRUPT', `The document cannot be read: ${why}`, { cause: error })
}
