/**
 * One model as the loop sees it: a call streams parts, every failure is a {@link ModelError}. Provider packages and their
 * types stay behind this interface.
 * @module
 */
import { AgentOSError, type ErrorCode } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { LoadedMedia } from '../base/media.ts'
import type { Message, ProviderMetadata, ToolCall } from '../base/message.ts'
import type { ModelName } from '../base/run.ts'
import type { Source } from '../base/source.ts'
import type { Usage } from '../base/usage.ts'
import type { ModelSettings } from '@agentos/sdk'

export type ModelTool = { readonly name: string; readonly description: string; readonly parameters: JsonObject }

export type ToolChoice = 'auto' | 'none' | 'required' | { readonly tool: string }

export type ModelRequest = {
  readonly messages: readonly Message[]
  /** What is attached to the messages, by id; what is missing is left out. */
  readonly media?: ReadonlyMap<string, LoadedMedia>
  readonly tools: readonly ModelTool[]
  readonly toolChoice: ToolChoice
  /** JSON Schema and name of the answer; undefined asks for text. */
  readonly output: { readonly name: string; readonly schema: JsonObject } | undefined
  readonly settings: ModelSettings
}

/** What a call streams. `finish` comes last and exactly once; a stream that ends without it has failed. */
export type ModelPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  /** Marks of the provider for the part that just ended; opaque, sent back with it. */
  | {
      readonly type: 'part-end'
      readonly part: 'text' | 'reasoning'
      readonly providerMetadata: ProviderMetadata | undefined
    }
  | ToolCall
  /** Something the model made beside its text. */
  | { readonly type: 'file'; readonly mimeType: string; readonly bytes: Uint8Array }
  /** What the answer rests on, as the provider says. */
  | { readonly type: 'source'; readonly source: Source }
  | { readonly type: 'finish'; readonly usage: Usage; readonly reason: FinishReason }

export type FinishReason = 'stop' | 'length' | 'content-filter' | 'tool-calls' | 'other'

export type Model = {
  readonly name: ModelName
  /** @throws {ModelError} and, when `signal` aborts, the signal's reason */
  readonly stream: (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ModelPart>
}

/** A failed model call. Its message names the provider and the cause, never a key. */
export class ModelError extends AgentOSError {
  /** Whether the same call may succeed later. */
  readonly retryable: boolean
  /** How long the provider asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    code: Extract<ErrorCode, `MODEL_${string}`>,
    message: string,
    options: { readonly retryable: boolean; readonly retryAfterMs?: number | undefined; readonly cause?: unknown },
  ) {
    super(code, message, { cause: options.cause })
    this.retryable = options.retryable
    this.retryAfterMs = options.retryAfterMs
  }
}
