/**
 * Chunks: written by one attempt of a job at a time, seen all at once.
 *
 *   begin (whose writes count) --> write, batch by batch --> publish (the new ones are seen, the old ones gone)
 *
 * Invariant: searches see the chunks of one version of a document, whole.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { Json } from '../../base/json.ts'
import type { KnowledgeStore } from './store.ts'
import type { Db } from '../tables.ts'
import { jsonText, textArray } from '../values.ts'

/** Of longer chunks only so many characters are found by their words: a `tsvector` has an end. */
const WORDS_OF = 100_000

/** Which attempt writes which version of which document. */
export type Writing = { readonly contentId: string; readonly version: number; readonly attempt: number }

export type DocumentFacts = {
  readonly knowledgeId: string
  readonly name: string
  readonly origin: string | null
  readonly size: number | null
  readonly metadata: Readonly<Record<string, Json>>
}

export type NewChunk = {
  readonly index: number
  readonly text: string
  readonly metadata: Readonly<Record<string, Json>>
  /** Of its text. */
  readonly hash: string
  /** {@link vectorText}; null: none. */
  readonly vector: string | null
}

/**
 * From now on only the writes of this attempt count.
 * @returns `published`: how many chunks this very version has when it is published already; undefined when a later
 *   attempt has taken over
 */
export async function beginWriting(
  db: Db,
  { contentId, version, attempt }: Writing,
  facts: DocumentFacts,
): Promise<{ readonly published: number | undefined } | undefined> {
  const { rows } = await sql<{ version: number; chunks: number }>`
    insert into ai.agentos_documents as d
      (content_id, knowledge_id, name, origin, size, metadata, writing, attempt)
    values (${contentId}, ${facts.knowledgeId}, ${facts.name}, ${facts.origin}, ${facts.size}::int8,
      ${jsonText(facts.metadata)}::jsonb, ${version}::integer, ${attempt}::integer)
    on conflict (content_id) do update set
      name = excluded.name, origin = excluded.origin, size = excluded.size, metadata = excluded.metadata,
      writing = excluded.writing, attempt = excluded.attempt, updated_at = now()
    where d.attempt < excluded.attempt
    returning version, chunks`.execute(db)
  const [row] = rows
  return row && { published: row.version === version ? row.chunks : undefined }
}

/** Vectors that chunks of the same text have already, as {@link vectorText}, by hash. */
export async function findVectors(
  { database, vectors }: KnowledgeStore,
  embedder: string,
  hashes: readonly string[],
): Promise<Map<string, string>> {
  if (vectors === undefined || hashes.length === 0) return new Map()
  const { rows } = await sql<{ hash: string; vector: string }>`
    select distinct on (hash) hash, embedding::text as vector from ai.agentos_chunks
    where hash = any(${textArray(hashes)}::text[]) and embedder = ${embedder}`.execute(database.background)
  return new Map(rows.map(({ hash, vector }) => [hash, vector]))
}

/**
 * Writes chunks of the version; those that are there already stay.
 * @returns false when the attempt's writes do not count any more, or the document is gone
 */
export async function writeChunks(
  { database, vectors, language }: KnowledgeStore,
  { contentId, version, attempt }: Writing,
  embedder: string | null,
  chunks: readonly NewChunk[],
): Promise<boolean> {
  const texts = (values: readonly string[]) => textArray(values)
  const columns: RawBuilder<unknown>[] = [
    sql`${texts(chunks.map(({ index }) => String(index)))}::integer[]`,
    sql`${texts(chunks.map(({ text }) => text))}::text[]`,
    sql`${texts(chunks.map(({ metadata }) => jsonText(metadata)))}::text[]`,
    sql`${texts(chunks.map(({ hash }) => hash))}::text[]`,
    sql`${texts(chunks.map(({ vector }) => vector ?? ''))}::text[]`,
  ]
  const hasVectors = vectors !== undefined
  const { rows } = await sql<{ held: boolean }>`
    with mine as (
      select knowledge_id from ai.agentos_documents
      where content_id = ${contentId} and writing = ${version}::integer and attempt = ${attempt}::integer for share
    ), written as (
      insert into ai.agentos_chunks as old
        (content_id, version, chunk_index, knowledge_id, text, metadata, hash, words, embedder
          ${hasVectors ? sql`, embedding` : sql``})
      select ${contentId}, ${version}::integer, c.chunk_index, mine.knowledge_id, c.text, c.metadata::jsonb, c.hash,
        to_tsvector(${language}::regconfig, left(c.text, ${WORDS_OF}::integer)),
        case when c.vector <> '' then ${embedder}::text end
        ${hasVectors ? sql`, nullif(c.vector, '')::vector` : sql``}
      from mine, unnest(${sql.join(columns)}) as c (chunk_index, text, metadata, hash, vector)
      on conflict (content_id, version, chunk_index) do update set
        text = excluded.text, metadata = excluded.metadata, hash = excluded.hash, words = excluded.words,
        embedder = excluded.embedder ${hasVectors ? sql`, embedding = excluded.embedding` : sql``}
      where old.hash <> excluded.hash or old.embedder is distinct from excluded.embedder
    )
    select exists (select from mine) as held`.execute(database.background)
  return rows[0]?.held === true
}

