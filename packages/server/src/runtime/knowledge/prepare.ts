/**
 * What an agent knows where to look up: its options, checked and in one form. Everything that can be wrong with them is
 * found here, at load.
 * @module
 */
import { isKnowledge, type AgentOptions, type KnowledgeRetriever, type Reranker } from '@agentos/sdk'
import type { JsonObject } from '../../base/json.ts'
import { readFilters } from '../../base/knowledge-filter.ts'
import type { KnowledgeFilter } from '../../base/knowledge.ts'
import type { AgentKnowledge } from '../../base/runnable.ts'
import { toJsonObject } from '../state.ts'

export type PreparedKnowledge = AgentKnowledge & {
  /** Called instead of a search of the base. */
  readonly retriever: KnowledgeRetriever | undefined
  readonly reranker: Reranker | undefined
}

/** Options that mean nothing without something to look up. */
const NEEDING = [
  'addKnowledgeToContext',
  'knowledgeFilters',
  'enableAgenticKnowledgeFilters',
  'updateKnowledge',
  'knowledgeMaxResults',
] as const satisfies readonly (keyof AgentOptions)[]

/**
 * @param beside id of the base that the folder `knowledge/` beside the agent is
 * @returns undefined for an agent that looks nothing up
 * @throws {TypeError} naming an option that cannot work
 */
export function prepareKnowledge(
  options: AgentOptions,
  beside: string | undefined,
  who: string,
): PreparedKnowledge | undefined {
  const { knowledge: given, knowledgeRetriever: retriever } = options
  const base = isKnowledge(given) ? given.options : undefined
  const knowledgeId = base?.id ?? (typeof given === 'string' ? given : beside) ?? null
  if (knowledgeId === null) {
    const needing = NEEDING.find((name) => options[name] !== undefined && options[name] !== false)
    const isLookedUp = retriever !== undefined && needing !== 'updateKnowledge'
    if (needing !== undefined && !isLookedUp) throw new TypeError(`${who}: ${needing} needs knowledge`)
    if (retriever === undefined) return undefined
  }
  return {
    knowledgeId,
    retriever,
    reranker: base?.reranker,
    searchKnowledge: options.searchKnowledge ?? true,
    addSearchKnowledgeInstructions: options.addSearchKnowledgeInstructions ?? true,
    addKnowledgeToContext: options.addKnowledgeToContext ?? false,
    enableAgenticKnowledgeFilters: options.enableAgenticKnowledgeFilters ?? false,
    updateKnowledge: options.updateKnowledge ?? false,
    knowledgeFilters: prepareFilters(options.knowledgeFilters, who),
    maxResults: options.knowledgeMaxResults ?? null,
  }
}

/** What `/agents` tells of it. */
export function describeKnowledge(prepared: PreparedKnowledge): AgentKnowledge {
  const { retriever: _retriever, reranker: _reranker, ...told } = prepared
  return told
}

function prepareFilters(given: AgentOptions['knowledgeFilters'], who: string): readonly KnowledgeFilter[] {
  if (given === undefined) return []
  // What is a list and what an object was checked by the SDK.
  const filters = (Array.isArray(given) ? given : [given]) as readonly JsonObject[]
  const json = filters.map((filter): JsonObject => toJsonObject(filter, `${who}: knowledgeFilters`))
  try {
    return readFilters(json)
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`${who}: knowledgeFilters: ${message}`, { cause })
  }
}
