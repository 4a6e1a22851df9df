/**
 * Ids of contents: the same content, read with the same settings, has the same id. Pure.
 * @module
 */
import { createHash } from 'node:crypto'
import type { ContentKind, ReadSettings } from '../base/knowledge.ts'

export type Identity = {
  readonly knowledgeId: string
  readonly kind: ContentKind
  /** What tells it from others: a hash of its bytes, its URL, its path. */
  readonly key: string
  readonly name: string
  readonly settings: ReadSettings
}

/** In the form of a UUID, of the first 128 bits of a SHA-256. */
export function contentId({ knowledgeId, kind, key, name, settings }: Identity): string {
  const hex = digest([knowledgeId, kind, key, name, ...settingsKey(settings)])
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** What a content is read from and how: it changes when the content must be read anew. */
export function contentHash(key: string, settings: ReadSettings): string {
  return digest([key, ...settingsKey(settings)])
}

function settingsKey({ reader, chunker, chunkSize, chunkOverlap }: ReadSettings): (string | number | null)[] {
  return [reader ?? null, chunker ?? null, chunkSize ?? null, chunkOverlap ?? null]
}

/** SHA-256 of a list, in hexadecimal. */
export function digest(parts: readonly (string | number | null)[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
