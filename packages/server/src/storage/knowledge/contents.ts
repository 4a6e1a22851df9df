/**
 * Contents of knowledge bases: what was given, what became of it. Their jobs are in `jobs.ts`, their chunks in
 * `chunks.ts`.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { JsonObject } from '../../base/json.ts'
import type { ContentKind, ContentStatus, ReadSettings } from '../../base/knowledge.ts'
import { COUNTED } from '../page-count.ts'
import type { Db } from '../tables.ts'
import { jsonText, textArray } from '../values.ts'

export type Content = {
  readonly id: string
  readonly knowledgeId: string
  readonly name: string
  readonly description: string | null
  readonly kind: ContentKind
  readonly origin: string | null
  readonly sourceId: string | null
  readonly contentType: string | null
  readonly size: number | null
  readonly metadata: JsonObject
  readonly settings: ReadSettings
  readonly contentHash: string
  readonly status: ContentStatus
  readonly statusMessage: string
  readonly version: number
  readonly chunkCount: number
  readonly embedder: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type NewContent = Pick<
  Content,
  | 'id'
  | 'knowledgeId'
  | 'name'
  | 'description'
  | 'kind'
  | 'origin'
  | 'sourceId'
  | 'contentType'
  | 'size'
  | 'metadata'
  | 'settings'
  | 'contentHash'
>

export type ContentRow = {
  content_id: string
  knowledge_id: string
  name: string
  description: string | null
  kind: ContentKind
  origin: string | null
  source_id: string | null
  content_type: string | null
  size: number | null
  metadata: JsonObject
  settings: ReadSettings
  content_hash: string
  status: ContentStatus
  status_message: string
  version: number
  chunk_count: number
  embedder: string | null
  created_at: Date
  updated_at: Date
}

export function readContent(row: ContentRow): Content {
  return {
    id: row.content_id,
    knowledgeId: row.knowledge_id,
    name: row.name,
    description: row.description,
    kind: row.kind,
    origin: row.origin,
    sourceId: row.source_id,
    contentType: row.content_type,
    size: row.size,
    metadata: row.metadata,
    settings: row.settings,
    contentHash: row.content_hash,
    status: row.status,
    statusMessage: row.status_message,
    version: row.version,
    chunkCount: row.chunk_count,
    embedder: row.embedder,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** What makes a content wait to be read: a new version of it, with all its attempts before it. */
const READ_ANEW = sql`status = 'processing', status_message = '', version = c.version + 1, job = 'ingest',
  job_embedder = null, due_at = now(), tries = 0, lease_owner = null, lease_until = null, updated_at = now()`

/**
 * A content may have been there before, with the same id, and what was written of it may still be: no version of that may
 * be taken for one of this, and no attempt of that may be later than those of this.
 */
const NEW_VERSION = sql`1 + floor(random() * 1000000000)::integer`
const NEW_ATTEMPT = sql`greatest(0, extract(epoch from now() - timestamptz '2026-01-01 00:00Z'))::integer`

/**
 * Stores a content that is to be read, with its upload. One of the same id and hash stays as it is, but for what the
 * caller says of it; when reading it has failed it is tried again.
 * @param upload in parts; undefined where there is none
 */
export async function addContent(
  db: Db,
  content: NewContent,
  upload: AsyncIterable<Uint8Array> | undefined,
): Promise<Content> {
  return db.transaction().execute(async (transaction) => {
    const { rows } = await sql<ContentRow & { is_new: boolean }>`
      insert into agentos_knowledge_contents as c
        (content_id, knowledge_id, name, description, kind, origin, source_id, content_type, size, metadata, settings,
          content_hash, status, job, version, attempt)
      values (${content.id}, ${content.knowledgeId}, ${content.name}, ${content.description}, ${content.kind},
        ${content.origin}, ${content.sourceId}, ${content.contentType}, ${content.size}::int8,
        ${jsonText(content.metadata)}::jsonb, ${jsonText(content.settings)}::jsonb, ${content.contentHash},
        'processing', 'ingest', ${NEW_VERSION}, ${NEW_ATTEMPT})
      on conflict (content_id) do update set
        name = excluded.name,
        description = coalesce(excluded.description, c.description),
        metadata = case when excluded.metadata = '{}' then c.metadata else excluded.metadata end,
        updated_at = now()
      returning *, xmax = 0 as is_new`.execute(transaction)
    const [row] = rows
    if (row === undefined) throw new TypeError('an insert that updates gives a row')
    if (row.is_new) {
      if (upload !== undefined) await writeUpload(transaction, content.id, upload)
      return readContent(row)
    }
    if (row.status !== 'failed' && row.content_hash === content.contentHash) return readContent(row)
    if (upload !== undefined) await replaceUpload(transaction, content.id, upload)
    return readAnew(transaction, content)
  })
}

