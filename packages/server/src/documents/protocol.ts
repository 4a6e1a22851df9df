/**
 * The messages between the main thread and a thread that reads documents. Plain data (structured clone).
 *
 * Flow control: the thread may have `BATCHES_AHEAD` batches that nobody has taken yet, and waits then.
 * @module
 */
import type { Chunk, DocumentRequest } from '../base/document.ts'
import type { ErrorCode } from '../base/errors.ts'

/** Enough that most documents are done, and their thread is free, before the first batch is taken. */
export const BATCHES_AHEAD = 4

/** `workerData` of a thread that reads. */
export type ReaderInit = {
  readonly privateUrls: boolean
  readonly pauseMs: number
}

/** What the thread asks for because it cannot do it itself: `embed` texts, `complete` a prompt. */
export type PortKind = 'embed' | 'complete'

export type ToReader =
  /** One document at a time. `ports`: what may be asked for. */
  | { readonly type: 'read'; readonly request: DocumentRequest; readonly ports: readonly PortKind[] }
  /** A batch was taken. */
  | { readonly type: 'taken' }
  | { readonly type: 'embedded'; readonly askId: number; readonly vectors: readonly Float32Array[] }
  | { readonly type: 'completed'; readonly askId: number; readonly text: string }
  | { readonly type: 'ask-failed'; readonly askId: number; readonly code: ErrorCode; readonly message: string }

export type FromReader =
  | { readonly type: 'batch'; readonly chunks: readonly Chunk[] }
  | { readonly type: 'done' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'embed'; readonly askId: number; readonly texts: readonly string[] }
  | { readonly type: 'complete'; readonly askId: number; readonly prompt: string }
