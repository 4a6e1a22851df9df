/**
 * Where a content's document is read from: what was uploaded, brought to disk; a remote file, brought to disk; a URL.
 * @module
 */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DocumentSource, RemoteSource } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Content, readUpload } from '../storage/knowledge/contents.ts'
import type { Db } from '../storage/database.ts'
import { writeParts } from './upload-parts.ts'

export type SourceDeps = {
  readonly db: Db
  readonly remotes: readonly RemoteSource[]
  /** Of this process; exists. */
  readonly directory: string
  /** Largest document, in bytes. */
  readonly maxBytes: number
}

export type OpenedSource = {
  readonly source: DocumentSource
  /** Bytes, where they are known. */
  readonly size: number | undefined
  readonly contentType: string | undefined
  readonly close: () => Promise<void>
}

/** @throws {AgentOSError} CONTENT_NOT_KEPT, KNOWLEDGE_SOURCE_NOT_FOUND, and what a remote source throws */
export async function openSource(content: Content, deps: SourceDeps, signal: AbortSignal): Promise<OpenedSource> {
  if (content.kind === 'url') {
    const source: DocumentSource = { kind: 'url', url: content.origin ?? '' }
    return { source, size: undefined, contentType: undefined, close: async () => {} }
  }
  const path = join(deps.directory, randomUUID())
  const close = () => rm(path, { force: true })
  try {
    return content.kind === 'remote'
      ? { ...(await fetchRemote(content, path, deps, signal)), close }
      : { ...(await fetchUpload(content, path, deps)), close }
  } catch (error) {
    await close()
    throw error
  }
}

async function fetchUpload(content: Content, path: string, { db }: SourceDeps): Promise<Omit<OpenedSource, 'close'>> {
  const size = await writeParts(path, readUpload(db, content.id))
  // Empty documents are refused before they are stored.
  if (size === 0) {
    const message = `The document of "${content.name}" was not kept, so it cannot be read again`
    throw new AgentOSError('CONTENT_NOT_KEPT', message)
  }
  const isText = content.kind === 'text'
  const filename = isText ? 'text.txt' : (content.origin ?? content.name)
  const mimeType = isText ? 'text/plain' : content.contentType
  const source = { kind: 'file', path, filename, ...(mimeType !== null && { mimeType }) } as const
  return { source, size, contentType: undefined }
}

async function fetchRemote(
  { sourceId, origin }: Content,
  path: string,
  { remotes, maxBytes }: SourceDeps,
  signal: AbortSignal,
): Promise<Omit<OpenedSource, 'close'>> {
  const remote = remotes.find(({ id }) => id === sourceId)
  if (remote === undefined) {
    throw new AgentOSError('KNOWLEDGE_SOURCE_NOT_FOUND', `Content source not found: ${sourceId}`)
  }
  const opened = await remote.read(origin ?? '', { bytes: maxBytes }, signal)
  const size = await writeParts(path, opened.body)
  const { filename, mimeType } = opened
  const source = { kind: 'file', path, filename, ...(mimeType !== undefined && { mimeType }) } as const
  return { source, size, contentType: mimeType }
}
