/**
 * Embedders, watched: whether they answer, how long a question may take, and when they are left alone. Somebody waits for
 * the answer to a question, so it gets `questionMs` with all its tries; after some in a row that had no answer, questions
 * fail at once for a while.
 *
 *   answers --(failures in a row)--> left alone --(after a while, with the next question)--> tried beside it
 *      ^                                 ^                                                        |
 *      |                                 +---------------------- no answer -----------------------+
 *      +------------------------------------ an answer, also for a document ----------------------+
 *
 * Documents are never held back: their jobs have a patience of their own.
 * Invariant: nobody waits for an embedder that is left alone.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Embedder, Embedders } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Log } from '../telemetry/log.ts'

/** How an embedder does, as far as this replica has seen since it started. */
export type EmbedderCondition = {
  /** Null: it was not asked yet. */
  readonly answers: boolean | null
  /** What was wrong the last time, in words; null when nothing was. */
  readonly problem: string | null
  /** Whether questions go by their words because of it. */
  readonly isLeftAlone: boolean
}

export type WatchedEmbedders = Embedders & {
  /** @param name of an embedder that can be resolved */
  readonly conditionOf: (name: string) => EmbedderCondition
  /** Ends questions that nobody waits for. */
  readonly close: () => Promise<void>
}

/** The embedder is left alone: it was not asked. */
export class EmbedderLeftAlone extends AgentOSError {}

export type EmbedderWatchDeps = {
  /** Longest time of a question, its tries included, in milliseconds. */
  readonly questionMs: number
  /** How long an embedder is left alone before it is tried again, in milliseconds. */
  readonly restMs: number
  readonly clock: Clock
  readonly log: Log
  /** From now on it is left alone, or not any more. Must not throw. */
  readonly onLeftAlone?: ((embedder: string, isLeftAlone: boolean) => void) | undefined
}

/** Questions in a row without an answer, after which an embedder is left alone. */
const FAILURES = 3

export function watchEmbedders(embedders: Embedders, deps: EmbedderWatchDeps): WatchedEmbedders {
  const watched = new Map<string, Watched>()
  const watch = (embedder: Embedder): Watched => {
    const known = watched.get(embedder.name) ?? watchEmbedder(embedder, deps)
    watched.set(embedder.name, known)
    return known
  }
  return {
    standard: embedders.standard && watch(embedders.standard).embedder,
    resolve: (name) => watch(embedders.resolve(name)).embedder,
    problem: embedders.problem,
    conditionOf: (name) => watch(embedders.resolve(name)).condition(),
    async close() {
      await Promise.all(Array.from(watched.values(), ({ close }) => close()))
    },
  }
}

type Watched = {
  readonly embedder: Embedder
  readonly condition: () => EmbedderCondition
  readonly close: () => Promise<void>
}

function watchEmbedder(inner: Embedder, deps: EmbedderWatchDeps): Watched {
  const { clock } = deps
  const state = createState(inner.name, deps)
  const closing = new AbortController()
  let trial: Promise<unknown> | undefined

  const ask: Embedder['embed'] = async (texts, signal) => {
    const timeout = AbortSignal.timeout(deps.questionMs)
    try {
      const vectors = await inner.embed(texts, AbortSignal.any([signal, timeout]), 'query')
      state.answered()
      return vectors
    } catch (error) {
      signal.throwIfAborted()
      const failure = timeout.aborted ? tooSlow(inner.name, deps.questionMs) : error
      if (failure instanceof AgentOSError) state.failed(failure, true)
      throw failure
    }
  }
  const question: Embedder['embed'] = (texts, signal) => {
    const alone = state.leftAlone()
    if (alone === undefined) return ask(texts, signal)
    if (clock.monotonic() >= alone.until) {
      // Of what comes of it, the state knows; whoever asks now is not made to wait for it.
      trial ??= ask(texts, closing.signal)
        .catch(() => {})
        .finally(() => (trial = undefined))
    }
    return Promise.reject(new EmbedderLeftAlone('MODEL_UNAVAILABLE', alone.problem))
  }
  const embedDocuments: Embedder['embed'] = async (texts, signal, purpose) => {
    try {
      const vectors = await inner.embed(texts, signal, purpose)
      state.answered()
      return vectors
    } catch (error) {
      if (!signal.aborted && error instanceof AgentOSError) state.failed(error, false)
      throw error
    }
  }
  return {
    embedder: {
      name: inner.name,
      get dimensions() {
        return inner.dimensions
      },
      embed: (texts, signal, purpose) =>
        purpose === 'query' ? question(texts, signal) : embedDocuments(texts, signal, purpose),
    },
    condition: state.condition,
    async close() {
      closing.abort()
      await trial
    },
  }
}

type Alone = { readonly since: number; readonly until: number; readonly problem: string }

function createState(embedder: string, { clock, log, restMs, onLeftAlone }: EmbedderWatchDeps) {
  let failures = 0
  let last: Omit<EmbedderCondition, 'isLeftAlone'> = { answers: null, problem: null }
  let alone: Alone | undefined
  return {
    condition: (): EmbedderCondition => ({ ...last, isLeftAlone: alone !== undefined }),
    leftAlone: () => alone,
    answered() {
      failures = 0
      last = { answers: true, problem: null }
      if (alone === undefined) return
      log.info('an embedder answers again', { embedder, away_ms: Math.round(clock.monotonic() - alone.since) })
      alone = undefined
      onLeftAlone?.(embedder, false)
    },
    failed(error: AgentOSError, isQuestion: boolean) {
      last = { answers: false, problem: error.message }
      // What is wrong with one text says nothing about the next.
      if (!isQuestion || error.code === 'MODEL_REJECTED' || ++failures < FAILURES) return
      const now = clock.monotonic()
      if (alone === undefined) {
        const message = 'an embedder does not answer and is left alone for a while; its questions go by their words'
        log.warn(message, { embedder, failures, rest_ms: restMs, error })
        onLeftAlone?.(embedder, true)
      }
      alone = { since: alone?.since ?? now, until: now + restMs, problem: error.message }
    },
  }
}

function tooSlow(embedder: string, ms: number): AgentOSError {
  return new AgentOSError('MODEL_UNAVAILABLE', `Embedder ${embedder} did not answer within ${ms} ms`)
}
