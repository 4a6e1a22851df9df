/**
 * The messages between the main thread and a generation's worker. Transport-neutral plain data (structured clone), so
 * that a child process can take the worker's place.
 *
 * Flow control: `postMessage` has no backpressure, so the worker may have at most `CREDIT_EVENTS` events in flight; the
 * main thread gives credit back once it has handled them.
 * @module
 */
import type { Answer, AskKind, Question } from '../base/ask.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { FileReport, Manifest } from '../base/runnable.ts'
import type { RunJob, RunResult, StatePatch, StepEvent } from '../base/run.ts'
import type { ProfileRequest } from '../telemetry/profiler.ts'

/** Events a worker may have unacknowledged; at 20 tokens a tick and 500 streams a tick's worth fits. */
export const CREDIT_EVENTS = 16_384

/** `workerData` of a generation's worker. */
export type WorkerInit = {
  /** The agents folder of this revision's snapshot; imports never leave the snapshot for a link. */
  readonly directory: string
  /** Root of the snapshot: `directory` itself, or above it where the agents are a part of a repository. */
  readonly root: string
  /** Directory that `root` is a copy of: its packages are found from here, and messages speak of it. */
  readonly origin: string
  /** Whether relative imports may leave `root`: for a folder within a project, not for a revision of a repository. */
  readonly mayLeave: boolean
  /** Files that are settled already and must not be imported: refused links, files that ended an earlier attempt. */
  readonly settled: readonly FileReport[]
  /** Environment of the agents, as `process.env` shows it to them. */
  readonly env: Readonly<Record<string, string>>
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
  /** The run should end as PENDING before its next model call. */
  | { readonly type: 'hand-over'; readonly runId: string }
  | { readonly type: 'committed'; readonly commitId: number }
  | { readonly type: 'commit-failed'; readonly commitId: number; readonly message: string }
  | { readonly type: 'answered'; readonly askId: number; readonly answer: Answer }
  | { readonly type: 'ask-failed'; readonly askId: number; readonly code: ErrorCode; readonly message: string }
  | { readonly type: 'credit'; readonly events: number }
  | { readonly type: 'ping'; readonly id: number }
  /** Answered by `profile` or `profile-failed` with the same id. */
  | { readonly type: 'profile'; readonly id: number; readonly request: ProfileRequest }
  | { readonly type: 'profile-stop'; readonly id: number }

export type FromWorker =
  /** The file whose import begins, relative to the agents folder; null once all are imported. */
  | { readonly type: 'loading'; readonly path: string | null }
  /** `outside`, here and below: absolute paths of imported sources that are not part of the snapshot. */
  | { readonly type: 'ready'; readonly manifest: Manifest; readonly outside: readonly string[] }
  /** Agent code called process.exit; the worker ends right after this. */
  | { readonly type: 'exiting'; readonly code: number }
  | { readonly type: 'rejected'; readonly files: readonly FileReport[]; readonly outside: readonly string[] }
  | { readonly type: 'events'; readonly batch: readonly RunBatch[] }
  /** Journal append: answered by `committed` with the same id, before the worker goes on. */
  | {
      readonly type: 'commit'
      readonly commitId: number
      readonly runId: string
      readonly messages: readonly Message[]
      /** Of all attempts, against the job's `sessionState`; undefined when the last commit's still holds. */
      readonly statePatch: StatePatch | undefined
    }
  /** Answered by `answered` or `ask-failed` with the same id. */
  | {
      readonly type: 'ask'
      readonly askId: number
      readonly runId: string
      readonly kind: AskKind
      readonly question: Question
    }
  | { readonly type: 'done'; readonly runId: string; readonly result: RunResult }
  | { readonly type: 'log'; readonly level: LogLevel; readonly message: string; readonly fields: JsonObject }
  /** `credit`: events that the worker may send before it has to wait; negative where it did not wait. */
  | { readonly type: 'pong'; readonly id: number; readonly credit: number }
  /** JSON in UTF-8, in memory that is handed over and not copied. */
  | { readonly type: 'profile'; readonly id: number; readonly content: Uint8Array<ArrayBuffer> }
  | { readonly type: 'profile-failed'; readonly id: number; readonly code: ErrorCode; readonly message: string }

export type RunBatch = { readonly runId: string; readonly events: readonly StepEvent[] }
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
