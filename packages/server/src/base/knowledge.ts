/**
 * The words of knowledge: what a knowledge base is, what is searched and what is found.
 * @module
 */
import type { ChunkerKey, ReaderKey } from './document.ts'
import type { Json, JsonObject } from './json.ts'

/** `hybrid` joins the ranks of the other two (reciprocal rank fusion). */
export type SearchType = 'vector' | 'keyword' | 'hybrid'

/** A knowledge base, as its revision defines it. */
export type KnowledgeInfo = {
  readonly id: string
  readonly name: string
  readonly description: string | null
  /** Globs of the files that belong to it, relative to the agents folder. */
  readonly sources: readonly string[]
  /** `provider:id` with an optional `@dimensions`; null: that of the server. */
  readonly embedder: string | null
  /** Null, here and below: the default of the reader or the chunker. */
  readonly chunker: ChunkerKey | null
  readonly chunkSize: number | null
  readonly chunkOverlap: number | null
  /** Null: `hybrid` where there is an embedder, else `keyword`. */
  readonly searchType: SearchType | null
  readonly maxResults: number
  /** Of every document of `sources`. */
  readonly metadata: JsonObject
}

export const DEFAULT_MAX_RESULTS = 10

/** What a base has that sets nothing. */
export const PLAIN_BASE: Omit<KnowledgeInfo, 'id' | 'name' | 'sources'> = {
  description: null,
  embedder: null,
  chunker: null,
  chunkSize: null,
  chunkOverlap: null,
  searchType: null,
  maxResults: DEFAULT_MAX_RESULTS,
  metadata: {},
}

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

/** What a search found. */
export type KnowledgeFinding = {
  /** Best first. */
  readonly hits: readonly KnowledgeHit[]
  /** What whoever reads the hits should know of them, each without a full stop: why there may be more of them soon. */
  readonly notes: readonly string[]
}

/** How a document is to be read; absent: the default of the reader or the chunker. */
export type ReadSettings = {
  readonly reader?: ReaderKey
  readonly chunker?: ChunkerKey
  readonly chunkSize?: number
  readonly chunkOverlap?: number
}

export type ContentStatus = 'processing' | 'completed' | 'failed'

/** What a content is made from. `folder`: of the agents folder. */
export type ContentKind = 'file' | 'text' | 'url' | 'remote' | 'folder'