async function readAnew(db: Db, { id, contentHash, contentType, size, settings }: NewContent): Promise<Content> {
  const { rows } = await sql<ContentRow>`
    update agentos_knowledge_contents c set ${READ_ANEW}, content_hash = ${contentHash},
      content_type = ${contentType}, size = ${size}::int8, settings = ${jsonText(settings)}::jsonb
    where content_id = ${id} returning *`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('the row was updated in this transaction')
  return readContent(row)
}

/** Bytes of one part of an upload; a row of this size is written and read at once. */
export const UPLOAD_PART_BYTES = 262_144

async function writeUpload(db: Db, contentId: string, upload: AsyncIterable<Uint8Array>): Promise<void> {
  let part = 0
  for await (const bytes of upload) {
    await sql`
      insert into agentos_knowledge_uploads (content_id, part, bytes)
      values (${contentId}, ${part++}::integer, ${bytes}::bytea)`.execute(db)
  }
}

async function replaceUpload(db: Db, contentId: string, upload: AsyncIterable<Uint8Array>): Promise<void> {
  await deleteUpload(db, contentId)
  await writeUpload(db, contentId, upload)
}

export async function deleteUpload(db: Db, contentId: string): Promise<void> {
  await sql`delete from agentos_knowledge_uploads where content_id = ${contentId}`.execute(db)
}

export async function hasUpload(db: Db, contentId: string): Promise<boolean> {
  const { rows } = await sql`
    select from agentos_knowledge_uploads where content_id = ${contentId} limit 1`.execute(db)
  return rows.length > 0
}

/** Parts that are read at once. */
const READ_PARTS = 4

/** The parts of an upload in order, few of them in memory at a time; none where there is no upload. */
export async function* readUpload(db: Db, contentId: string): AsyncGenerator<Uint8Array> {
  for (let next = 0; ; next += READ_PARTS) {
    const { rows } = await sql<{ bytes: Uint8Array }>`
      select bytes from agentos_knowledge_uploads
      where content_id = ${contentId} and part >= ${next}::integer and part < ${next + READ_PARTS}::integer
      order by part`.execute(db)
    for (const { bytes } of rows) yield bytes
    if (rows.length < READ_PARTS) return
  }
}

/** @returns undefined when the base has no such content */
export async function findContent(db: Db, knowledgeId: string, contentId: string): Promise<Content | undefined> {
  const { rows } = await sql<ContentRow>`
    select * from agentos_knowledge_contents
    where content_id = ${contentId} and knowledge_id = ${knowledgeId}`.execute(db)
  return rows[0] && readContent(rows[0])
}

export type ContentSort = 'created_at' | 'updated_at' | 'name'

export type ContentQuery = {
  readonly knowledgeId: string
  /** Most contents of a page, from 0. */
  readonly limit: number
  /** From 1; 0 is the first page too. */
  readonly page: number
  readonly sortBy: ContentSort
  readonly sortOrder: 'asc' | 'desc'
}

/** One page, and how many there are in all: exactly up to {@link COUNTED}, from there on as the planner guesses. */
export async function listContents(db: Db, query: ContentQuery): Promise<{ contents: Content[]; total: number }> {
  const order = sql.raw(query.sortOrder)
  // An index has ids in ascending order behind its times, and read backwards in descending order.
  const ids = sql.raw((query.sortBy === 'name') === (query.sortOrder === 'asc') ? 'asc' : 'desc')
  const [page, total] = await Promise.all([
    sql<ContentRow>`
      select * from agentos_knowledge_contents where knowledge_id = ${query.knowledgeId}
      order by ${sql.ref(query.sortBy)} ${order}, content_id ${ids}
      limit ${query.limit}::integer offset ${Math.max(0, query.page - 1) * query.limit}::integer`.execute(db),
    countContents(db, query.knowledgeId),
  ])
  return { contents: page.rows.map(readContent), total }
}

