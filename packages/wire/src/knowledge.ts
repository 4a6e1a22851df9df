/**
 * Knowledge: contents of knowledge bases, searches, what can be read.
 * @module
 */
import { z } from 'zod'
import { IsoTime, Json, JsonObject, pageOf } from './json.ts'

export const ContentStatus = z.enum(['processing', 'completed', 'partial', 'failed'])
export type ContentStatus = z.infer<typeof ContentStatus>

export const KnowledgeContent = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    description: z.string().nullable(),
    type: z.string().nullable().describe('MIME type; "manual" for texts.'),
    size: z.string().nullable().describe('Bytes, as a text.'),
    linked_to: z.string().nullable(),
    metadata: JsonObject.nullable(),
    access_count: z.int().nullable(),
    status: ContentStatus.nullable(),
    status_message: z.string().nullable(),
    created_at: IsoTime.nullable(),
    updated_at: IsoTime.nullable(),
  })
  .meta({ id: 'KnowledgeContent' })
export type KnowledgeContent = z.infer<typeof KnowledgeContent>

export const KnowledgeContentPage = pageOf(KnowledgeContent)

export const KnowledgeContentStatus = z
  .object({ id: z.string().nullable(), status: ContentStatus, status_message: z.string() })
  .meta({ id: 'KnowledgeContentStatus' })

/** Answer to a deletion: other fields are absent. */
export const KnowledgeContentId = z.object({ id: z.string() })

export const KnowledgeQuery = z.object({
  db_id: z.string().optional(),
  knowledge_id: z.string().optional().describe('May be left out where there is one knowledge base.'),
})
export type KnowledgeQuery = z.infer<typeof KnowledgeQuery>

export const KnowledgeContentListQuery = KnowledgeQuery.extend({
  limit: z.int().min(1).max(1000).default(20),
  page: z.int().min(0).max(1_000_000).default(1).describe('From 1; 0 is the first page too.'),
  sort_by: z.string().default('created_at').describe('created_at, updated_at or name.'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
})
export type KnowledgeContentListQuery = z.infer<typeof KnowledgeContentListQuery>

const ReadFields = {
  reader_id: z.string().optional().describe('Default: by the bytes, the type and the name.'),
  chunker: z.string().optional(),
  chunk_size: z.int().min(1).max(100_000).optional(),
  chunk_overlap: z.int().min(0).max(99_999).optional(),
}

const DescriptionFields = {
  name: z.string().max(1000).optional(),
  description: z.string().max(10_000).optional(),
  metadata: z.string().max(100_000).optional().describe('A JSON object; anything else becomes {"value": ...}.'),
}

export const AddContentRequest = z
  .object({
    ...DescriptionFields,
    url: z.string().max(8192).optional(),
    text_content: z.string().optional(),
    ...ReadFields,
  })
  .meta({ id: 'AddContentRequest' })
export type AddContentRequest = z.infer<typeof AddContentRequest>

export const AddRemoteContentRequest = z
  .object({
    config_id: z.string().describe('Id of the source.'),
    path: z.string().min(1).max(4096),
    source_params: z.string().optional(),
    ...DescriptionFields,
    ...ReadFields,
  })
  .meta({ id: 'AddRemoteContentRequest' })
export type AddRemoteContentRequest = z.infer<typeof AddRemoteContentRequest>

export const UpdateContentRequest = z
  .object({ ...DescriptionFields, reader_id: ReadFields.reader_id })
  .meta({ id: 'UpdateContentRequest' })
export type UpdateContentRequest = z.infer<typeof UpdateContentRequest>

export const KnowledgeSearchRequest = z
  .object({
    query: z.string().max(100_000),
    db_id: z.string().nullish(),
    knowledge_id: z.string().nullish(),
    vector_db_ids: z.array(z.string()).nullish(),
    search_type: z.enum(['vector', 'keyword', 'hybrid']).nullish(),
    max_results: z.int().min(1).max(1000).nullish(),
    filters: z
      .union([JsonObject, z.array(JsonObject)])
      .nullish()
      .describe('Equal values by key, or expressions with an op: EQ, IN, GT, AND, ...'),
    meta: z
      .object({ limit: z.int().min(1).max(1000).default(20), page: z.int().min(1).max(1_000_000).default(1) })
      .nullish(),
  })
  .meta({ id: 'KnowledgeSearchRequest' })
export type KnowledgeSearchRequest = z.input<typeof KnowledgeSearchRequest>

export const KnowledgeSearchResult = z
  .object({
    id: z.string().nullable(),
    content: z.string(),
    name: z.string().nullable(),
    meta_data: JsonObject.nullable(),
    usage: JsonObject.nullable(),
    reranking_score: z.number().nullable(),
    content_id: z.string().nullable(),
    content_origin: z.string().nullable(),
    size: z.int().nullable(),
  })
  .meta({ id: 'KnowledgeSearchResult' })
export type KnowledgeSearchResult = z.infer<typeof KnowledgeSearchResult>

export const KnowledgeSearchPage = pageOf(KnowledgeSearchResult).extend({
  notes: z
    .array(z.string())
    .optional()
    .describe('Where nothing was found: documents that are still being read. Where words had to do: why.'),
})

export const KnowledgeReader = z.object({
  id: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  chunkers: z.array(z.string()).nullable(),
  content_types: z.array(z.string()).nullable(),
  unavailable_content_types: Json.nullable(),
})

export const KnowledgeChunker = z.object({
  key: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  metadata: JsonObject.nullable(),
})

export const KnowledgeUnavailable = z.object({
  id: z.string(),
  name: z.string().nullable(),
  description: z.string().nullable(),
  missing_packages: z.array(z.string()),
  reason: z.string(),
})

export const KnowledgeSource = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.string().describe('s3 or github.'),
    metadata: JsonObject.nullable(),
    prefix: z.string().nullable(),
  })
  .meta({ id: 'KnowledgeSource' })

