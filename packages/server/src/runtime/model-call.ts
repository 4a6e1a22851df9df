/**
 * One step's model call: streams the reply into a draft, shows it as it comes, tries again after passing failures.
 * @module
 */
import type { Logger } from '@agentos/sdk'
import { backoffMs, sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { StepEvent } from '../base/run.ts'
import { ModelError, type Model, type ModelRequest } from '../models/model.ts'
import { untilAborted } from './abort.ts'
import { addPart, createDraft, type Draft } from './draft.ts'
import { elapsedMs } from './elapsed.ts'

export type RetryPolicy = {
  /** Tries after the first. */
  readonly retries: number
  /** Wait before the first retry, in milliseconds. */
  readonly delayMs: number
  readonly exponential: boolean
}

export type ModelCallDeps = {
  readonly model: Model
  readonly retry: RetryPolicy
  /** Whether deltas are shown as they come; a structured answer is held back until it is known to fit. */
  readonly show: boolean
  readonly emit: (event: StepEvent) => void
  readonly ready: () => Promise<void> | undefined
  readonly signal: AbortSignal
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Logger
  /** Hears of each try's draft, so that a call that fails or is cancelled leaves what it has said. */
  readonly onDraft: (draft: Draft) => void
}

/** Longest wait between tries, also where a provider asks for more, in milliseconds. */
const LONGEST_WAIT_MS = 60_000

/**
 * A call is tried again only while nothing of it has been shown: what a client has read cannot be taken back.
 * @returns the finished draft
 * @throws {ModelError} when it failed for good, and the signal's reason when it aborts
 */
export async function callModel(request: ModelRequest, deps: ModelCallDeps): Promise<Draft> {
  const { signal, retry, log } = deps
  for (let attempt = 0; ; attempt++) {
    const draft = createDraft()
    deps.onDraft(draft)
    try {
      // A provider that does not heed the signal must not hold up a cancel.
      await untilAborted(stream(request, draft, deps), signal)
      return draft
    } catch (error) {
      signal.throwIfAborted()
      const passing = error instanceof ModelError && error.retryable && !draft.shown
      if (!passing || attempt >= retry.retries) throw error
      const waitMs = waitBefore(attempt, error, deps)
      log.warn('A model call failed and is tried again', {
        error: error.message,
        attempt: attempt + 1,
        wait_ms: waitMs,
      })
      await sleep(waitMs, signal)
    }
  }
}

async function stream(request: ModelRequest, draft: Draft, deps: ModelCallDeps): Promise<void> {
  const { model, signal, clock, emit, ready, show } = deps
  const started = clock.monotonic()
  for await (const part of model.stream(request, signal)) {
    if (signal.aborted) return
    addPart(draft, part)
    if (part.type === 'finish') continue
    draft.timeToFirstTokenMs ??= elapsedMs(clock, started)
    if (!show || (part.type !== 'text' && part.type !== 'reasoning') || part.text === '') continue
    draft.shown = true
    emit({ type: part.type === 'text' ? 'content' : 'reasoning', at: clock.now(), text: part.text })
    const credit = ready()
    if (credit !== undefined) await credit
  }
  if (draft.reason !== undefined) return
  const { provider, id } = model.name
  throw new ModelError('MODEL_UNAVAILABLE', `The answer of ${provider}:${id} broke off`, { retryable: true })
}

function waitBefore(attempt: number, error: ModelError, { retry, ids }: ModelCallDeps): number {
  if (error.retryAfterMs !== undefined) return Math.min(Math.max(0, error.retryAfterMs), LONGEST_WAIT_MS)
  const backoff = { baseMs: retry.delayMs, maxMs: LONGEST_WAIT_MS }
  return backoffMs(backoff, retry.exponential ? attempt : 0, randomFraction(ids))
}
