/**
 * The transcript of a run as the journal stores it: what was said, in the order the model saw it. Close enough to the
 * provider interface to be sent as it is, close enough to Agno's Message to be shown as it is.
 * @module
 */
import type { Json, JsonObject } from './json.ts'
import type { Media } from './media.ts'
import type { Retrieval } from './retrieval.ts'
import type { Source } from './source.ts'
import type { Usage } from './usage.ts'

type MessageBase = {
  readonly id: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

export type SystemMessage = MessageBase & { readonly role: 'system'; readonly content: string }

export type UserMessage = MessageBase & {
  readonly role: 'user'
  readonly content: string
  readonly media?: readonly Media[]
  /** What was found for it; `content` has it behind what the user said. */
  readonly retrieval?: Retrieval
  /** Ours, not the user's: it asks the model to mend its answer. */
  readonly isCorrection?: true
}

/** What a provider wants to see again with a part (thought signatures, cache marks); opaque to us. */
export type ProviderMetadata = { readonly [provider: string]: JsonObject }

export type AssistantPart =
  | { readonly type: 'text'; readonly text: string; readonly providerMetadata?: ProviderMetadata }
  | { readonly type: 'reasoning'; readonly text: string; readonly providerMetadata?: ProviderMetadata }
  | GeneratedMedia
  | ToolCall

/** Something that the model made beside its text. */
export type GeneratedMedia = {
  readonly type: 'media'
  readonly media: Media
  readonly providerMetadata?: ProviderMetadata
}

/** A call the model asked for. `input` is the parsed arguments, or the raw text when they were not JSON. */
export type ToolCall = {
  readonly type: 'tool-call'
  readonly toolCallId: string
  readonly toolName: string
  readonly input: Json
  readonly providerMetadata?: ProviderMetadata
}

export type AssistantMessage = MessageBase & {
  readonly role: 'assistant'
  readonly parts: readonly AssistantPart[]
  readonly usage: Usage
  /** What its provider cites; absent when nothing. */
  readonly citations?: readonly Source[]
  /** Milliseconds from the request to its first token; absent when nothing streamed. */
  readonly timeToFirstTokenMs?: number
  /** Milliseconds from the request to the end of the reply, tries included; `createdAt` is that end. */
  readonly durationMs?: number
}

/** The outcome of one call, as text for the model. Together with its call it is Agno's ToolExecution. */
export type ToolMessage = MessageBase & {
  readonly role: 'tool'
  readonly toolCallId: string
  readonly toolName: string
  readonly input: Json
  readonly content: string
  readonly isError: boolean
  readonly durationMs: number
  /** The run ends after this call and its result is the answer. */
  readonly stopAfterToolCall?: boolean
  /** Present where the result is what was found. */
  readonly retrieval?: Retrieval
}

export type Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage

/** The text of an assistant message, its parts joined. */
export function textOf(message: AssistantMessage): string {
  let text = ''
  for (const part of message.parts) if (part.type === 'text') text += part.text
  return text
}

/** The reasoning of an assistant message, its parts joined; empty when there is none. */
export function reasoningOf(message: AssistantMessage): string {
  let text = ''
  for (const part of message.parts) if (part.type === 'reasoning') text += part.text
  return text
}

/** What the model made, in its order. */
export function mediaOf(message: AssistantMessage): readonly Media[] {
  return message.parts.flatMap((part) => (part.type === 'media' ? [part.media] : []))
}

/** The tool calls of an assistant message, in the order the model asked for them. */
export function toolCallsOf(message: AssistantMessage): readonly ToolCall[] {
  return message.parts.filter((part) => part.type === 'tool-call')
}
