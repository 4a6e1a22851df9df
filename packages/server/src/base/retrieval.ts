/**
 * What was looked up for a message. The documents stand in the message's content, where the model reads them, and are
 * read from there again: they are stored once.
 * @module
 */
import { parseJson, type Json } from './json.ts'
import type { Message } from './message.ts'

/** A look-up: its documents are the JSON list that the content has from `from` up to, not including, `to`. */
export type Retrieval = {
  readonly query: string
  readonly durationMs: number
  readonly from: number
  readonly to: number
}

/** A look-up with what it found; Agno's MessageReferences. */
export type References = {
  readonly query: string
  readonly documents: readonly Json[]
  readonly durationMs: number
  /** The message that has them. */
  readonly message: Message
}

/** The look-ups of `messages`, in their order. */
export function referencesOf(messages: readonly Message[]): References[] {
  return messages.flatMap((message) => {
    if ((message.role !== 'user' && message.role !== 'tool') || message.retrieval === undefined) return []
    const { query, durationMs, from, to } = message.retrieval
    const documents = parseJson(message.content.slice(from, to))
    return Array.isArray(documents) ? [{ query, documents, durationMs, message }] : []
  })
}
