/**
 * The words of knowledge: what is searched and what is found.
 * @module
 */
import type { Json, JsonObject } from './json.ts'

/** `hybrid` joins the ranks of the other two (reciprocal rank fusion). */
export type SearchType = 'vector' | 'keyword' | 'hybrid'

/** A condition on the metadata of chunks: a plain object asks for equal values, an expression has an `op`. */
export type KnowledgeFilter = JsonObject

export type KnowledgeQuery = {
  readonly knowledgeId: string
  readonly query: string
  /** 1 to 1000; default that of the knowledge base. */
  readonly maxResults?: number
  /** Default that of the knowledge base. */
  readonly searchType?: SearchType
  /** All of them hold. */
  readonly filters?: readonly KnowledgeFilter[]
}

/** A chunk that was found. */
export type KnowledgeHit = {
  readonly id: string
  readonly contentId: string
  /** Of its content. */
  readonly name: string
  /** Where its content came from: a path, a URL, or null. */
  readonly origin: string | null
  readonly text: string
  /** Of its content and of itself: page, heading, row, ... */
  readonly metadata: Readonly<Record<string, Json>>
  /** Higher is better; comparable within one answer only. */
  readonly score: number
}
