/**
 * The vocabulary of a run: what is asked (job), what happens (events), what comes out (result). Shared by the worker that
 * executes it, the main thread that keeps it and the HTTP layer that shows it; only `http` and `wire` translate it.
 * @module
 */
import type { ErrorCode } from './errors.ts'
import type { Json, JsonObject } from './json.ts'
import type { KnowledgeFilter } from './knowledge.ts'
import type { Media } from './media.ts'
import type { Memory, MemoryBacklog, MemoryChange, SessionSummary } from './memory.ts'
import type { Message } from './message.ts'
import type { Requirement } from './requirement.ts'
import type { References } from './references.ts'
import type { Source } from './source.ts'
import type { TraceContext } from './trace-context.ts'
import type { Usage } from './usage.ts'

/** Status as stored and as sent; the words are Agno's. */
export type RunStatus = 'PENDING' | 'RUNNING' | 'PAUSED' | 'COMPLETED' | 'CANCELLED' | 'ERROR' | 'REGENERATED'

/** Whether a run of that status has ended or waits for answers: nothing happens in it by itself. */
export function isAtRest(status: RunStatus): boolean {
  return status !== 'PENDING' && status !== 'RUNNING'
}

/** The model of a run: `provider` and `id` as in `provider:id`. */
export type ModelName = { readonly provider: string; readonly id: string }

/**
 * Everything a worker needs to execute a run, or to go on with it: `journal` holds the messages that an earlier attempt
 * has committed (empty on the first), `history` those of earlier runs of the session, oldest first.
 */
export type RunJob = {
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly agentId: string
  /** How often the run was claimed, from 1; the fencing token of every commit. */
  readonly attempt: number
  readonly input: string
  readonly history: readonly Message[]
  readonly journal: readonly Message[]
  /** How many messages of `journal` are a copy of another run's, which has paid for them. */
  readonly inherited: number
  /**
   * Whether the attempt before was lost, not ended in order: calls of the journal without a result may have run then.
   * False on the first attempt, after a pause and after a hand-over.
   */
  readonly interrupted: boolean
  /** What the run paused for, with the answers; empty when it did not pause. */
  readonly requirements: readonly Requirement[]
  readonly sessionState: JsonObject
  /** What earlier attempts have changed in `sessionState` and committed; applied on top of it. */
  readonly statePatch: StatePatch
  readonly request: RunOptions
  readonly trace: TraceContext
}

/** What a caller may override for one run; absent means the agent's own setting. */
export type RunOptions = {
  /** Laid over the session's state, top-level key by key, before the run. */
  readonly sessionState?: JsonObject
  readonly dependencies?: JsonObject
  readonly metadata?: JsonObject
  /** JSON Schema of the answer. */
  readonly outputSchema?: JsonObject
  readonly addHistoryToContext?: boolean
  readonly addDependenciesToContext?: boolean
  readonly addSessionStateToContext?: boolean
  readonly retries?: number
  /** What the documents that are looked up have to be; all of them hold. */
  readonly knowledgeFilters?: readonly KnowledgeFilter[]
  /** What is attached to the question. */
  readonly media?: readonly Media[]
}

/** One tool call with its outcome so far; Agno's ToolExecution. */
export type ToolExecution = {
  readonly toolCallId: string
  readonly toolName: string
  readonly input: Json
  /** Milliseconds since the epoch at which the call was made. */
  readonly createdAt: number
  /** Absent while the call runs. */
  readonly result?: string
  readonly isError?: boolean
  readonly durationMs?: number
  readonly stopAfterToolCall: boolean
}

/** What happens in a run while it runs. Terminal events are the main thread's: it sends them once they are stored. */
export type StepEvent =
  | { readonly type: 'run-start'; readonly at: number; readonly model: ModelName }
  | { readonly type: 'model-start'; readonly at: number; readonly model: ModelName }
  | { readonly type: 'content'; readonly at: number; readonly text: string }
  | { readonly type: 'reasoning'; readonly at: number; readonly text: string }
  | {
      readonly type: 'model-end'
      readonly at: number
      readonly model: ModelName
      readonly usage: Usage
      readonly timeToFirstTokenMs?: number
      /** Why the model stopped: `stop`, `length`, `tool-calls`, ...; absent when it did not say. */
      readonly finishReason?: string
    }
  | { readonly type: 'tool-start'; readonly at: number; readonly tool: ToolExecution }
  | { readonly type: 'tool-end'; readonly at: number; readonly tool: ToolExecution }
  | { readonly type: 'content-end'; readonly at: number }
  /** The answer is there; what is to be remembered of the user is waited for. */
  | { readonly type: 'memory-start'; readonly at: number }
  /** `memories`: those that are new or changed; undefined when nobody knows, because it failed. */
  | { readonly type: 'memory-end'; readonly at: number; readonly memories?: readonly Memory[] }
  | { readonly type: 'summary-start'; readonly at: number }
  /** `summary`: the new one of the session; undefined when there is none, because it failed. */
  | { readonly type: 'summary-end'; readonly at: number; readonly summary?: SessionSummary }