export const KnowledgeConfig = z
  .object({
    readers: z.record(z.string(), KnowledgeReader),
    readersForType: z.record(z.string(), z.array(z.string())),
    chunkers: z.record(z.string(), KnowledgeChunker),
    filters: z.array(z.string()).describe('Keys of metadata that searches can be filtered by.'),
    vector_dbs: z.array(
      z.object({
        id: z.string(),
        name: z.string().nullable(),
        description: z.string().nullable().describe('Says so where searches go by words only.'),
        search_types: z.array(z.string()),
      }),
    ),
    remote_content_sources: z.array(KnowledgeSource).nullable(),
    unavailable_readers: z.record(z.string(), KnowledgeUnavailable).nullable(),
    unavailable_chunkers: z.record(z.string(), KnowledgeUnavailable).nullable(),
  })
  .meta({ id: 'KnowledgeConfig' })
export type KnowledgeConfig = z.infer<typeof KnowledgeConfig>

export const KnowledgeSourceFilesQuery = z.object({
  db_id: z.string().optional(),
  prefix: z.string().max(4096).optional(),
  limit: z.int().min(1).max(1000).default(100),
  page: z.int().min(1).max(100).default(1),
  delimiter: z.string().default('/'),
})
export type KnowledgeSourceFilesQuery = z.infer<typeof KnowledgeSourceFilesQuery>

export const KnowledgeSourceFiles = z
  .object({
    source_id: z.string(),
    source_name: z.string(),
    prefix: z.string().nullable(),
    folders: z.array(z.object({ prefix: z.string(), name: z.string(), is_empty: z.boolean() })),
    files: z.array(
      z.object({
        key: z.string(),
        name: z.string(),
        size: z.int().nullable(),
        last_modified: IsoTime.nullable(),
        content_type: z.string().nullable(),
      }),
    ),
    meta: z.object({
      page: z.int(),
      limit: z.int(),
      total_pages: z.int(),
      total_count: z.int().describe('As far as it is known: a source does not tell how many files it has.'),
      search_time_ms: z.number(),
    }),
  })
  .meta({ id: 'KnowledgeSourceFiles' })
