/**
 * The reader of documents: a few threads, started when there is something to read and ended when there was nothing for a
 * while. Who comes when all are busy waits in order.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Chunk, DocumentLimits, DocumentPorts, DocumentReader, DocumentRequest } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { checkRequest, withDefaultLimits } from './options.ts'
import { startReading } from './reading.ts'
import { type ReaderThread, startReaderThread } from './thread.ts'

export type DocumentReaderOptions = {
  /** The file of the thread: `documents-worker.ts`. */
  readonly entry: URL
  readonly clock: Clock
  /** Documents that are read at once, 1 to 16. */
  readonly threads: number
  /** JavaScript heap of each thread, in MiB. */
  readonly heapMb: number
  /** How long a thread without work stays, in milliseconds. */
  readonly idleMs: number
  /** Whether URLs may lead to private addresses. */
  readonly privateUrls: boolean
  /** Time between two requests to a website, in milliseconds. */
  readonly pauseMs?: number
  /** In place of the defaults; a request may ask for others. */
  readonly limits?: Partial<DocumentLimits>
  /** Directory of Node's compile cache. */
  readonly compileCache?: string
}

/** Websites are not ours: a few requests a second at most. */
const PAUSE_MS = 200

export function createDocumentReader(options: DocumentReaderOptions): DocumentReader {
  const threads = createThreads(options)
  async function* read(
    given: DocumentRequest,
    signal: AbortSignal,
    ports: DocumentPorts,
  ): AsyncGenerator<readonly Chunk[]> {
    const limits = withDefaultLimits({ ...options.limits, ...given.limits })
    const request = { ...given, limits }
    signal.throwIfAborted()
    const thread = await threads.take(signal)
    const reading = startReading({ thread, request, ports, signal, timeMs: limits.timeMs, clock: options.clock })
    // Not when the last batch is taken: the thread is free as soon as it has nothing left to do.
    void reading.over.then(() => threads.giveBack(thread))
    try {
      for (let batch = await reading.next(); batch !== undefined; batch = await reading.next()) yield batch
    } finally {
      reading.giveUp()
    }
  }
  return {
    check: checkRequest,
    read: (request, signal, ports = {}) => {
      checkRequest(request, ports)
      return read(request, signal, ports)
    },
    close: threads.close,
  }
}

function createThreads({
  entry,
  heapMb,
  idleMs,
  privateUrls,
  compileCache,
  pauseMs,
  threads: most,
}: DocumentReaderOptions) {
  const init = { privateUrls, pauseMs: pauseMs ?? PAUSE_MS }
  const start = () => startReaderThread({ entry, init, heapMb, compileCache })
  const busy = new Set<ReaderThread>()
  const idle: { readonly thread: ReaderThread; readonly timer: NodeJS.Timeout }[] = []
  const waiting: PromiseWithResolvers<ReaderThread>[] = []
  const ending = new Set<Promise<void>>()
  let isClosed = false

  const endThread = (thread: ReaderThread) => {
    const ended = thread.end().finally(() => ending.delete(ended))
    ending.add(ended)
  }
  const occupy = (thread: ReaderThread) => {
    busy.add(thread)
    return thread
  }
  const reuse = (): ReaderThread | undefined => {
    const { thread, timer } = idle.pop() ?? {}
    clearTimeout(timer)
    return thread === undefined || !thread.hasEnded() ? thread : reuse()
  }
  const take = async (signal: AbortSignal): Promise<ReaderThread> => {
    if (isClosed) throw closed()
    if (busy.size < most) return occupy(reuse() ?? start())
    const turn = Promise.withResolvers<ReaderThread>()
    const leave = () => {
      const place = waiting.indexOf(turn)
      if (place !== -1) waiting.splice(place, 1)
      turn.reject(signal.reason)
    }
    waiting.push(turn)
    signal.addEventListener('abort', leave, { once: true })
    return turn.promise.finally(() => signal.removeEventListener('abort', leave))
  }
  const giveBack = (thread: ReaderThread) => {
    busy.delete(thread)
    if (isClosed) return endThread(thread)
    const next = waiting.shift()
    if (next !== undefined) return next.resolve(occupy(thread.hasEnded() ? start() : thread))
    if (thread.hasEnded()) return endThread(thread)
    const entry = { thread, timer: setTimeout(() => retire(thread), idleMs) }
    idle.push(entry)
  }
  const retire = (thread: ReaderThread) => {
    const place = idle.findIndex((entry) => entry.thread === thread)
    if (place !== -1) idle.splice(place, 1)
    endThread(thread)
  }
  const close = async () => {
    isClosed = true
    for (const turn of waiting.splice(0)) turn.reject(closed())
    for (const { thread, timer } of idle.splice(0)) {
      clearTimeout(timer)
      endThread(thread)
    }
    for (const thread of busy) endThread(thread)
    while (ending.size > 0) await Promise.all(ending)
  }
  return { take, giveBack, close }
}

function closed(): AgentOSError {
  return new AgentOSError('DOCUMENT_READER_STOPPED', 'The server is stopping; the document was not read to its end')
}