/** What a run that goes on tells first; the main thread's, sent before the run is handed to its executor. */
export type OpeningEvent =
  /** Somebody answered, or asked for more. */
  | { readonly type: 'run-continue'; readonly at: number }
  /**
   * The run was lost with a replica or a worker and is taken up again. Events from `voidFrom` to `voidTo` were sent, but
   * what they tell is not part of the run: it is done again.
   */
  | {
      readonly type: 'run-recover'
      readonly at: number
      readonly attempt: number
      readonly voidFrom: number
      readonly voidTo: number
    }

/** The last events of a run, or of its part before a pause. */
export type TerminalEvent =
  | { readonly type: 'run-end'; readonly at: number; readonly result: RunResult; readonly sessionState: JsonObject }
  | { readonly type: 'run-cancel'; readonly at: number; readonly reason: string; readonly content: string }
  | { readonly type: 'run-error'; readonly at: number; readonly error: RunFailure }
  | { readonly type: 'run-pause'; readonly at: number; readonly requirements: readonly Requirement[] }

export type RunEvent = OpeningEvent | StepEvent | TerminalEvent

/** Why a run failed, in words that may reach the caller. */
export type RunFailure = { readonly code: ErrorCode; readonly message: string }

export type RunMetrics = {
  /** Of all model calls, those beside the answer included. */
  readonly usage: Usage
  /** What the calls beside the answer took, by purpose; absent when there were none. */
  readonly beside?: readonly SideUsage[]
  /** Milliseconds. */
  readonly durationMs: number
  /** Milliseconds to the first token of the first model call; absent when nothing streamed. */
  readonly timeToFirstTokenMs?: number
}

/** A model call beside the answer that was answered; purposes have Agno's names. Times are milliseconds since the epoch. */
export type SideUsage = {
  readonly purpose: 'memory_model' | 'session_summary_model'
  readonly model: ModelName
  readonly usage: Usage
  /** Both are absent in runs of earlier releases. */
  readonly startedAt?: number
  readonly endedAt?: number
}

/** Changed top-level keys of the session state, so that concurrent runs of a session do not undo each other's keys. */
export type StatePatch = { readonly set: JsonObject; readonly unset: readonly string[] }

/**
 * How an execution ended. `uncommitted` are the messages that the last commit does not hold yet. PAUSED waits for
 * `requirements`; PENDING was asked to stop between two steps and can be taken up by any replica.
 */
export type RunResult = {
  readonly status: 'COMPLETED' | 'CANCELLED' | 'ERROR' | 'PAUSED' | 'PENDING'
  /** Text, or the parsed object when the agent has an output schema. */
  readonly content: Json
  /** `str`, or the name of the output schema. */
  readonly contentType: string
  readonly reasoning: string
  readonly model: ModelName
  readonly metrics: RunMetrics
  /** Of all attempts, against the job's `sessionState`. */
  readonly statePatch: StatePatch
  readonly uncommitted: readonly Message[]
  readonly error?: RunFailure
  /** What the models of the run have made; absent when nothing. */
  readonly media?: readonly Media[]
  /** Present when PAUSED. */
  readonly requirements?: readonly Requirement[]
  /** What was looked up; absent when nothing. */
  readonly references?: readonly Omit<References, 'message'>[]
  /** What the provider cites; absent when nothing. */
  readonly citations?: readonly Source[]
  /** What the run changes in the memories of its user, stored with its end; absent when nothing. */
  readonly memoryChanges?: readonly MemoryChange[]
  /** What was missed for later runs to remember, or made up for; absent when nothing. */
  readonly memoryBacklog?: MemoryBacklog
  /** What the session is about now; absent when that is not asked for, or could not be told. */
  readonly summary?: SessionSummary
}
