/**
 * The vocabulary of a run: what is asked (job), what happens (events), what comes out (result). Shared by the worker that
 * executes it, the main thread that keeps it and the HTTP layer that shows it; only `http` and `wire` translate it.
 * @module
 */
import type { ErrorCode } from './errors.ts'
import type { Json, JsonObject } from './json.ts'
import type { Message } from './message.ts'
import type { Usage } from './usage.ts'

/** Status as stored and as sent; the words are Agno's. */
export type RunStatus = 'PENDING' | 'RUNNING' | 'PAUSED' | 'COMPLETED' | 'CANCELLED' | 'ERROR' | 'REGENERATED'

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
  readonly sessionState: JsonObject
  readonly request: RunOptions
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
    }
  | { readonly type: 'tool-start'; readonly at: number; readonly tool: ToolExecution }
  | { readonly type: 'tool-end'; readonly at: number; readonly tool: ToolExecution }
  | { readonly type: 'content-end'; readonly at: number }

export type TerminalEvent =
  | { readonly type: 'run-end'; readonly at: number; readonly result: RunResult; readonly sessionState: JsonObject }
  | { readonly type: 'run-cancel'; readonly at: number; readonly reason: string; readonly content: string }
  | { readonly type: 'run-error'; readonly at: number; readonly error: RunFailure }

export type RunEvent = StepEvent | TerminalEvent

/** Why a run failed, in words that may reach the caller. */
export type RunFailure = { readonly code: ErrorCode; readonly message: string }

export type RunMetrics = {
  readonly usage: Usage
  /** Milliseconds. */
  readonly durationMs: number
  /** Milliseconds to the first token of the first model call; absent when nothing streamed. */
  readonly timeToFirstTokenMs?: number
}

/** Changed top-level keys of the session state, so that concurrent runs of a session do not undo each other's keys. */
export type StatePatch = { readonly set: JsonObject; readonly unset: readonly string[] }

/** How an execution ended. `uncommitted` are the messages that the last commit does not hold yet. */
export type RunResult = {
  readonly status: 'COMPLETED' | 'CANCELLED' | 'ERROR'
  /** Text, or the parsed object when the agent has an output schema. */
  readonly content: Json
  /** `str`, or the name of the output schema. */
  readonly contentType: string
  readonly reasoning: string
  readonly model: ModelName
  readonly metrics: RunMetrics
  readonly statePatch: StatePatch
  readonly uncommitted: readonly Message[]
  readonly error?: RunFailure
}
