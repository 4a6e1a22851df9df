/**
 * Remote sources of knowledge: which there are, what is in them, taking contents from them.
 * @module
 */
import {
  AddRemoteContentRequest,
  KnowledgeContent,
  KnowledgeQuery,
  KnowledgeSource,
  KnowledgeSourceFiles,
  KnowledgeSourceFilesQuery,
} from '@agentos/wire'
import { z } from 'zod'
import type { RemotePage, RemoteSource } from '../../base/document.ts'
import { AgentOSError } from '../../base/errors.ts'
import { toContent, toSource, toSourceFile } from '../agno/knowledge.ts'
import type { AppDeps } from '../deps.ts'
import { readMetadata, readSettings } from '../input/knowledge-fields.ts'
import { startPage } from '../page.ts'
import { formBody, route } from '../route.ts'
import { findBase } from './knowledge.ts'

const tag = 'Knowledge'
const PLACE = ['INVALID_REQUEST', 'KNOWLEDGE_NOT_FOUND', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const
const REMOTE = ['URL_NOT_FOUND', 'URL_NOT_ALLOWED', 'URL_UNAVAILABLE'] as const
const BaseParams = z.object({ knowledge_id: z.string() })
const SourceParams = BaseParams.extend({ source_id: z.string() })
/** Longest listing of a source, in milliseconds. */
const LIST_MS = 30_000

export const postRemoteContent = route({
  method: 'POST',
  path: '/knowledge/remote-content',
  scope: 'knowledge:write',
  tag,
  summary: 'Add a file of a remote source; it is read in the background',
  query: KnowledgeQuery,
  body: formBody(AddRemoteContentRequest),
  accepted: KnowledgeContent,
  errors: [...PLACE, 'DOCUMENT_OPTIONS'],
  async handle({ query, body, deps, call }) {
    const base = findBase(deps, query)
    if (body.source_params !== undefined) {
      throw new AgentOSError('INVALID_REQUEST', `Source '${body.config_id}' does not accept source_params.`)
    }
    if (body.path.endsWith('/')) {
      throw new AgentOSError('INVALID_REQUEST', `'${body.path}' is a folder: add its files one by one`)
    }
    const content = await deps.knowledge.contents.add(base, {
      given: { kind: 'remote', sourceId: body.config_id, key: body.path },
      name: body.name,
      description: body.description,
      metadata: readMetadata(body.metadata),
      settings: readSettings(body),
    })
    call.setStatus(202)
    return toContent(content)
  },
})

export const getKnowledgeSources = route({
  method: 'GET',
  path: '/knowledge/{knowledge_id}/sources',
  scope: 'knowledge:read',
  tag,
  summary: 'List the remote sources that contents can be taken from',
  params: BaseParams,
  query: z.object({ db_id: z.string().optional() }),
  response: z.array(KnowledgeSource),
  errors: PLACE,
  handle({ params, query, deps }) {
    findBase(deps, { ...query, ...params })
    return deps.knowledge.remotes.map(toSource)
  },
})

export const getKnowledgeSourceFiles = route({
  method: 'GET',
  path: '/knowledge/{knowledge_id}/sources/{source_id}/files',
  scope: 'knowledge:read',
  tag,
  summary: 'List the folders and files of a remote source, a page at a time',
  params: SourceParams,
  query: KnowledgeSourceFilesQuery,
  response: KnowledgeSourceFiles,
  errors: [...PLACE, ...REMOTE, 'KNOWLEDGE_SOURCE_NOT_FOUND'],
  async handle({ params, query, deps }) {
    findBase(deps, { db_id: query.db_id, knowledge_id: params.knowledge_id })
    const source = findSource(deps, params.source_id)
    const prefix = query.prefix ?? source.prefix ?? ''
    const show = startPage(deps.clock, query)
    const { folders, files, cursor } = await listPage(source, prefix, query)
    const before = (query.page - 1) * query.limit
    const known = before + folders.length + files.length + (cursor === undefined ? 0 : 1)
    const { meta } = show([], known)
    return {
      source_id: source.id,
      source_name: source.name,
      prefix,
      folders: folders.map((folder) => ({ ...folder, is_empty: false })),
      files: files.map(toSourceFile),
      meta,
    }
  },
})

function findSource({ knowledge }: Pick<AppDeps, 'knowledge'>, id: string): RemoteSource {
  const source = knowledge.remotes.find((remote) => remote.id === id)
  if (source !== undefined) return source
  throw new AgentOSError('KNOWLEDGE_SOURCE_NOT_FOUND', `Content source not found: ${id}`)
}

const EMPTY: RemotePage = { folders: [], files: [], cursor: undefined }

/** Sources are listed from the beginning: they know no pages, only what comes next. */
async function listPage(
  source: RemoteSource,
  prefix: string,
  { limit, page }: z.output<typeof KnowledgeSourceFilesQuery>,
): Promise<RemotePage> {
  const signal = AbortSignal.timeout(LIST_MS)
  let listed = await source.list(prefix, { limit }, signal)
  for (let skipped = 1; skipped < page; skipped++) {
    if (listed.cursor === undefined) return EMPTY
    listed = await source.list(prefix, { limit, cursor: listed.cursor }, signal)
  }
  return listed
}
