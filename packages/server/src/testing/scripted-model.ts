/**
 * A model that says what a script tells it to, in pieces as a provider would. Turns are used up in order.
 * @module
 */
import type { ScriptedTurn } from '@agentos/sdk/testing'
import type { Ids } from '../base/ids.ts'
import { toJson } from '../base/json.ts'
import { NO_USAGE } from '../base/usage.ts'
import { ModelError, type Model, type ModelPart, type ModelRequest } from '../models/model.ts'

export type ScriptedModel = Model & {
  /** What it was asked, call by call. */
  readonly requests: readonly ModelRequest[]
}

export function createScriptedModel(script: readonly ScriptedTurn[], ids: Ids): ScriptedModel {
  const requests: ModelRequest[] = []
  return {
    name: { provider: 'scripted', id: 'test' },
    requests,
    async *stream(request) {
      const turn = script[requests.length]
      requests.push(request)
      if (turn === undefined) {
        throw new ModelError(
          'MODEL_BAD_ANSWER',
          `The script has ${script.length} ${script.length === 1 ? 'turn' : 'turns'}, but the run asked for turn ${requests.length}`,
          { retryable: false },
        )
      }
      if (typeof turn === 'object' && 'error' in turn) throw toError(turn.error, turn.status)
      yield* play(typeof turn === 'string' ? { text: turn } : turn, ids)
    },
  }
}

function* play(turn: Exclude<ScriptedTurn, string | { readonly error: string }>, ids: Ids): Generator<ModelPart> {
  const { text = '', toolCalls = [] } = turn
  for (const word of text.split(/(?<=\s)/)) if (word !== '') yield { type: 'text', text: word }
  if (text !== '') yield { type: 'part-end', part: 'text', providerMetadata: undefined }
  for (const { name, input } of toolCalls) {
    const json = toJson(input, `The scripted input of tool "${name}"`)
    yield { type: 'tool-call', toolCallId: `call_${ids.uuid()}`, toolName: name, input: json }
  }
  yield { type: 'finish', usage: NO_USAGE, reason: toolCalls.length > 0 ? 'tool-calls' : 'stop' }
}

/** As the provider families map them: what may pass is tried again. */
function toError(message: string, status = 500): ModelError {
  if (status === 401 || status === 403) return new ModelError('MODEL_AUTH', message, { retryable: false })
  if (status === 429) return new ModelError('MODEL_RATE_LIMITED', message, { retryable: true })
  if (status >= 500) return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true })
  return new ModelError('MODEL_REJECTED', message, { retryable: false })
}
