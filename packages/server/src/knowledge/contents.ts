/**
 * What people do with contents: add, describe, read anew, delete. What can be known to be wrong is refused here, before
 * anything is stored.
 * @module
 */
import type { DocumentReader, DocumentSource, RemoteSource } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import type { ContentKind, KnowledgeInfo, ReadSettings } from '../base/knowledge.ts'
import type { Upload } from '../base/upload.ts'
import { describeDocument } from '../storage/knowledge/chunks.ts'
import {
  addContent,
  type Content,
  findContent,
  hasUpload,
  listContentIds,
  type NewContent,
  patchContent,
} from '../storage/knowledge/contents.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Db } from '../storage/database.ts'
import type { Bases } from './bases.ts'
import { contentHash, contentId, digest } from './content-id.ts'
import { portsOf } from './ingest.ts'
import { settingsOf } from './sync.ts'
import { removeContents } from './remove-contents.ts'
import { partsOfFile, partsOfText } from './upload-parts.ts'

/** What a content is made from, as it is given. */
export type Given =
  | { readonly kind: 'file'; readonly upload: Upload }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'remote'; readonly sourceId: string; readonly key: string }

export type Addition = {
  readonly given: Given
  /** Default: the file name, the URL or the key; for a text its beginning. */
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly metadata?: JsonObject | undefined
  readonly settings?: ReadSettings | undefined
}

export type Description = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly metadata?: JsonObject | undefined
  readonly reader?: ReadSettings['reader']
}

export type ContentsDeps = {
  readonly db: Db
  readonly store: KnowledgeStore
  readonly bases: Bases
  readonly reader: Pick<DocumentReader, 'check'>
  readonly remotes: readonly RemoteSource[]
  /** There are jobs. */
  readonly onJobs: () => void
  /** Contents were deleted. */
  readonly onDeleted: (contentIds: readonly string[]) => void
}

export type Contents = {
  /**
   * Stores it, to be read in the background. What is there already stays as it is.
   * @throws {AgentOSError} INVALID_REQUEST, DOCUMENT_OPTIONS, DOCUMENT_EMPTY, KNOWLEDGE_SOURCE_NOT_FOUND
   */
  readonly add: (base: KnowledgeInfo, addition: Addition) => Promise<Content>
  /** @throws {AgentOSError} CONTENT_NOT_FOUND */
  readonly get: (base: KnowledgeInfo, id: string) => Promise<Content>
  /** Another reader makes it be read anew. @throws {AgentOSError} CONTENT_NOT_FOUND, CONTENT_NOT_KEPT */
  readonly describe: (base: KnowledgeInfo, id: string, description: Description) => Promise<Content>
  /** Reads it anew. @throws {AgentOSError} CONTENT_NOT_FOUND, CONTENT_NOT_KEPT */
  readonly refresh: (base: KnowledgeInfo, id: string) => Promise<Content>
  /** @throws {AgentOSError} CONTENT_NOT_FOUND */
  readonly remove: (base: KnowledgeInfo, id: string) => Promise<void>
  readonly removeAll: (base: KnowledgeInfo) => Promise<void>
}

const DELETE_BATCH = 200
/** Of a text, so much makes its name. */
const NAME_LENGTH = 80

export function createContents(deps: ContentsDeps): Contents {
  const { db, store, bases, reader, remotes } = deps

  function check(base: KnowledgeInfo, source: DocumentSource, settings: ReadSettings): void {
    const embedder = store.vectors === undefined ? undefined : bases.embedderOf(base)
    reader.check({ source, ...settings }, portsOf(embedder))
  }

  async function get(base: KnowledgeInfo, id: string): Promise<Content> {
    const content = await findContent(db, base.id, id)
    if (content !== undefined) return content
    throw new AgentOSError('CONTENT_NOT_FOUND', `Content not found: ${id}`)
  }

  async function patch(base: KnowledgeInfo, id: string, changes: Parameters<typeof patchContent>[3]): Promise<Content> {
    const content = await patchContent(db, base.id, id, changes)
    if (content === undefined) throw new AgentOSError('CONTENT_NOT_FOUND', `Content not found: ${id}`)
    return content
  }

  return {
    get,
    async add(base, addition) {
      const { given } = addition
      const settings = { ...settingsOf(base), ...addition.settings }
      if (given.kind === 'remote' && !remotes.some(({ id }) => id === given.sourceId)) {
        const known = remotes.map(({ id }) => id).join(', ')
        const message = `Unknown content source: ${given.sourceId}; there ${known === '' ? 'are none' : `is ${known}`}`
        throw new AgentOSError('INVALID_REQUEST', message)
      }
      check(base, sourceOf(given), settings)
      const content = describeNew(base, addition, settings)
      const stored = await addContent(db, content, partsOf(given))
      deps.onJobs()
      return stored
    },
    async describe(base, id, { name, description, metadata, reader: asked }) {
      const content = await get(base, id)
      const isOther = asked !== undefined && asked !== content.settings.reader
      const settings = isOther ? { ...content.settings, reader: asked } : undefined
      if (settings !== undefined) {
        await checkReadable(db, content)
        check(base, readableSource(content), settings)
      }
      const changed = await patch(base, id, { name, description, metadata, settings })
      await describeDocument(store, id, changed)
      if (isOther) deps.onJobs()
      return changed
    },
    async refresh(base, id) {
      const content = await get(base, id)
      await checkReadable(db, content)
      const changed = await patch(base, id, { settings: content.settings })
      deps.onJobs()
      return changed
    },
    async remove(base, id) {
      const [deleted] = await removeContents(deps, base.id, [id])
      if (deleted === undefined) throw new AgentOSError('CONTENT_NOT_FOUND', `Content not found: ${id}`)
      deps.onDeleted([id])
    },
    async removeAll(base) {
      for (;;) {
        const ids = await listContentIds(db, base.id, { limit: DELETE_BATCH })
        if (ids.length === 0) return
        await removeContents(deps, base.id, ids)
        deps.onDeleted(ids)
      }
    },
  }
}

