/**
 * Search: by vectors, by words, or by both, whose ranks are joined (reciprocal rank fusion, Cormack et al. 2009, k = 60).
 * One statement; filters are part of it.
 *
 * - Where little is in question (`EXACT` chunks: a small base, or a strict filter), every vector is compared. Else the
 *   index of the dimension finds the nearest, and goes on until enough of them fulfil the filter.
 * - Words: chunks with all the words of the question come first, then those with any. What matches more than `RANKED`
 *   chunks is not ranked further than that.
 *
 * Invariant: only chunks of the version that their document shows are found.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { Json } from '../../base/json.ts'
import type { KnowledgeHit, SearchType } from '../../base/knowledge.ts'
import type { Condition } from '../../base/knowledge-filter.ts'
import { vectorText } from './chunks.ts'
import { compileCondition, needsChunks } from './filter.ts'
import { vectorExpression } from './vector-index.ts'
import type { KnowledgeStore } from './store.ts'
import type { Db } from '../tables.ts'

export type ChunkQuery = {
  readonly knowledgeId: string
  readonly query: string
  readonly type: SearchType
  /** Most hits, 1 to 1000. */
  readonly limit: number
  readonly condition?: Condition | undefined
  /** Of the query; needed unless `type` is `keyword`. */
  readonly vector?: { readonly embedder: string; readonly values: Float32Array } | undefined
}

/** So many chunks are compared one by one sooner than through an index. */
export const EXACT_CHUNKS = 5000
const RANKED = 10_000
const FUSION_K = 60
/** Of each of the two ways, at least so many take part when they are joined. */
const LEAST_CANDIDATES = 40
/**
 * Least number of neighbours that an index scan keeps in mind; pgvector's own is 40. Among 200 000 chunks in dense groups
 * 80 found 87 % of the ten nearest and 200 found 95 %, in the same time (`npm run bench -- knowledge --full`).
 */
const LEAST_EF_SEARCH = 200
/** Most that pgvector allows. */
const MAX_EF_SEARCH = 1000

type HitRow = {
  content_id: string
  chunk_index: number
  name: string
  origin: string | null
  text: string
  metadata: Record<string, Json>
  score: number
}

/** The best chunks, best first. */
export async function searchChunks(
  { database, vectors, language }: KnowledgeStore,
  query: ChunkQuery,
): Promise<KnowledgeHit[]> {
  const candidates = query.type === 'hybrid' ? Math.max(LEAST_CANDIDATES, query.limit * 2) : query.limit
  const parts = createParts(query, language, candidates)
  if (query.type === 'keyword') return readHits(database.db, sql`with ${parts.words} ${parts.best('word_places')}`)
  const statement =
    query.type === 'vector'
      ? sql`with ${parts.near} ${parts.best('near_places')}`
      : sql`with ${parts.near}, ${parts.words}, ${parts.fused} ${parts.best('fused')}`
  return database.db.transaction().execute(async (transaction) => {
    const ef = Math.min(MAX_EF_SEARCH, Math.max(LEAST_EF_SEARCH, candidates))
    await sql`select set_config('hnsw.ef_search', ${String(ef)}, true)
      ${vectors?.iterative === true ? sql`, set_config('hnsw.iterative_scan', 'strict_order', true)` : sql``}`.execute(
      transaction,
    )
    return readHits(transaction, statement)
  })
}

async function readHits(db: Db, statement: RawBuilder<unknown>): Promise<KnowledgeHit[]> {
  const { rows } = await sql<HitRow>`${statement}`.execute(db)
  return rows.map((row) => ({
    id: `${row.content_id}:${row.chunk_index}`,
    contentId: row.content_id,
    name: row.name,
    origin: row.origin,
    text: row.text,
    metadata: row.metadata,
    score: row.score,
  }))
}

type Scope = {
  /** Conditions on documents `d`, as far as documents alone tell; begins with "and". */
  readonly ofDocuments: RawBuilder<unknown>
  /** All conditions, on documents `d` and chunks `c`; begins with "and". */
  readonly ofBoth: RawBuilder<unknown>
  /** Whether `ofBoth` asks for more than `ofDocuments`. */
  readonly asksChunks: boolean
}

const NOTHING = sql``
const IS_SHOWN = sql`c.content_id = d.content_id and c.version = d.version`

function scopeOf(condition: Condition | undefined): Scope {
  if (condition === undefined) return { ofDocuments: NOTHING, ofBoth: NOTHING, asksChunks: false }
  const ofBoth = sql`and ${compileCondition(condition, 'd', 'c')}`
  const asksChunks = needsChunks(condition)
  return { ofDocuments: asksChunks ? NOTHING : ofBoth, ofBoth, asksChunks }
}

