/**
 * Knowledge: contents of a base, searches, what can be read.
 * @module
 */
import {
  AddContentRequest,
  KnowledgeConfig,
  KnowledgeContent,
  KnowledgeContentId,
  KnowledgeContentListQuery,
  KnowledgeContentPage,
  KnowledgeContentStatus,
  KnowledgeQuery,
  KnowledgeSearchPage,
  KnowledgeSearchRequest,
  UpdateContentRequest,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import type { KnowledgeInfo } from '../../base/knowledge.ts'
import type { Upload } from '../../base/upload.ts'
import type { Given } from '../../knowledge/knowledge.ts'
import { toContent, toKnowledgeConfig, toSearchResult, VECTOR_DB_ID } from '../agno/knowledge.ts'
import type { AppDeps } from '../deps.ts'
import { readMetadata, readReader, readSettings, readStrictMetadata, readUrl } from '../input/knowledge-fields.ts'
import { startPage } from '../page.ts'
import { checkPlace } from '../place.ts'
import { formBody, jsonBody, route } from '../route.ts'

const tag = 'Knowledge'
const ContentParams = z.object({ id: z.string() })
const PLACE = ['INVALID_REQUEST', 'KNOWLEDGE_NOT_FOUND', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const
const ONE = [...PLACE, 'CONTENT_NOT_FOUND'] as const
const SORTS = ['created_at', 'updated_at', 'name'] as const

/** The base that a request is about. @throws {AgentOSError} as {@link PLACE} says */
export function findBase(
  { knowledge }: Pick<AppDeps, 'knowledge'>,
  { db_id, knowledge_id }: z.output<typeof KnowledgeQuery>,
): KnowledgeInfo {
  checkPlace({ db_id }, '')
  return knowledge.bases.find(knowledge_id)
}

export const postContent = route({
  method: 'POST',
  path: '/knowledge/content',
  scope: 'knowledge:write',
  tag,
  summary: 'Add a file, a text or a web page; it is read in the background',
  query: KnowledgeQuery,
  body: formBody(AddContentRequest),
  uploads: { kind: 'knowledge', fields: ['file'] },
  accepted: KnowledgeContent,
  errors: [...PLACE, 'DOCUMENT_OPTIONS', 'DOCUMENT_EMPTY'],
  async handle({ query, body, uploads, deps, call }) {
    const base = findBase(deps, query)
    const content = await deps.knowledge.contents.add(base, {
      given: readGiven(body, uploads),
      name: body.name,
      description: body.description,
      metadata: readMetadata(body.metadata),
      settings: readSettings(body),
    })
    call.setStatus(202)
    return toContent(content)
  },
})

function readGiven(body: z.output<typeof AddContentRequest>, [upload]: readonly Upload[]): Given {
  if (body.text_content !== undefined) return { kind: 'text', text: body.text_content }
  if (upload !== undefined) return { kind: 'file', upload }
  const url = readUrl(body.url)
  if (url !== undefined) return { kind: 'url', url }
  throw new AgentOSError('INVALID_REQUEST', 'Provide a file, text_content, or URL to upload.')
}

export const getContents = route({
  method: 'GET',
  path: '/knowledge/content',
  scope: 'knowledge:read',
  tag,
  summary: 'List the contents of a knowledge base, a page at a time',
  query: KnowledgeContentListQuery,
  response: KnowledgeContentPage,
  errors: PLACE,
  async handle({ query, deps }) {
    const base = findBase(deps, query)
    const page = startPage(deps.clock, query)
    const { contents, total } = await deps.knowledge.list({
      knowledgeId: base.id,
      limit: query.limit,
      page: query.page,
      sortBy: SORTS.find((sort) => sort === query.sort_by) ?? 'created_at',
      sortOrder: query.sort_order,
    })
    return page(contents.map(toContent), total)
  },
})

export const getContent = route({
  method: 'GET',
  path: '/knowledge/content/{id}',
  scope: 'knowledge:read',
  tag,
  summary: 'Read one content: what it is and what became of it',
  params: ContentParams,
  query: KnowledgeQuery,
  response: KnowledgeContent,
  errors: ONE,
  async handle({ params, query, deps }) {
    return toContent(await deps.knowledge.contents.get(findBase(deps, query), params.id))
  },
})

export const getContentStatus = route({
  method: 'GET',
  path: '/knowledge/content/{id}/status',
  scope: 'knowledge:read',
  tag,
  summary: 'Whether a content was read, for clients that ask again and again',
  params: ContentParams,
  query: KnowledgeQuery,
  response: KnowledgeContentStatus,
  errors: ONE,
  async handle({ params, query, deps }) {
    const { id, status, statusMessage } = await deps.knowledge.contents.get(findBase(deps, query), params.id)
    return { id, status, status_message: statusMessage }
  },
})

export const patchContent = route({
  method: 'PATCH',
  path: '/knowledge/content/{id}',
  scope: 'knowledge:write',
  tag,
  summary: 'Describe a content otherwise; another reader has it read anew',
  params: ContentParams,
  query: KnowledgeQuery,
  body: formBody(UpdateContentRequest),
  response: KnowledgeContent,
  errors: [...ONE, 'CONTENT_NOT_KEPT', 'DOCUMENT_OPTIONS'],
  async handle({ params, query, body, deps }) {
    const base = findBase(deps, query)
    const metadata = readStrictMetadata(body.metadata)
    const reader = readReader(body.reader_id)
    const { name, description } = body
    const content = await deps.knowledge.contents.describe(base, params.id, { name, description, metadata, reader })
    return toContent(content)
  },
})

export const refreshContent = route({
  method: 'POST',
  path: '/knowledge/content/{id}/refresh',
  scope: 'knowledge:write',
  tag,
  summary: 'Read a content anew from where it came from',
  params: ContentParams,
  query: KnowledgeQuery,
  accepted: KnowledgeContent,
  errors: [...ONE, 'CONTENT_NOT_KEPT'],
  async handle({ params, query, deps, call }) {
    const content = await deps.knowledge.contents.refresh(findBase(deps, query), params.id)
    call.setStatus(202)
    return toContent(content)
  },
})

export const deleteContent = route({
  method: 'DELETE',
  path: '/knowledge/content/{id}',
  scope: 'knowledge:delete',
  tag,
  summary: 'Delete a content with all that searches find of it',
  params: ContentParams,
  query: KnowledgeQuery,
  response: KnowledgeContentId,
  errors: ONE,
  async handle({ params, query, deps }) {
    await deps.knowledge.contents.remove(findBase(deps, query), params.id)
    return { id: params.id }
  },
})

export const deleteContents = route({
  method: 'DELETE',
  path: '/knowledge/content',
  scope: 'knowledge:delete',
  tag,
  summary: 'Delete all contents of a knowledge base',
  query: KnowledgeQuery,
  response: z.string(),
  errors: PLACE,
  async handle({ query, deps }) {
    await deps.knowledge.contents.removeAll(findBase(deps, query))
    return 'success'
  },
})

export const searchKnowledge = route({
  method: 'POST',
  path: '/knowledge/search',
  scope: 'knowledge:read',
  tag,
  summary: 'Search a knowledge base by vector, by words or both',
  body: jsonBody(KnowledgeSearchRequest),
  response: KnowledgeSearchPage,
  errors: [...PLACE, 'MODEL_UNAVAILABLE', 'MODEL_AUTH', 'MODEL_RATE_LIMITED'],
  async handle({ body, deps }) {
    const base = findBase(deps, { db_id: body.db_id ?? undefined, knowledge_id: body.knowledge_id ?? undefined })
    const ids = body.vector_db_ids ?? []
    if (ids.length > 0 && !ids.includes(VECTOR_DB_ID)) {
      const message = `None of the provided Vector DB IDs ${ids.join(', ')} match the knowledge base Vector DB ID ${VECTOR_DB_ID}`
      throw new AgentOSError('INVALID_REQUEST', message)
    }
    const { limit = 20, page = 1 } = body.meta ?? {}
    const show = startPage(deps.clock, { limit, page })
    const { hits, notes } = await deps.knowledge.search({
      knowledgeId: base.id,
      query: body.query,
      ...(body.max_results && { maxResults: body.max_results }),
      ...(body.search_type && { searchType: body.search_type }),
      filters: [body.filters ?? []].flat(),
    })
    const shown = hits.slice((page - 1) * limit, page * limit)
    return { ...show(shown.map(toSearchResult), hits.length), ...(notes.length > 0 && { notes: [...notes] }) }
  },
})

export const getKnowledgeConfig = route({
  method: 'GET',
  path: '/knowledge/config',
  scope: 'knowledge:read',
  tag,
  summary: 'Readers, chunkers, kinds of searches and filters of a knowledge base',
  query: KnowledgeQuery,
  response: KnowledgeConfig,
  errors: PLACE,
  async handle({ query, deps }) {
    const base = findBase(deps, query)
    return toKnowledgeConfig(deps.knowledge, base, await deps.knowledge.metadataKeys(base))
  },
})
