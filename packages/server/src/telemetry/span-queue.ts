/**
 * Spans on their way to one receiver: collected into batches, handed over one batch at a time, oldest first. A receiver
 * that fails or hangs costs its own spans and nothing else.
 * @module
 */
import { type Backoff, backoffMs, sleep } from '../base/backoff.ts'
import type { SpanRecord } from '../base/span.ts'

export type SpanQueueOptions = {
  /** Most spans that wait; past it the oldest are dropped. */
  readonly maxSpans: number
  /** Most spans of one batch. */
  readonly batchSpans: number
  /** Longest wait for a batch to fill, in milliseconds. */
  readonly batchMs: number
  /** Longest export of one batch, in milliseconds. */
  readonly exportMs: number
  /** Waits between tries of a batch. */
  readonly retry: Backoff
  /** Tries after the first; then the batch is given up. */
  readonly retries: number
}

export type SpanQueueDeps = {
  readonly send: (spans: readonly SpanRecord[], signal: AbortSignal) => Promise<void>
  /** Whether the same batch may arrive later. */
  readonly mayPass: (error: unknown) => boolean
  /** An export failed and is tried again. */
  readonly onTrouble: (error: unknown) => void
  /** 0 to 1, for jitter: replicas should not all come back at once. */
  readonly random: () => number
  /** These spans are lost. @param error why the export failed; undefined when there was no room */
  readonly onDropped: (spans: number, error?: unknown) => void
  /** A batch has arrived. */
  readonly onSent: (spans: number) => void
}

export type SpanQueue = {
  readonly push: (spans: readonly SpanRecord[]) => void
  /** Spans that wait, without those of the batch under way. */
  readonly size: () => number
  /** Sends what waits now; resolves when it has gone, one way or the other. Never rejects. */
  readonly flush: () => Promise<void>
  /** Gives up the export under way and what waits. */
  readonly close: () => void
}

export function createSpanQueue(options: SpanQueueOptions, deps: SpanQueueDeps): SpanQueue {
  const waiting: SpanRecord[] = []
  const closing = new AbortController()
  const { signal: closed } = closing
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<void> | undefined

  async function sendAll(least: number): Promise<void> {
    while (waiting.length >= least && !closed.aborted) await sendBatch(waiting.splice(0, options.batchSpans))
  }

  async function sendBatch(batch: readonly SpanRecord[]): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await withinTime((signal) => deps.send(batch, signal), options.exportMs, closed)
        return deps.onSent(batch.length)
      } catch (error) {
        const isOver = closed.aborted || attempt >= options.retries || !deps.mayPass(error)
        if (isOver) return deps.onDropped(batch.length, error)
        deps.onTrouble(error)
      }
      // Whoever closes the queue ends the wait, and the batch is tried one last time in vain.
      await sleep(backoffMs(options.retry, attempt, deps.random()), closed).catch(() => undefined)
    }
  }

  /** @param least how many spans make a batch worth sending */
  function send(least: number): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendAll(least).finally(() => {
      sending = undefined
      if (waiting.length > 0) schedule()
    })
    return sending
  }

  function schedule(): void {
    if (closed.aborted || sending !== undefined) return
    if (waiting.length >= options.batchSpans) void send(options.batchSpans)
    else timer ??= setTimeout(() => void send(1), options.batchMs)
  }

  return {
    push(spans) {
      if (closed.aborted) return deps.onDropped(spans.length)
      waiting.push(...spans)
      const excess = waiting.length - options.maxSpans
      if (excess > 0) {
        waiting.splice(0, excess)
        deps.onDropped(excess)
      }
      schedule()
    },
    size: () => waiting.length,
    async flush() {
      while ((waiting.length > 0 || sending !== undefined) && !closed.aborted) await send(1)
    },
    close() {
      closing.abort(new Error('the server stopped'))
      clearTimeout(timer)
      if (waiting.length > 0) deps.onDropped(waiting.splice(0).length)
    },
  }
}

/** Waits for `work` no longer than `ms` milliseconds, and not when `closed` aborts, even if it does not heed its signal. */
async function withinTime(
  work: (signal: AbortSignal) => Promise<void>,
  ms: number,
  closed: AbortSignal,
): Promise<void> {
  closed.throwIfAborted()
  const controller = new AbortController()
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = (reason: Error) => {
    controller.abort(reason)
    reject(reason)
  }
  const onClosed = () => stop(closed.reason as Error)
  closed.addEventListener('abort', onClosed, { once: true })
  const late = setTimeout(() => stop(new Error(`nothing was heard within ${ms} ms`)), ms)
  try {
    await Promise.race([work(controller.signal), promise])
  } finally {
    clearTimeout(late)
    closed.removeEventListener('abort', onClosed)
  }
}