/** @throws {AgentOSError} CONTENT_NOT_KEPT when there is nothing to read it from */
async function checkReadable(db: Db, { id, name, kind }: Content): Promise<void> {
  if (kind === 'url' || kind === 'remote') return
  if (kind === 'folder') {
    const message = `"${name}" belongs to the agents folder: change it there, or the settings of its knowledge base`
    throw new AgentOSError('CONTENT_NOT_KEPT', message)
  }
  if (await hasUpload(db, id)) return
  throw new AgentOSError('CONTENT_NOT_KEPT', `The document of "${name}" was not kept, so it cannot be read again`)
}

function describeNew(base: KnowledgeInfo, addition: Addition, settings: ReadSettings): NewContent {
  const { given, description = null, metadata = {} } = addition
  const facts = factsOf(given)
  const name = addition.name ?? facts.name
  return {
    id: contentId({ knowledgeId: base.id, kind: given.kind, key: facts.key, name, settings }),
    knowledgeId: base.id,
    name,
    description,
    kind: given.kind,
    origin: facts.origin,
    sourceId: given.kind === 'remote' ? given.sourceId : null,
    contentType: facts.contentType,
    size: facts.size,
    metadata,
    settings,
    contentHash: contentHash(facts.key, settings),
  }
}

type Facts = {
  readonly key: string
  readonly name: string
  readonly origin: string | null
  readonly contentType: string | null
  readonly size: number | null
}

function factsOf(given: Given): Facts {
  switch (given.kind) {
    case 'file': {
      const { filename, sha256, mimeType, bytes } = given.upload
      if (bytes === 0) throw new AgentOSError('DOCUMENT_EMPTY', `The file "${filename}" is empty`)
      return { key: sha256, name: filename, origin: filename, contentType: mimeType ?? null, size: bytes }
    }
    case 'text': {
      const name = given.text.trim().split('\n', 1)[0]?.slice(0, NAME_LENGTH).toWellFormed() ?? ''
      if (name === '') throw new AgentOSError('DOCUMENT_EMPTY', 'The text is empty')
      return {
        key: digest([given.text]),
        name,
        origin: null,
        contentType: 'manual',
        size: Buffer.byteLength(given.text),
      }
    }
    case 'url':
      return { key: given.url, name: given.url, origin: given.url, contentType: null, size: null }
    case 'remote':
      return {
        key: digest([given.sourceId, given.key]),
        name: given.key,
        origin: given.key,
        contentType: null,
        size: null,
      }
  }
}

function sourceOf(given: Given): DocumentSource {
  switch (given.kind) {
    case 'file':
      return { kind: 'file', path: given.upload.path, filename: given.upload.filename }
    case 'text':
      return { kind: 'text', text: given.text }
    case 'url':
      return { kind: 'url', url: checkUrl(given.url) }
    case 'remote':
      return { kind: 'file', path: '', filename: given.key }
  }
}

/** The kind of source of a stored content, for checks. */
function readableSource({
  kind,
  origin,
  name,
}: {
  kind: ContentKind
  origin: string | null
  name: string
}): DocumentSource {
  return kind === 'url' ? { kind: 'url', url: origin ?? '' } : { kind: 'file', path: '', filename: origin ?? name }
}

function checkUrl(url: string): string {
  const { protocol } = URL.parse(url) ?? {}
  if (protocol === 'http:' || protocol === 'https:') return url
  throw new AgentOSError(
    'INVALID_REQUEST',
    `${JSON.stringify(url)} is not an address of the web: it needs http:// or https://`,
  )
}

function partsOf(given: Given): AsyncIterable<Uint8Array> | undefined {
  if (given.kind === 'file') return partsOfFile(given.upload.path)
  return given.kind === 'text' ? partsOfText(given.text) : undefined
}
