/**
 * Gives chunks their hashes and vectors. A text that has a vector of this embedder already is not embedded again.
 * @module
 */
import { createHash } from 'node:crypto'
import type { Chunk } from '../base/document.ts'
import type { Embedder } from '../base/embedding.ts'
import { findVectors, type NewChunk, vectorText } from '../storage/knowledge/chunks.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'

/** 128 bits tell all texts apart. */
const HASH_DIGITS = 32

function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS)
}

/** @param embedder undefined: the chunks get none */
export async function embedChunks(
  store: KnowledgeStore,
  embedder: Embedder | undefined,
  chunks: readonly Chunk[],
  signal: AbortSignal,
): Promise<NewChunk[]> {
  const hashed = chunks.map(({ index, text, metadata }) => ({ index, text, metadata, hash: hashText(text) }))
  if (embedder === undefined) return hashed.map((chunk) => ({ ...chunk, vector: null }))
  const vectors = await embedTexts(store, embedder, hashed, signal)
  return hashed.map((chunk) => ({ ...chunk, vector: vectors.get(chunk.hash) ?? null }))
}

/** @returns vectors as the store writes them, by hash */
export async function embedTexts(
  store: KnowledgeStore,
  embedder: Embedder,
  chunks: readonly { readonly text: string; readonly hash: string }[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const hashes = [...new Set(chunks.map(({ hash }) => hash))]
  const vectors = await findVectors(store, embedder.name, hashes)
  const missing = new Map(chunks.filter(({ hash }) => !vectors.has(hash)).map(({ hash, text }) => [hash, text]))
  if (missing.size === 0) return vectors
  const made = await embedder.embed([...missing.values()], signal, 'document')
  let place = 0
  for (const hash of missing.keys()) {
    const values = made[place++]
    if (values !== undefined) vectors.set(hash, vectorText(values))
  }
  return vectors
}
