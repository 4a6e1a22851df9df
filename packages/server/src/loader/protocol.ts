/**
 * The messages between the main thread and a generation's worker. Transport-neutral plain data (structured clone), so
 * that a child process can take the worker's place.
 *
 * Flow control: `postMessage` has no backpressure, so the worker may have at most `CREDIT_EVENTS` events in flight; the
 * main thread gives credit back once it has handled them.
 * @module
 */
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { FileReport, Manifest } from '../base/runnable.ts'
import type { RunJob, RunResult, StepEvent } from '../base/run.ts'

/** Events a worker may have unacknowledged; at 20 tokens a tick and 500 streams a tick's worth fits. */
export const CREDIT_EVENTS = 16_384

/** `workerData` of a generation's worker. */
export type WorkerInit = {
  /** Resolved directory that holds this revision; imports never leave it for a link. */
  readonly directory: string
  readonly revision: string
  /** `strict`: one bad file rejects the revision. `partial`: the good files serve. */
  readonly policy: 'strict' | 'partial'
  /** Model that agents without one get, as `provider:id`. */
  readonly defaultModel: string
  /** Directory of Node's compile cache. */
  readonly compileCache: string
  /** Longest time one tool call may take when the tool sets none, in milliseconds. */
  readonly toolTimeoutMs: number
  /** Largest tool result handed to the model, in bytes of UTF-8; the rest is cut with a notice. */
  readonly toolResultBytes: number
}

export type ToWorker =
  | { readonly type: 'start'; readonly job: RunJob }
  | { readonly type: 'cancel'; readonly runId: string; readonly reason: string }
  | { readonly type: 'committed'; readonly commitId: number }
  | { readonly type: 'commit-failed'; readonly commitId: number; readonly message: string }
  | { readonly type: 'credit'; readonly events: number }
  | { readonly type: 'ping'; readonly id: number }

export type FromWorker =
  | { readonly type: 'ready'; readonly manifest: Manifest }
  | { readonly type: 'rejected'; readonly files: readonly FileReport[] }
  | { readonly type: 'events'; readonly batch: readonly RunBatch[] }
  /** Journal append: answered by `committed` with the same id, before the worker goes on. */
  | { readonly type: 'commit'; readonly commitId: number; readonly runId: string; readonly messages: readonly Message[] }
  | { readonly type: 'done'; readonly runId: string; readonly result: RunResult }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: JsonObject }
  | { readonly type: 'pong'; readonly id: number }

export type RunBatch = { readonly runId: string; readonly events: readonly StepEvent[] }
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
