/**
 * What a request asks for, checked, with the defaults filled in.
 * @module
 */
import {
  type ChunkerKey,
  DEFAULT_DOCUMENT_LIMITS,
  type DocumentLimits,
  type DocumentPorts,
  type DocumentRequest,
  type ReaderKey,
} from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { describeChunker, describeReader } from './describe.ts'

/** Shorter chunks would be torn words, and one character may be this long. */
const LEAST_CHUNK_SIZE = 16
const MOST_CHUNK_SIZE = 100_000

/** Readers that find their pages by themselves, so that they need an address. */
const NEEDS_URL: readonly ReaderKey[] = ['website', 'sitemap', 'llms_txt']

export type ChunkPlan = { readonly chunker: ChunkerKey; readonly size: number; readonly overlap: number }

/**
 * Whether a request can be served, as far as it says by itself.
 * @throws {AgentOSError} DOCUMENT_OPTIONS, with what to change
 */
export function checkRequest(request: DocumentRequest, ports: DocumentPorts): void {
  const { reader, source } = request
  if (reader !== undefined && NEEDS_URL.includes(reader) && source.kind !== 'url') {
    throw new AgentOSError('DOCUMENT_OPTIONS', `Reader "${reader}" needs a url, not a file or a text`)
  }
  const plan = planChunks(request, reader ?? 'text')
  const { needs } = describeChunker(plan.chunker)
  if (needs === undefined || ports[needs] !== undefined) return
  const what = needs === 'embed' ? 'an embedder, and none is configured' : 'a model, and none is configured for it'
  throw new AgentOSError('DOCUMENT_OPTIONS', `${plan.chunker} needs ${what}`)
}

/** @throws {AgentOSError} DOCUMENT_OPTIONS */
export function planChunks(request: DocumentRequest, reader: ReaderKey): ChunkPlan {
  const { chunkers } = describeReader(reader)
  const asked = request.chunker
  // Without a reader in the request, the document decides, and nobody knows yet what it is.
  if (asked !== undefined && request.reader !== undefined && !chunkers.includes(asked)) {
    const known = chunkers.length === 0 ? 'none' : chunkers.join(', ')
    throw new AgentOSError('DOCUMENT_OPTIONS', `Reader "${reader}" cannot be used with ${asked}; it takes ${known}`)
  }
  const chunker = chunkers.length === 0 ? 'FixedSizeChunker' : (asked ?? chunkers[0] ?? 'FixedSizeChunker')
  const info = describeChunker(chunker)
  const size = request.chunkSize ?? info.chunkSize ?? MOST_CHUNK_SIZE
  if (!(Number.isInteger(size) && size >= LEAST_CHUNK_SIZE && size <= MOST_CHUNK_SIZE)) {
    throw new AgentOSError(
      'DOCUMENT_OPTIONS',
      `chunk_size must be ${LEAST_CHUNK_SIZE} to ${MOST_CHUNK_SIZE}, got ${size}`,
    )
  }
  const overlap = request.chunkOverlap ?? info.chunkOverlap ?? 0
  if (!(Number.isInteger(overlap) && overlap >= 0 && overlap < size)) {
    throw new AgentOSError(
      'DOCUMENT_OPTIONS',
      `chunk_overlap must be 0 to less than chunk_size (${size}), got ${overlap}`,
    )
  }
  return { chunker, size, overlap }
}

export function withDefaultLimits(limits: Partial<DocumentLimits> | undefined): DocumentLimits {
  return { ...DEFAULT_DOCUMENT_LIMITS, ...limits }
}