/**
 * Searches see this version from now on, and no other.
 * @param chunks how many it has
 * @returns false when the attempt's writes do not count any more, or the document is gone
 */
export async function publishChunks(
  { database }: KnowledgeStore,
  { contentId, version, attempt }: Writing,
  chunks: number,
): Promise<boolean> {
  const { rows } = await sql<{ published: boolean }>`
    with published as (
      update ai.agentos_documents set version = ${version}::integer, chunks = ${chunks}::integer, writing = null,
        updated_at = now()
      where content_id = ${contentId} and writing = ${version}::integer and attempt = ${attempt}::integer
      returning content_id
    ), replaced as (
      delete from ai.agentos_chunks c using published p
      where c.content_id = p.content_id and (c.version <> ${version}::integer or c.chunk_index >= ${chunks}::integer)
    )
    select exists (select from published) as published`.execute(database.background)
  return rows[0]?.published === true
}

/** Removes what an attempt has written that is given up. */
export async function abandonWriting(
  { database }: KnowledgeStore,
  { contentId, version, attempt }: Writing,
): Promise<void> {
  await sql`
    with mine as (
      update ai.agentos_documents set writing = null
      where content_id = ${contentId} and attempt = ${attempt}::integer and writing = ${version}::integer
      returning content_id, version
    )
    delete from ai.agentos_chunks c using mine where c.content_id = mine.content_id and c.version <> mine.version`.execute(
    database.background,
  )
}

/** Name and metadata as searches show and filter them. */
export async function describeDocument(
  { database }: KnowledgeStore,
  contentId: string,
  { name, metadata }: Pick<DocumentFacts, 'name' | 'metadata'>,
): Promise<void> {
  await sql`
    update ai.agentos_documents set name = ${name}, metadata = ${jsonText(metadata)}::jsonb, updated_at = now()
    where content_id = ${contentId}`.execute(database.db)
}

/** Deletes the chunks of contents of one base; an attempt that still writes some finds that its writes do not count. */
export async function deleteDocuments(
  { database }: KnowledgeStore,
  knowledgeId: string,
  contentIds: readonly string[],
): Promise<void> {
  if (contentIds.length === 0) return
  await sql`
    delete from ai.agentos_documents
    where knowledge_id = ${knowledgeId} and content_id = any(${textArray(contentIds)}::text[])`.execute(
    database.background,
  )
}

export type ChunkText = {
  readonly index: number
  readonly version: number
  readonly text: string
  readonly hash: string
}

/** Chunks that searches see and that have no vector of `embedder`, in order, those behind the index `after`. */
export async function listUnembedded(
  { database }: KnowledgeStore,
  contentId: string,
  embedder: string,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<ChunkText[]> {
  const { rows } = await sql<{ chunk_index: number; version: number; text: string; hash: string }>`
    select c.chunk_index, c.version, c.text, c.hash
    from ai.agentos_documents d join ai.agentos_chunks c on c.content_id = d.content_id and c.version = d.version
    where d.content_id = ${contentId} and c.chunk_index > ${after}::integer and c.embedder is distinct from ${embedder}
    order by c.chunk_index limit ${limit}::integer`.execute(database.background)
  return rows.map(({ chunk_index: index, version, text, hash }) => ({ index, version, text, hash }))
}

/** Gives chunks their vectors, where their text is still the same. */
export async function setVectors(
  { database }: KnowledgeStore,
  contentId: string,
  embedder: string,
  chunks: readonly (ChunkText & { readonly vector: string })[],
): Promise<void> {
  await sql`
    update ai.agentos_chunks c set embedding = given.vector::vector, embedder = ${embedder}
    from unnest(
      ${textArray(chunks.map(({ index }) => String(index)))}::integer[],
      ${textArray(chunks.map(({ version }) => String(version)))}::integer[],
      ${textArray(chunks.map(({ hash }) => hash))}::text[],
      ${textArray(chunks.map(({ vector }) => vector))}::text[]
    ) as given (chunk_index, version, hash, vector)
    where c.content_id = ${contentId} and c.chunk_index = given.chunk_index and c.version = given.version
      and c.hash = given.hash`.execute(database.background)
}

/** How a vector travels: as pgvector reads it, to seven digits, which is what 32 bits hold. */
export function vectorText(values: Float32Array): string {
  const numbers = Array.from(values, (value) => String(Number(value.toPrecision(7))))
  return `[${numbers.join(',')}]`
}
