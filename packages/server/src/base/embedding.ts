/**
 * Embedders as knowledge sees them: texts in, vectors out. Which provider answers, how its calls are batched, paced and
 * tried again stays behind {@link Embedder}.
 * @module
 */
import { AgentOSError } from './errors.ts'

/** What the texts are: some providers embed what is searched otherwise than what is searched for. */
export type EmbeddingPurpose = 'document' | 'query'

export type Embedder = {
  /** `provider:id`, with `@dimensions` where they were asked for: vectors of equal names can be compared. */
  readonly name: string
  /** Length of its vectors; absent until asked for or known from a first answer. */
  readonly dimensions?: number | undefined
  /**
   * One vector for each text, in their order, all of one length, every number finite, none of them all zeros. Any number
   * of texts: calls are batched, and failures that may pass are tried again within it.
   * @param purpose default `document`
   * @throws {RangeError} for a blank text
   * @throws {AgentOSError} MODEL_*; {@link isPassing} tells whether the same call may succeed later. The signal's reason
   * when it aborts
   */
  readonly embed: (
    texts: readonly string[],
    signal: AbortSignal,
    purpose?: EmbeddingPurpose,
  ) => Promise<readonly Float32Array[]>
}

/** The embedders of a process, by name. */
export type Embedders = {
  /** The one of knowledge bases that name none; undefined when none is configured: they are searched by words. */
  readonly standard: Embedder | undefined
  /**
   * The embedder of a name; the same object for the same name. Opens nothing.
   * @param name `provider:id` or `provider:id@dimensions`
   * @throws {AgentOSError} MODEL_UNKNOWN
   */
  readonly resolve: (name: string) => Embedder
  /** What the environment lacks for it, naming the variable; undefined when nothing. @throws as `resolve` */
  readonly problem: (name: string) => string | undefined
}

/** Whether the same call may succeed later: the limit of a rate, a provider that is away. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof AgentOSError)) return false
  if ('retryable' in error) return error.retryable === true
  return error.code === 'MODEL_RATE_LIMITED' || error.code === 'MODEL_UNAVAILABLE'
}
