/**
 * `@agentos/sdk/testing`: run an agent in a test, without a server and without a provider. `agentos test DIR` runs the
 * test files of a folder and provides the implementation; the script takes the model's place, everything else (tools,
 * validation, limits, session state) is what the server runs.
 * @module
 */
import type { Agent } from './agent.ts'
import type { Approval, Tool, ToolPause } from './tool.ts'

/** One turn of the scripted model: an answer, tool calls, or an error of the provider. */
export type ScriptedTurn =
  | string
  | { readonly text?: string; readonly toolCalls?: readonly ScriptedToolCall[] }
  | { readonly error: string; readonly status?: number }

export interface ScriptedToolCall {
  readonly name: string
  readonly input: unknown
}

/**
 * What a person answers when a call pauses the run. Which field answers follows from the tool: `confirmed` (with a `note`
 * for the model), `values` by argument, `selections` per question of `askUser()`, or the `result` of what ran elsewhere.
 */
export interface ScriptedAnswer {
  /** Name of the tool. Several calls of one tool take their answers in order. */
  readonly tool: string
  readonly confirmed?: boolean
  readonly note?: string
  readonly values?: Readonly<Record<string, unknown>>
  readonly selections?: readonly (readonly string[])[]
  /** Text as it is, anything else as JSON. */
  readonly result?: unknown
}

/** What a paused run waits for. */
export interface OpenRequirement {
  readonly kind: ToolPause['kind']
  readonly tool: string
  readonly input: unknown
  readonly approval: Approval | undefined
  /** What a person can fill in, with what the model proposes; empty unless `user-input`. */
  readonly fields: readonly { readonly name: string; readonly value: unknown }[]
  /** Empty unless `user-feedback`. */
  readonly questions: readonly {
    readonly question: string
    readonly options: readonly string[]
    readonly multiSelect: boolean
  }[]
}

/** A document that searches of the agent's knowledge can find. */
export interface KnowledgeDocument {
  /** Default: its number. */
  readonly name?: string
  readonly text: string
  /** What filters look at. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

export interface RunAgentOptions {
  /** What the user says. */
  readonly message: string
  /** The model's turns, in order; a run that asks for more fails and says so. */
  readonly script: readonly ScriptedTurn[]
  /** What people answer, in order; a run that waits for anything beyond them stays PAUSED. */
  readonly answers?: readonly ScriptedAnswer[]
  readonly userId?: string
  readonly sessionState?: Readonly<Record<string, unknown>>
  /** In place of the agent's own of the same name; anything, clients and functions included. */
  readonly dependencies?: Readonly<Record<string, unknown>>
  /** Text of `instructions.md`, which a folder may have beside its agent file. */
  readonly instructions?: string
  /** Tools of `tools/*.ts` beside the agent file. */
  readonly tools?: readonly Tool[]
  /**
   * What is remembered of the user, with `userId`. Nobody looks at the message for more, and nobody sums the run up: the
   * script is the agent's own model alone, and a `memoryManager` that the agent calls.
   */
  readonly memories?: readonly string[]
  /** What its knowledge holds; those that share most words with a query are found first. */
  readonly knowledge?: readonly (string | KnowledgeDocument)[]
}

export interface AgentRun {
  readonly status: 'COMPLETED' | 'CANCELLED' | 'ERROR' | 'PAUSED'
  /** What it waits for; empty unless it is PAUSED. */
  readonly requirements: readonly OpenRequirement[]
  /** Text, or an object when the agent has an output schema. */
  readonly content: unknown
  /** Why it failed; undefined otherwise. */
  readonly error: string | undefined
  readonly toolCalls: readonly {
    readonly name: string
    readonly input: unknown
    readonly result: string
    readonly isError: boolean
  }[]
  /** What was looked up, search by search; documents as the model gets them. */
  readonly references: readonly { readonly query: string; readonly documents: readonly unknown[] }[]
  readonly sessionState: Readonly<Record<string, unknown>>
  /** System prompt of the run, after instructions and context were put together. */
  readonly systemPrompt: string
}

/**
 * Runs an agent once against a scripted model. A run that pauses goes on as long as `answers` has what it waits for.
 * @throws {TypeError} when an answer says nothing, or when the run ended without asking for it
 * @throws {Error} outside `agentos test`, which provides the runtime
 */
export function runAgent(_agent: Agent, _options: RunAgentOptions): Promise<AgentRun> {
  throw new Error('@agentos/sdk/testing runs under `agentos test DIR`, which provides the runtime')
}