function createParts({ knowledgeId, query, limit, condition, vector }: ChunkQuery, language: string, most: number) {
  const scope = scopeOf(condition)
  return {
    words: byWords({ knowledgeId, query, language, most, scope }),
    near: vector === undefined ? NOTHING : byVector({ knowledgeId, vector, most, scope }),
    fused: sql`
      fused as (
        select content_id, chunk_index, sum(1 / (${FUSION_K} + place)::float8) as score,
          row_number() over (order by sum(1 / (${FUSION_K} + place)::float8) desc, content_id, chunk_index) as place
        from (
          select content_id, chunk_index, place from near_places
          union all select content_id, chunk_index, place from word_places
        ) places group by content_id, chunk_index
      )`,
    best: (from: string) => sql`
      select b.content_id, b.chunk_index, d.name, d.origin, c.text, c.metadata || d.metadata as metadata, b.score
      from (
        select content_id, chunk_index, score, place from ${sql.table(from)}
        order by place, content_id, chunk_index limit ${limit}::integer
      ) b join ai.agentos_documents d on d.content_id = b.content_id
      join ai.agentos_chunks c on ${IS_SHOWN} and c.chunk_index = b.chunk_index
      order by b.place, b.content_id, b.chunk_index`,
  }
}

type ByWords = Pick<ChunkQuery, 'knowledgeId' | 'query'> & {
  readonly language: string
  readonly most: number
  readonly scope: Scope
}

function byWords({ knowledgeId, query, language, most, scope }: ByWords): RawBuilder<unknown> {
  /** At most {@link RANKED} matches, the best `most` of them. */
  const matching = (asked: RawBuilder<unknown>, gate = NOTHING) => sql`
    select content_id, chunk_index, rank from (
      select c.content_id, c.chunk_index, ts_rank(c.words, ${asked}, 1) as rank
      from ai.agentos_chunks c join ai.agentos_documents d on ${IS_SHOWN}
      where c.knowledge_id = ${knowledgeId} and c.words @@ ${asked} ${scope.ofBoth} ${gate}
      limit ${RANKED}::integer
    ) ranked order by rank desc, content_id, chunk_index limit ${most}::integer`
  const all = sql`websearch_to_tsquery(${language}::regconfig, ${query})`
  // The lexemes of the question, joined by "or" instead of "and".
  const any = sql`replace(plainto_tsquery(${language}::regconfig, ${query})::text, ' & ', ' | ')::tsquery`
  return sql`
    strict as materialized (${matching(all)}),
    loose as materialized (${matching(any, sql`and (select count(*) from strict) < ${most}::integer`)}),
    word_places as (
      select *, row_number() over (order by tier, rank desc, content_id, chunk_index) as place, rank::float8 as score
      from (
        select *, 1 as tier from strict
        union all
        select *, 2 from loose l where not exists (
          select from strict s where s.content_id = l.content_id and s.chunk_index = l.chunk_index)
      ) matched order by place limit ${most}::integer
    )`
}

type ByVector = Pick<ChunkQuery, 'knowledgeId'> & {
  readonly vector: NonNullable<ChunkQuery['vector']>
  readonly most: number
  readonly scope: Scope
}

function byVector({ knowledgeId, vector, most, scope }: ByVector): RawBuilder<unknown> {
  const { embedder, values } = vector
  const asked = sql`${vectorText(values)}`
  const distance = vectorExpression(values.length, asked)
  const usable = sql`c.embedder = ${embedder} and vector_dims(c.embedding) = ${sql.raw(String(values.length))}`
  const small = sql`(select is_small from size)`
  const { ofDocuments, ofBoth, asksChunks } = scope
  return sql`
    scope as materialized (
      select d.content_id, d.version, d.chunks ${asksChunks ? sql`, d.metadata` : NOTHING} from ai.agentos_documents d
      where d.knowledge_id = ${knowledgeId} and d.chunks > 0 ${ofDocuments} limit ${EXACT_CHUNKS + 1}::integer
    ), size as materialized (
      select coalesce(sum(chunks), 0) <= ${EXACT_CHUNKS}::integer as is_small from scope
    ), near as (
      (
        select c.content_id, c.chunk_index, c.embedding <=> ${asked}::vector as distance
        from scope d join ai.agentos_chunks c on ${IS_SHOWN}
        where ${small} and ${usable} ${asksChunks ? ofBoth : NOTHING}
        order by distance limit ${most}::integer
      ) union all (
        select c.content_id, c.chunk_index, ${distance} as distance
        from ai.agentos_chunks c
        where not ${small} and c.knowledge_id = ${knowledgeId} and ${usable}
          -- A question of each row and no join, which would have all of them sorted.
          and (select d.version = c.version ${ofBoth} from ai.agentos_documents d where d.content_id = c.content_id)
        order by ${distance} limit ${most}::integer
      )
    ), near_places as (
      select content_id, chunk_index, 1 - distance as score,
        row_number() over (order by distance, content_id, chunk_index) as place
      from near
    )`
}
