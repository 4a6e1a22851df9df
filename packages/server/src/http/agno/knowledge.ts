/**
 * Knowledge as Agno shows it: contents, hits, readers, chunkers, sources.
 * @module
 */
import type {
  KnowledgeConfig,
  KnowledgeContent,
  KnowledgeSearchResult,
  KnowledgeSource,
  KnowledgeSourceFiles,
} from '@agentos/wire'
import type { z } from 'zod'
import type { ChunkerInfo, RemoteFile, RemoteSource } from '../../base/document.ts'
import type { KnowledgeHit, KnowledgeInfo } from '../../base/knowledge.ts'
import type { Content, Knowledge } from '../../knowledge/knowledge.ts'
import { toIsoSeconds } from './time.ts'

/** The one place of vectors, as clients name it. */
export const VECTOR_DB_ID = 'agentos-vectors'
export const KNOWLEDGE_TABLE = 'agentos_knowledge_contents'

export function toContent(content: Content): KnowledgeContent {
  return {
    id: content.id,
    name: content.name,
    description: content.description,
    type: content.kind === 'text' ? 'manual' : content.contentType,
    size: String(content.size ?? 0),
    linked_to: null,
    metadata: content.metadata,
    access_count: null,
    status: content.status,
    status_message: content.statusMessage,
    created_at: toIsoSeconds(content.createdAt.getTime()),
    updated_at: toIsoSeconds(content.updatedAt.getTime()),
  }
}

export function toSearchResult(hit: KnowledgeHit): KnowledgeSearchResult {
  return {
    id: hit.id,
    content: hit.text,
    name: hit.name,
    meta_data: { ...hit.metadata, chunk_size: hit.text.length, similarity_score: hit.score },
    usage: null,
    reranking_score: null,
    content_id: hit.contentId,
    content_origin: hit.origin,
    size: Buffer.byteLength(hit.text),
  }
}

export function toKnowledgeConfig(
  knowledge: Pick<Knowledge, 'abilities' | 'remotes' | 'searchTypes' | 'whyNoVectors' | 'whyNoAnswer'>,
  base: KnowledgeInfo,
  filters: readonly string[],
): KnowledgeConfig {
  const { readers, chunkers, readersForType, hasModel } = knowledge.abilities
  const isUsable = ({ needs }: ChunkerInfo) =>
    needs === undefined || (needs === 'embed' ? knowledge.whyNoVectors(base) === undefined : hasModel)
  const usable = chunkers.filter(isUsable)
  const keys = usable.map(({ key }) => key)
  const unavailable = chunkers.filter((chunker) => !isUsable(chunker))
  return {
    readers: Object.fromEntries(
      readers.map(({ id, name, description, chunkers: own, contentTypes }) => [
        id,
        {
          id,
          name,
          description,
          chunkers: own.filter((key) => keys.includes(key)),
          content_types: [...contentTypes],
          unavailable_content_types: null,
        },
      ]),
    ),
    readersForType: Object.fromEntries(Object.entries(readersForType).map(([type, ids]) => [type, [...ids]])),
    chunkers: Object.fromEntries(usable.map((chunker) => [chunker.key, toChunker(chunker)])),
    filters: [...filters],
    vector_dbs: [
      {
        id: VECTOR_DB_ID,
        name: base.name,
        description: knowledge.whyNoVectors(base) ?? knowledge.whyNoAnswer(base) ?? null,
        search_types: [...knowledge.searchTypes(base)],
      },
    ],
    remote_content_sources: knowledge.remotes.length === 0 ? null : knowledge.remotes.map(toSource),
    unavailable_readers: null,
    unavailable_chunkers:
      unavailable.length === 0
        ? null
        : Object.fromEntries(unavailable.map((chunker) => [chunker.key, toUnavailable(chunker)])),
  }
}

function toChunker({ key, name, description, chunkSize, chunkOverlap }: ChunkerInfo) {
  const metadata = {
    ...(chunkSize !== undefined && { chunk_size: chunkSize }),
    ...(chunkOverlap !== undefined && { chunk_overlap: chunkOverlap }),
  }
  return { key, name, description, metadata }
}

function toUnavailable({ key, name, description, needs }: ChunkerInfo) {
  const reason =
    needs === 'embed'
      ? 'It needs an embedder, and none is configured'
      : 'It needs a model, and AGENTOS_DEFAULT_MODEL names none'
  return { id: key, name, description, missing_packages: [], reason }
}

export function toSource({ id, name, type, metadata, prefix }: RemoteSource): z.infer<typeof KnowledgeSource> {
  return { id, name, type, metadata: metadata ?? null, prefix: prefix ?? null }
}

export function toSourceFile(file: RemoteFile): z.infer<typeof KnowledgeSourceFiles>['files'][number] {
  const { key, name, size, lastModified, contentType } = file
  return {
    key,
    name,
    size,
    last_modified: lastModified === null ? null : toIsoSeconds(lastModified),
    content_type: contentType,
  }
}
