/**
 * Looks something up for a run: in a knowledge base, which the main thread searches, or with a function of the author.
 * Knows what documents look like to a model; Agno's names and form.
 * @module
 */
import type { KnowledgeMatch, RunContext } from '@agentos/sdk'
import { isJsonObject, toJson, type Json, type JsonObject } from '../../base/json.ts'
import type { KnowledgeFilter, KnowledgeHit } from '../../base/knowledge.ts'
import type { RunOptions } from '../../base/run.ts'
import { elapsedMs } from '../elapsed.ts'
import type { Inside } from '../inside.ts'
import type { PreparedKnowledge } from './prepare.ts'

export type LookUp = {
  readonly query: string
  /** Of the agent and of the run. */
  readonly filters: readonly KnowledgeFilter[]
  readonly ctx: RunContext
}

export type FoundDocuments = {
  readonly documents: readonly Json[]
  readonly durationMs: number
  /** What is to be said of them, each without a full stop. */
  readonly notes: readonly string[]
}

/** @throws {AgentOSError} when the base cannot be searched; whatever the author's function throws */
export async function lookUp(
  knowledge: PreparedKnowledge,
  { query, filters, ctx }: LookUp,
  { ask, clock }: Pick<Inside, 'ask' | 'clock'>,
): Promise<FoundDocuments> {
  const startedAt = clock.monotonic()
  const { retriever, knowledgeId, reranker } = knowledge
  const max = knowledge.maxResults === null ? {} : { maxResults: knowledge.maxResults }
  if (retriever !== undefined) {
    const found: unknown = await retriever(query, { ...max, filters, ctx })
    return { documents: toDocuments(found), durationMs: elapsedMs(clock, startedAt), notes: [] }
  }
  if (knowledgeId === null) return { documents: [], durationMs: 0, notes: [] }
  const { hits, notes } = await ask('search-knowledge', { knowledgeId, query, filters, ...max })
  const ranked = reranker === undefined ? hits : toHits(await reranker(query, hits))
  return { documents: ranked.map(toDocument), durationMs: elapsedMs(clock, startedAt), notes }
}

/**
 * The filters of the agent, and those of the caller over them: of two plain objects one is made, in which the caller's
 * values win, as in Agno; otherwise all of them hold.
 */
export function effectiveFilters(
  { knowledgeFilters: own }: Pick<PreparedKnowledge, 'knowledgeFilters'>,
  { knowledgeFilters: asked = [] }: Pick<RunOptions, 'knowledgeFilters'>,
): readonly KnowledgeFilter[] {
  const [first] = own
  const [over] = asked
  const merges = own.length === 1 && asked.length === 1 && isPlain(first) && isPlain(over)
  return merges ? [{ ...first, ...over }] : [...own, ...asked]
}

function isPlain(filter: KnowledgeFilter | undefined): filter is KnowledgeFilter {
  return filter !== undefined && filter['op'] === undefined
}

/** As Agno's `Document.to_dict()`; where the content comes from is part of its metadata. */
function toDocument({ name, origin, metadata, text }: KnowledgeHit): JsonObject {
  const source = origin === null || 'url' in metadata ? {} : { source: origin }
  return { name, meta_data: { ...source, ...metadata }, content: text }
}

function toHits(ranked: readonly KnowledgeMatch[]): readonly KnowledgeHit[] {
  if (!Array.isArray(ranked)) throw new TypeError('the reranker must return a list of matches')
  return ranked.map((match: KnowledgeMatch): KnowledgeHit => {
    const metadata = toJson(match.metadata, 'the metadata of a match')
    return { ...match, metadata: isJsonObject(metadata) ? metadata : {} }
  })
}

function toDocuments(found: unknown): readonly Json[] {
  if (found === undefined || found === null) return []
  if (!Array.isArray(found)) throw new TypeError('knowledgeRetriever must return a list of documents')
  const documents = toJson(found, 'what knowledgeRetriever returned')
  return Array.isArray(documents) ? documents : []
}

/**
 * Documents as a model reads them, as many as fit; a first one that does not fit is cut.
 * @param maxBytes of UTF-8
 * @returns JSON of a list, as Agno indents it
 */
export function writeDocuments(documents: readonly Json[], maxBytes: number): string {
  for (let count = documents.length; count > 0; count--) {
    const text = JSON.stringify(documents.slice(0, count), null, 2)
    if (Buffer.byteLength(text) <= maxBytes) return text
  }
  const [first] = documents
  return JSON.stringify(first === undefined ? [] : [cutDocument(first, maxBytes)], null, 2)
}

function cutDocument(document: Json, maxBytes: number): Json {
  const text = isJsonObject(document) ? document['content'] : document
  const content = typeof text === 'string' ? text : JSON.stringify(document)
  // JSON writes a character in six bytes at most, and the rest of the document needs room too.
  const cut = `${content.slice(0, Math.max(0, Math.floor(maxBytes / 8)))} [cut]`
  return isJsonObject(document) && typeof document['name'] === 'string'
    ? { name: document['name'].slice(0, 200), content: cut }
    : cut
}
