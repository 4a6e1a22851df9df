/**
 * The thread that reads, from inside: one document after the other until it is ended. It is ended, not asked, when a
 * document is given up, so nothing here has to be stopped.
 * @module
 */
import type { MessagePort } from 'node:worker_threads'
import type { DocumentPorts, DocumentRequest } from '../base/document.ts'
import { AgentOSError, type ErrorCode } from '../base/errors.ts'
import { BATCHES_AHEAD, type FromReader, type PortKind, type ReaderInit, type ToReader } from './protocol.ts'
import { readDocument } from './read.ts'

export function serveDocuments(port: MessagePort, init: ReaderInit): void {
  const post = (message: FromReader) => port.postMessage(message)
  const credit = createCredit()
  const asks = createAsks(post)
  const signal = new AbortController().signal

  const read = async (request: DocumentRequest, kinds: readonly PortKind[]) => {
    credit.reset()
    try {
      const policy = { privateUrls: init.privateUrls }
      const ports = asks.ports(kinds)
      for await (const chunks of readDocument(request, { policy, ports, signal, pauseMs: init.pauseMs })) {
        await credit.take()
        post({ type: 'batch', chunks })
      }
      post({ type: 'done' })
    } catch (error) {
      post({ type: 'failed', ...describe(error) })
    }
  }
  port.on('message', (message: ToReader) => {
    if (message.type === 'read') void read(message.request, message.ports)
    else if (message.type === 'taken') credit.give()
    else asks.receive(message)
  })
}

/** A failure that is none of ours is taken for one of the document: it made a reader stumble. */
function describe(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  if (error instanceof AgentOSError) return { code: error.code, message: error.message }
  const why = error instanceof Error ? error.message : String(error)
  return { code: 'DOCUMENT_CORRUPT', message: `The document cannot be read: ${why}` }
}

function createCredit() {
  let left = BATCHES_AHEAD
  let wake: (() => void) | undefined
  return {
    reset: () => {
      left = BATCHES_AHEAD
    },
    take: async () => {
      if (left === 0) await new Promise<void>((resolve) => (wake = resolve))
      left -= 1
    },
    give: () => {
      left += 1
      wake?.()
      wake = undefined
    },
  }
}

/** Questions to the main thread, each answered once. */
function createAsks(post: (message: FromReader) => void) {
  const waiting = new Map<number, PromiseWithResolvers<readonly Float32Array[] | string>>()
  let lastId = 0
  const ask = () => {
    const answer = Promise.withResolvers<readonly Float32Array[] | string>()
    waiting.set(++lastId, answer)
    return { askId: lastId, answer: answer.promise }
  }
  const embed: NonNullable<DocumentPorts['embed']> = async (texts) => {
    const { askId, answer } = ask()
    post({ type: 'embed', askId, texts })
    const vectors = await answer
    return typeof vectors === 'string' ? [] : vectors
  }
  const complete: NonNullable<DocumentPorts['complete']> = async (prompt) => {
    const { askId, answer } = ask()
    post({ type: 'complete', askId, prompt })
    const text = await answer
    return typeof text === 'string' ? text : ''
  }
  return {
    ports: (kinds: readonly PortKind[]): DocumentPorts => ({
      ...(kinds.includes('embed') ? { embed } : {}),
      ...(kinds.includes('complete') ? { complete } : {}),
    }),
    receive: (message: Extract<ToReader, { askId: number }>) => {
      const answer = waiting.get(message.askId)
      waiting.delete(message.askId)
      if (message.type === 'embedded') answer?.resolve(message.vectors)
      else if (message.type === 'completed') answer?.resolve(message.text)
      else answer?.reject(new AgentOSError(message.code, message.message))
    },
  }
}
