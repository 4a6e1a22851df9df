/**
 * `demo:assistant`: a model without a model, so that the first run needs neither key nor network. It picks tools by the
 * words of the message, answers from their results, streams word by word and says in every answer that it is a demo.
 * @module
 */
import { sleep } from '../../base/backoff.ts'
import type { Message } from '../../base/message.ts'
import { NO_USAGE, type Usage } from '../../base/usage.ts'
import type { Model, ModelPart, ModelRequest } from '../model.ts'
import { nextTurn } from './turn.ts'

/** @param options.delayMs milliseconds between words; 0 answers without waiting */
export function createDemoModel({ delayMs }: { readonly delayMs: number }): Model {
  return {
    name: { provider: 'demo', id: 'assistant' },
    stream: (request, signal) => streamTurn(request, signal, delayMs),
  }
}

async function* streamTurn(
  request: ModelRequest,
  signal: AbortSignal,
  delayMs: number,
): AsyncGenerator<ModelPart, void, undefined> {
  signal.throwIfAborted()
  const turn = nextTurn(request)
  if (turn.type === 'calls') {
    for (const [index, { toolName, input }] of turn.calls.entries()) {
      yield { type: 'tool-call', toolCallId: callId(request.messages, index), toolName, input }
    }
    yield { type: 'finish', usage: usageOf(request, JSON.stringify(turn.calls)), reason: 'tool-calls' }
    return
  }
  for (const [index, word] of (turn.text.match(/\s*\S+/g) ?? []).entries()) {
    if (delayMs > 0 && index > 0) await sleep(delayMs, signal)
    signal.throwIfAborted()
    yield { type: 'text', text: word }
  }
  yield { type: 'part-end', part: 'text', providerMetadata: undefined }
  yield { type: 'finish', usage: usageOf(request, turn.text), reason: 'stop' }
}

/** Unique in the session and the same on every try: made of the id of the message that asks. */
function callId(messages: readonly Message[], index: number): string {
  const asking = messages.findLast(({ role }) => role === 'user')
  return `call_${(asking?.id ?? 'none').replaceAll('-', '')}_${index}`
}

/** A token is taken as four characters. */
function usageOf({ messages, tools }: ModelRequest, answer: string): Usage {
  const asked = JSON.stringify(messages.map(({ role, ...message }) => ('content' in message ? message.content : role)))
  const inputTokens = Math.ceil((asked.length + JSON.stringify(tools).length) / 4)
  const outputTokens = Math.ceil(answer.length / 4)
  return { ...NO_USAGE, inputTokens, outputTokens, totalTokens: inputTokens + outputTokens }
}