async function countContents(db: Db, knowledgeId: string): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    select count(*) as total from (
      select from agentos_knowledge_contents where knowledge_id = ${knowledgeId} limit ${COUNTED + 1}::integer
    ) counted`.execute(db)
  const total = rows[0]?.total ?? 0
  if (total <= COUNTED) return total
  const all = sql`select 1 from agentos_knowledge_contents where knowledge_id = ${knowledgeId}`
  const { rows: plan } = await sql<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>`
    explain (format json) ${all}`.execute(db)
  return Math.max(total, plan[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0)
}

export type ContentPatch = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly metadata?: JsonObject | undefined
  /** Other settings make it be read anew. */
  readonly settings?: ReadSettings | undefined
}

/** @returns undefined when the base has no such content */
export async function patchContent(
  db: Db,
  knowledgeId: string,
  contentId: string,
  patch: ContentPatch,
): Promise<Content | undefined> {
  const changes: RawBuilder<unknown>[] = [patch.settings === undefined ? sql`updated_at = now()` : READ_ANEW]
  if (patch.name !== undefined) changes.push(sql`name = ${patch.name}`)
  if (patch.description !== undefined) changes.push(sql`description = ${patch.description}`)
  if (patch.metadata !== undefined) changes.push(sql`metadata = ${jsonText(patch.metadata)}::jsonb`)
  if (patch.settings !== undefined) changes.push(sql`settings = ${jsonText(patch.settings)}::jsonb`)
  const { rows } = await sql<ContentRow>`
    update agentos_knowledge_contents c set ${sql.join(changes)}
    where content_id = ${contentId} and knowledge_id = ${knowledgeId} returning *`.execute(db)
  return rows[0] && readContent(rows[0])
}

/** Deletes contents with their uploads, and notes that; whoever works on one finds that it is gone. */
export async function deleteContents(db: Db, knowledgeId: string, contentIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ content_id: string }>`
    with deleted as (
      delete from agentos_knowledge_contents
      where knowledge_id = ${knowledgeId} and content_id = any(${textArray(contentIds)}::text[])
      returning content_id, knowledge_id
    ), noted as (
      insert into agentos_knowledge_deletions (content_id, knowledge_id) select content_id, knowledge_id from deleted
      order by content_id on conflict (content_id) do update set deleted_at = now()
    )
    select content_id from deleted`.execute(db)
  return rows.map((row) => row.content_id)
}

/** Ids of the contents of a base, in batches: those that come after `after`. */
export async function listContentIds(
  db: Db,
  knowledgeId: string,
  options: { readonly limit: number; readonly kind?: ContentKind; readonly after?: string },
): Promise<string[]> {
  const { rows } = await sql<{ content_id: string }>`
    select content_id from agentos_knowledge_contents
    where knowledge_id = ${knowledgeId} and content_id > ${options.after ?? ''}
      ${options.kind === undefined ? sql`` : sql`and kind = ${options.kind}`}
    order by content_id limit ${options.limit}::integer`.execute(db)
  return rows.map((row) => row.content_id)
}

/** Files of the agents folder that a base has, by id. */
export async function listFolderContents(
  db: Db,
  knowledgeId: string,
): Promise<Map<string, { readonly contentHash: string }>> {
  const { rows } = await sql<{ content_id: string; content_hash: string }>`
    select content_id, content_hash from agentos_knowledge_contents
    where knowledge_id = ${knowledgeId} and kind = 'folder'`.execute(db)
  return new Map(rows.map((row) => [row.content_id, { contentHash: row.content_hash }]))
}

/** Keys that filters can ask for, of the contents that came last. */
export async function listMetadataKeys(db: Db, knowledgeId: string): Promise<string[]> {
  const { rows } = await sql<{ key: string }>`
    select distinct key from (
      select metadata from agentos_knowledge_contents where knowledge_id = ${knowledgeId}
      order by created_at desc, content_id limit 10000
    ) latest, jsonb_object_keys(metadata) as key order by key limit 1000`.execute(db)
  return rows.map(({ key }) => key)
}

/** How many documents of a base are not read yet, those included that are read anew. */
export async function countUnread(db: Db, knowledgeId: string): Promise<number> {
  const { rows } = await sql<{ unread: number }>`
    select count(*) as unread from agentos_knowledge_contents
    where knowledge_id = ${knowledgeId} and status = 'processing'`.execute(db)
  return rows[0]?.unread ?? 0
}

export type ContentCounts = { readonly status: ContentStatus; readonly contents: number; readonly chunks: number }

/** Contents of all bases by status. */
export async function countByStatus(db: Db): Promise<ContentCounts[]> {
  const { rows } = await sql<ContentCounts>`
    select status, count(*) as contents, coalesce(sum(chunk_count), 0)::int8 as chunks
    from agentos_knowledge_contents group by status`.execute(db)
  return rows
}

/** Contents of a base by status, and the chunks of all of them. */
export type BaseCounts = { readonly [S in ContentStatus]: number } & { readonly chunks: number }

/** Those of all bases that have contents, by id. */
export async function countByBase(db: Db): Promise<Map<string, BaseCounts>> {
  const { rows } = await sql<BaseCounts & { knowledge_id: string }>`
    select knowledge_id, count(*) filter (where status = 'completed') as completed,
      count(*) filter (where status = 'processing') as processing, count(*) filter (where status = 'failed') as failed,
      coalesce(sum(chunk_count), 0)::int8 as chunks
    from agentos_knowledge_contents group by knowledge_id`.execute(db)
  return new Map(rows.map(({ knowledge_id, ...counts }) => [knowledge_id, counts]))
}
