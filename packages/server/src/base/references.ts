/**
 * The look-ups of a run, read from its messages.
 * @module
 */
import { parseJson, type Json } from './json.ts'
import type { Message } from './message.ts'

/** A look-up with what it found; Agno's MessageReferences. */
export type References = {
  readonly query: string
  readonly documents: readonly Json[]
  readonly durationMs: number
  /** The message that has them. */
  readonly message: Message
}

/** The look-ups of `messages`, in their order; one whose documents were cut is left out. */
export function referencesOf(messages: readonly Message[]): References[] {
  return messages.flatMap((message) => {
    if ((message.role !== 'user' && message.role !== 'tool') || message.retrieval === undefined) return []
    const { query, durationMs, from, to } = message.retrieval
    const documents = parseJson(message.content.slice(from, to))
    return Array.isArray(documents) ? [{ query, documents, durationMs, message }] : []
  })
}
