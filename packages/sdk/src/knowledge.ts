/**
 * Knowledge bases: documents that agents search. Export one from a file of the agents folder, or hand it to an agent.
 * @module
 */
import { define, isDefinition, refuseUnknown, show } from './definition.ts'

export type SearchType = 'vector' | 'keyword' | 'hybrid'

/** What a search found; higher scores are better, within one answer. */
export interface KnowledgeMatch {
  readonly id: string
  readonly contentId: string
  readonly name: string
  readonly origin: string | null
  readonly text: string
  readonly metadata: Readonly<Record<string, unknown>>
  readonly score: number
}

/** Puts matches into a better order, and may leave some out. */
export type Reranker = (
  query: string,
  matches: readonly KnowledgeMatch[],
) => readonly KnowledgeMatch[] | Promise<readonly KnowledgeMatch[]>

export interface KnowledgeOptions {
  /** Letters, digits, `_`, `-` and, but not first, `.`; 1 to 128, unique in the folder. */
  readonly id: string
  /** Default: the id. */
  readonly name?: string
  readonly description?: string
  /** Files beside this one, as globs such as `docs/**` or `handbook/*.pdf`; each revision brings its own. */
  readonly sources?: readonly string[]
  /** `provider:id`, optionally `@dimensions`, for example `openai:text-embedding-3-small@512`. Default: AGENTOS_EMBEDDER. */
  readonly embedder?: string
  /** How documents are cut: `FixedSizeChunker`, `RecursiveChunker`, `DocumentChunker`, ... Default: that of the reader. */
  readonly chunker?: string
  /** Longest chunk in characters, 1 to 100 000; default that of the chunker. */
  readonly chunkSize?: number
  /** Characters that a chunk repeats of the one before, less than the size; default 0. */
  readonly chunkOverlap?: number
  /** Default `hybrid`, and `keyword` where no embedder is configured. */
  readonly searchType?: SearchType
  /** Chunks that a search finds, 1 to 1000; default 10. */
  readonly maxResults?: number
  /** Called with what agents find, before they see it. */
  readonly reranker?: Reranker
  /** Of every document of `sources`. */
  readonly metadata?: Readonly<Record<string, unknown>>
}

/** A knowledge base as {@link knowledge} made it; `options` are checked, defaults are the server's. */
export interface Knowledge {
  readonly kind: 'knowledge'
  readonly options: KnowledgeOptions
}

type Check = readonly [isRight: (value: unknown) => boolean, takes: string]

const text: Check = [(value) => typeof value === 'string', 'text']
const whole = (min: number, max: number): Check => [
  (value) => typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max,
  `a whole number from ${min} to ${max}`,
]
const SEARCH_TYPES: readonly unknown[] = ['vector', 'keyword', 'hybrid'] satisfies SearchType[]

const CHECKS: Readonly<Record<keyof KnowledgeOptions, Check>> = {
  id: [
    (value) => typeof value === 'string' && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(value),
    '1 to 128 letters, digits, "_", "-" or ".", and not begin with "."',
  ],
  name: text,
  description: text,
  sources: [
    (value) => Array.isArray(value) && value.every(isInside),
    'a list of globs relative to this file, which stay within its directory',
  ],
  embedder: [
    (value) => typeof value === 'string' && /^[a-z][a-z0-9-]*:.+$/.test(value),
    '"provider:id", such as "openai:text-embedding-3-small"',
  ],
  chunker: text,
  chunkSize: whole(1, 100_000),
  chunkOverlap: whole(0, 99_999),
  searchType: [(value) => SEARCH_TYPES.includes(value), '"vector", "keyword" or "hybrid"'],
  maxResults: whole(1, 1000),
  reranker: [(value) => typeof value === 'function', 'a function'],
  metadata: [(value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'an object'],
}

/**
 * Defines a knowledge base.
 * @throws {TypeError} when an option is unknown, missing or of the wrong kind; the message names it and what it takes
 */
export function knowledge(options: KnowledgeOptions): Knowledge {
  refuseUnknown('knowledge()', options, Object.keys(CHECKS))
  const who = typeof options.id === 'string' ? `knowledge "${options.id}"` : 'knowledge()'
  // The names of the table are those of the options.
  for (const [name, [isRight, takes]] of Object.entries(CHECKS) as [keyof KnowledgeOptions, Check][]) {
    const value = options[name]
    if (value === undefined && name !== 'id') continue
    if (!isRight(value)) throw new TypeError(`${who}: ${name} must be ${takes}, got ${show(value)}`)
  }
  const { chunkSize, chunkOverlap = 0, sources, metadata } = options
  if (chunkSize !== undefined && chunkOverlap >= chunkSize) {
    throw new TypeError(`${who}: chunkOverlap must be less than chunkSize, got ${chunkOverlap} and ${chunkSize}`)
  }
  return define({
    kind: 'knowledge',
    options: Object.freeze({
      ...options,
      ...(sources && { sources: Object.freeze([...sources]) }),
      ...(metadata && { metadata: Object.freeze({ ...metadata }) }),
    }),
  })
}

/** Whether `value` is a knowledge base, made by this or another copy of the SDK. */
export function isKnowledge(value: unknown): value is Knowledge {
  return isDefinition(value, 'knowledge')
}

/** A glob that names files below its directory: neither absolute nor climbing. */
function isInside(glob: unknown): boolean {
  if (typeof glob !== 'string' || glob === '' || /^[/\\]|^[A-Za-z]:/.test(glob)) return false
  return !glob.split(/[/\\]/).includes('..')
}
