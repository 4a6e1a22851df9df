/**
 * Indexes of vectors: one for each dimension, made when there are enough of it that comparing all of them takes too long.
 * Beyond 2000 dimensions they hold halves of the precision (pgvector's `halfvec`); beyond 4000 there is none.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { KnowledgeStore } from './store.ts'
import type { Db } from '../tables.ts'

const MAX_FULL = 2000
const MAX_HALF = 4000
/** Any constant of our own: one index at a time, whoever makes it. */
const ADVISORY_LOCK = 4_218_097_331

/** Distance of a chunk's vector `c.embedding`, in the words that its index was made with. */
export function vectorExpression(dimensions: number, asked: RawBuilder<unknown>): RawBuilder<number> {
  if (dimensions > MAX_HALF) return sql`c.embedding <=> ${asked}::vector`
  const type = typeOf(dimensions)
  return sql`(c.embedding::${type}) <=> ${asked}::${type}`
}

function typeOf(dimensions: number): RawBuilder<unknown> {
  return sql.raw(`${dimensions > MAX_FULL ? 'halfvec' : 'vector'}(${dimensions})`)
}

function nameOf(dimensions: number): string {
  return `agentos_chunks_hnsw_${dimensions}`
}

/** Dimensions that have a whole index. */
export async function indexedDimensions({ database }: KnowledgeStore): Promise<number[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'ai.agentos_chunks'::regclass and i.indisvalid and starts_with(c.relname, 'agentos_chunks_hnsw_')`.execute(
    database.background,
  )
  return rows.map(({ name }) => Number(name.slice(name.lastIndexOf('_') + 1)))
}

/** Whether there are more than `chunks` vectors of this embedder. */
export async function hasMoreVectors({ database }: KnowledgeStore, embedder: string, chunks: number): Promise<boolean> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from (
      select from ai.agentos_chunks where embedder = ${embedder} limit ${chunks + 1}::integer
    ) counted`.execute(database.background)
  return (rows[0]?.count ?? 0) > chunks
}

/**
 * Makes the index of a dimension, while chunks are written and searched, unless another server is at it.
 * @returns whether it was made now
 */
export async function makeVectorIndex({ database }: KnowledgeStore, dimensions: number): Promise<boolean> {
  if (!(Number.isInteger(dimensions) && dimensions > 0 && dimensions <= MAX_HALF)) return false
  if (database.engine === 'embedded') {
    await create(database.maintenance, dimensions, false)
    return true
  }
  return database.aside(async (db) => {
    const { rows } = await sql<{
      mine: boolean
    }>`select pg_try_advisory_lock(${ADVISORY_LOCK}::bigint) as mine`.execute(db)
    if (rows[0]?.mine !== true) return false
    await create(db, dimensions, true)
    return true
  })
}

async function create(db: Db, dimensions: number, concurrently: boolean): Promise<void> {
  const name = sql.id('ai', nameOf(dimensions))
  // What was broken off half-way is there, and of no use.
  const { rows } = await sql`
    select from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'ai.agentos_chunks'::regclass and c.relname = ${nameOf(dimensions)} and not i.indisvalid`.execute(
    db,
  )
  if (rows.length > 0) await sql`drop index ${name}`.execute(db)
  const half = dimensions > MAX_FULL
  await sql`
    create index ${concurrently ? sql`concurrently` : sql``} if not exists ${sql.id(nameOf(dimensions))}
    on ai.agentos_chunks using hnsw ((embedding::${typeOf(dimensions)}) ${sql.raw(half ? 'halfvec_cosine_ops' : 'vector_cosine_ops')})
    where vector_dims(embedding) = ${sql.raw(String(dimensions))}`.execute(db)
}
