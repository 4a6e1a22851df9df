/**
 * Searches of a knowledge base: embeds the question and asks the store. Falls back on words where there are no vectors.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { KnowledgeFinding, KnowledgeInfo, KnowledgeQuery, SearchType } from '../base/knowledge.ts'
import { toCondition } from '../base/knowledge-filter.ts'
import { searchChunks } from '../storage/knowledge/search.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Bases } from './bases.ts'
import { EmbedderLeftAlone } from './embedder-watch.ts'

export type SearchDeps = {
  readonly store: KnowledgeStore
  readonly bases: Bases
  readonly clock: Clock
  readonly log: Log
  /** Aborts when the server stops, with an AgentOSError. */
  readonly signal: AbortSignal
  /** Why a search may have found nothing yet, in words. */
  readonly unread: (base: KnowledgeInfo) => Promise<readonly string[]>
  /** Vectors of a base were searched. Must not throw. */
  readonly onVectors?: ((knowledgeId: string) => void) | undefined
  /** Hears of every search. Must not throw. */
  readonly onSearch?: ((search: { readonly type: SearchType; readonly seconds: number }) => void) | undefined
}

type Embedded = {
  readonly vector: { readonly embedder: string; readonly values: Float32Array } | undefined
  /** What is to be said of the search. */
  readonly notes: readonly string[]
}

const WORDS_ONLY: Embedded = { vector: undefined, notes: [] }

/** More of a question than this says nothing new to an embedder. */
const MAX_QUERY = 8000

export type Search = (query: KnowledgeQuery) => Promise<KnowledgeFinding>

export function createSearch(deps: SearchDeps): Search {
  const { store, bases, clock, log, unread, onSearch, onVectors } = deps

  /** @returns without a vector when words have to do, and why */
  async function embed(base: KnowledgeInfo, query: string, mayFail: boolean): Promise<Embedded> {
    const embedder = bases.embedderOf(base)
    if (embedder === undefined) return WORDS_ONLY
    try {
      const [values] = await embedder.embed([query], deps.signal, 'query')
      return { vector: values && { embedder: embedder.name, values }, notes: [] }
    } catch (error) {
      if (!mayFail || !(error instanceof AgentOSError)) throw error
      // Of one that is left alone, the log was told once.
      if (!(error instanceof EmbedderLeftAlone)) {
        log.warn('a question could not be embedded; it is searched by its words', { knowledge_id: base.id, error })
      }
      return { vector: undefined, notes: [`It was searched by words only: ${error.message}`] }
    }
  }

  return async ({ knowledgeId, query: asked, maxResults, searchType, filters = [] }) => {
    const base = bases.find(knowledgeId)
    const condition = filters.length === 0 ? undefined : toCondition(filters)
    const query = asked.trim().slice(0, MAX_QUERY)
    if (query === '') return { hits: [], notes: [] }
    const started = clock.monotonic()
    const why = whyNoVectors(base, { store, bases })
    if (searchType === 'vector' && why !== undefined) {
      throw new AgentOSError('INVALID_REQUEST', `Knowledge base '${base.id}' cannot be searched by vector: ${why}`)
    }
    const wanted = searchType ?? base.searchType ?? 'hybrid'
    const byWords = wanted === 'keyword' || why !== undefined
    const { vector, notes } = byWords ? WORDS_ONLY : await embed(base, query, wanted === 'hybrid')
    const type = vector === undefined ? 'keyword' : wanted
    const limit = maxResults ?? base.maxResults
    const hits = await searchChunks(store, { knowledgeId: base.id, query, type, limit, condition, vector })
    if (vector !== undefined) onVectors?.(base.id)
    onSearch?.({ type, seconds: (clock.monotonic() - started) / 1000 })
    return { hits, notes: hits.length === 0 ? [...(await unread(base)), ...notes] : notes }
  }
}

/** Why a base is searched by words only; undefined when it has vectors. */
export function whyNoVectors(
  base: KnowledgeInfo,
  { store, bases }: Pick<SearchDeps, 'store' | 'bases'>,
): string | undefined {
  if (store.vectors === undefined) return store.problem
  return bases.embedderProblem(base) ?? (bases.embedderOf(base) === undefined ? 'no embedder is configured' : undefined)
}

/** How a base can be searched. */
export function searchTypes(base: KnowledgeInfo, parts: Pick<SearchDeps, 'store' | 'bases'>): SearchType[] {
  return whyNoVectors(base, parts) === undefined ? ['vector', 'keyword', 'hybrid'] : ['keyword']
}
