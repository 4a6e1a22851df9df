/**
 * One document on its way through a thread: takes its batches, answers what the thread asks for, and watches the time.
 *
 *   reading -- done, failed, thread ended, time over, aborted, given up --> over (once)
 *
 * @module
 */
import type { Chunk, DocumentPorts, DocumentRequest } from '../base/document.ts'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { BATCHES_AHEAD, type FromReader, type PortKind } from './protocol.ts'
import { createStopwatch } from './stopwatch.ts'
import type { ReaderThread } from './thread.ts'

export type Reading = {
  /** The next batch; undefined after the last one. Rejects with what ended the reading. */
  readonly next: () => Promise<readonly Chunk[] | undefined>
  /** Ends the thread, unless the document is read to its end. */
  readonly giveUp: () => void
  /** Resolves when the thread is done with it, or has ended. Never rejects. */
  readonly over: Promise<void>
}

export type ReadingOptions = {
  readonly thread: ReaderThread
  readonly request: DocumentRequest
  readonly ports: DocumentPorts
  readonly signal: AbortSignal
  readonly timeMs: number
  readonly clock: Clock
}

type Outcome = { readonly error: unknown } | 'done'

export function startReading({ thread, request, ports, signal, timeMs, clock }: ReadingOptions): Reading {
  const over = Promise.withResolvers<void>()
  const asking = new AbortController()
  const batches: (readonly Chunk[])[] = []
  let outcome: Outcome | undefined
  let asked = 0
  let wake = () => {}

  const finish = (how: Outcome) => {
    if (outcome !== undefined) return
    outcome = how
    watch.pause()
    asking.abort()
    thread.listen(undefined)
    signal.removeEventListener('abort', onAbort)
    over.resolve()
    wake()
  }
  const stop = (error: unknown) => {
    if (outcome === undefined) void thread.end()
    finish({ error })
  }
  const onAbort = () => stop(signal.reason)
  const watch = createStopwatch(clock, timeMs, () => {
    stop(new AgentOSError('DOCUMENT_TIMEOUT', `Reading the document took longer than ${timeMs} ms`))
  })
  // While it waits for whoever takes the batches or answers, it does not work.
  const measure = () => {
    if (outcome === undefined && batches.length < BATCHES_AHEAD && asked === 0) watch.run()
    else watch.pause()
  }
  const answer = async (message: Extract<FromReader, { askId: number }>) => {
    asked += 1
    measure()
    const reply = await answerPort(message, ports, asking.signal)
    asked -= 1
    if (outcome === undefined) thread.post(reply)
    measure()
  }
  const onMessage = (message: FromReader) => {
    switch (message.type) {
      case 'batch':
        batches.push(message.chunks)
        measure()
        return wake()
      case 'done':
        return finish('done')
      case 'failed':
        return finish({ error: new AgentOSError(message.code, message.message) })
      default:
        return void answer(message)
    }
  }
  signal.addEventListener('abort', onAbort, { once: true })
  thread.listen({ onMessage, onEnd: (error) => finish({ error }) })
  thread.post({ type: 'read', request, ports: portKinds(ports) })
  measure()
  if (signal.aborted) onAbort()
  const next = async () => {
    while (batches.length === 0 && outcome === undefined) await new Promise<void>((resolve) => (wake = resolve))
    const batch = batches.shift()
    if (batch === undefined) {
      if (outcome !== undefined && outcome !== 'done') throw outcome.error
      return undefined
    }
    if (outcome === undefined) thread.post({ type: 'taken' })
    measure()
    return batch
  }
  const giveUp = () => stop(new AgentOSError('DOCUMENT_READER_STOPPED', 'Reading the document was given up'))
  return { next, giveUp, over: over.promise }
}

function portKinds(ports: DocumentPorts): readonly PortKind[] {
  const kinds: readonly PortKind[] = ['embed', 'complete']
  return kinds.filter((kind) => ports[kind] !== undefined)
}

async function answerPort(
  message: Extract<FromReader, { askId: number }>,
  ports: DocumentPorts,
  signal: AbortSignal,
): Promise<Parameters<ReaderThread['post']>[0]> {
  const { askId } = message
  try {
    if (message.type === 'embed') {
      const vectors = (await ports.embed?.(message.texts, signal)) ?? []
      return { type: 'embedded', askId, vectors }
    }
    return { type: 'completed', askId, text: (await ports.complete?.(message.prompt, signal)) ?? '' }
  } catch (error) {
    const code = error instanceof AgentOSError ? error.code : 'INTERNAL'
    return { type: 'ask-failed', askId, code, message: error instanceof Error ? error.message : String(error) }
  }
}
