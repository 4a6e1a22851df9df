/**
 * Calls of a model beside the answer: nothing of them is shown, and what they took is told apart.
 * @module
 */
import type { Logger } from '@agentos/sdk'
import type { Clock } from '../../base/clock.ts'
import type { Ids } from '../../base/ids.ts'
import type { AssistantMessage } from '../../base/message.ts'
import type { SideUsage } from '../../base/run.ts'
import type { Model, ModelRequest } from '../../models/model.ts'
import { finalPartsOf } from '../draft.ts'
import { elapsedMs } from '../elapsed.ts'
import { callModel } from '../model-call.ts'

export type SideDeps = {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
  readonly signal: AbortSignal
}

const RETRY = { retries: 2, delayMs: 1000, exponential: true }

/**
 * @returns the model's whole reply
 * @throws {ModelError} when it failed for good, and the signal's reason when it aborts
 */
export async function callBeside(
  model: Model,
  request: Pick<ModelRequest, 'messages' | 'tools' | 'output'>,
  { clock, ids, log, signal }: SideDeps,
): Promise<AssistantMessage> {
  const startedAt = clock.monotonic()
  const draft = await callModel(
    { ...request, toolChoice: 'auto', settings: {} },
    {
      model,
      retry: RETRY,
      show: false,
      emit: () => {},
      ready: () => undefined,
      signal,
      clock,
      ids,
      log,
      onDraft: () => {},
    },
  )
  const parts = finalPartsOf(draft, new Set(), ids.uuid)
  const took = { usage: draft.usage, durationMs: elapsedMs(clock, startedAt) }
  return { role: 'assistant', id: ids.uuid(), createdAt: clock.now(), parts, ...took }
}

/** What a call took that this is the reply to, and when it was. */
export function usageOf(
  { usage, createdAt, durationMs = 0 }: AssistantMessage,
  purpose: SideUsage['purpose'],
  { name }: Model,
): SideUsage {
  return { purpose, model: name, usage, startedAt: createdAt - durationMs, endedAt: createdAt }
}
