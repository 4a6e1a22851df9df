/**
 * `@agentos/sdk/testing`: run an agent in a test, without a server and without a provider. `agentos test DIR` runs the
 * test files of a folder and provides the implementation; the script takes the model's place, everything else (tools,
 * validation, limits, session state) is what the server runs.
 * @module
 */
import type { Agent } from './agent.ts'
import type { Tool } from './tool.ts'

/** One turn of the scripted model: an answer, tool calls, or an error of the provider. */
export type ScriptedTurn =
  | string
  | { readonly text?: string; readonly toolCalls?: readonly ScriptedToolCall[] }
  | { readonly error: string; readonly status?: number }

export interface ScriptedToolCall {
  readonly name: string
  readonly input: unknown
}

export interface RunAgentOptions {
  /** What the user says. */
  readonly message: string
  /** The model's turns, in order; a run that asks for more fails and says so. */
  readonly script: readonly ScriptedTurn[]
  readonly userId?: string
  readonly sessionState?: Readonly<Record<string, unknown>>
  /** In place of the agent's own of the same name; anything, clients and functions included. */
  readonly dependencies?: Readonly<Record<string, unknown>>
  /** Text of `instructions.md`, which a folder may have beside its agent file. */
  readonly instructions?: string
  /** Tools of `tools/*.ts` beside the agent file. */
  readonly tools?: readonly Tool[]
}

export interface AgentRun {
  readonly status: 'COMPLETED' | 'CANCELLED' | 'ERROR' | 'PAUSED'
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
  readonly sessionState: Readonly<Record<string, unknown>>
  /** System prompt of the run, after instructions and context were put together. */
  readonly systemPrompt: string
}

/**
 * Runs an agent once against a scripted model.
 * @throws {Error} outside `agentos test`, which provides the runtime
 */
export function runAgent(_agent: Agent, _options: RunAgentOptions): Promise<AgentRun> {
  throw new Error('@agentos/sdk/testing runs under `agentos test DIR`, which provides the runtime')
}
