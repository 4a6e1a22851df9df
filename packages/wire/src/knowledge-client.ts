/**
 * The knowledge routes of the client.
 * @module
 */
import { z } from 'zod'
import {
  type AddContentRequest,
  type AddRemoteContentRequest,
  KnowledgeConfig,
  KnowledgeContent,
  KnowledgeContentId,
  type KnowledgeContentListQuery,
  KnowledgeContentPage,
  KnowledgeContentStatus,
  type KnowledgeQuery,
  KnowledgeSearchPage,
  type KnowledgeSearchRequest,
  KnowledgeSource,
  KnowledgeSourceFiles,
  type KnowledgeSourceFilesQuery,
  type UpdateContentRequest,
} from './knowledge.ts'
import type { Transport } from './transport.ts'

export function createKnowledgeClient({ ask }: Transport) {
  const contentPath = (id: string) => `/knowledge/content/${encodeURIComponent(id)}`
  const sourcesPath = (knowledgeId: string) => `/knowledge/${encodeURIComponent(knowledgeId)}/sources`
  return {
    /** A text or a URL. */
    add: (content: AddContentRequest, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContent, '/knowledge/content', { method: 'POST', query, form: formOf(content) }),
    upload: (file: File, content: AddContentRequest = {}, query: KnowledgeQuery = {}) => {
      const form = new FormData()
      for (const [name, value] of formOf(content)) form.append(name, value)
      form.append('file', file)
      return ask(KnowledgeContent, '/knowledge/content', { method: 'POST', query, form })
    },
    addRemote: (content: AddRemoteContentRequest, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContent, '/knowledge/remote-content', { method: 'POST', query, form: formOf(content) }),
    list: (query: Partial<KnowledgeContentListQuery> = {}) =>
      ask(KnowledgeContentPage, '/knowledge/content', { query }),
    get: (id: string, query: KnowledgeQuery = {}) => ask(KnowledgeContent, contentPath(id), { query }),
    status: (id: string, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContentStatus, `${contentPath(id)}/status`, { query }),
    update: (id: string, change: UpdateContentRequest, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContent, contentPath(id), { method: 'PATCH', query, form: formOf(change) }),
    refresh: (id: string, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContent, `${contentPath(id)}/refresh`, { method: 'POST', query }),
    delete: (id: string, query: KnowledgeQuery = {}) =>
      ask(KnowledgeContentId, contentPath(id), { method: 'DELETE', query }),
    deleteAll: (query: KnowledgeQuery = {}) => ask(z.string(), '/knowledge/content', { method: 'DELETE', query }),
    search: (search: KnowledgeSearchRequest) =>
      ask(KnowledgeSearchPage, '/knowledge/search', { method: 'POST', json: search }),
    config: (query: KnowledgeQuery = {}) => ask(KnowledgeConfig, '/knowledge/config', { query }),
    sources: (knowledgeId: string) => ask(z.array(KnowledgeSource), sourcesPath(knowledgeId)),
    sourceFiles: (knowledgeId: string, sourceId: string, query: Partial<KnowledgeSourceFilesQuery> = {}) =>
      ask(KnowledgeSourceFiles, `${sourcesPath(knowledgeId)}/${encodeURIComponent(sourceId)}/files`, { query }),
  }
}

function formOf(fields: Readonly<Record<string, string | number | undefined>>): URLSearchParams {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]))
}
