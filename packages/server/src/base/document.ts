/**
 * The words of documents: what is read, by which reader, cut by which chunker, and what comes out.
 * Plain data that crosses to the thread that reads, except for the functions of `DocumentPorts`.
 * @module
 */
import type { AgentOSError, ErrorCode } from './errors.ts'
import type { Json } from './json.ts'

/** Keys of the readers; those that Agno has too are called as Agno calls them. */
export const READER_KEYS = [
  'website',
  'html',
  'csv',
  'docx',
  'excel',
  'field_labeled_csv',
  'json',
  'llms_txt',
  'markdown',
  'pdf',
  'pptx',
  'sitemap',
  'text',
] as const
export type ReaderKey = (typeof READER_KEYS)[number]

/** Keys of the chunkers, as Agno calls them. */
export const CHUNKER_KEYS = [
  'AgenticChunker',
  'CodeChunker',
  'DocumentChunker',
  'RecursiveChunker',
  'SemanticChunker',
  'FixedSizeChunker',
  'RowChunker',
  'MarkdownChunker',
] as const
export type ChunkerKey = (typeof CHUNKER_KEYS)[number]

export function isReaderKey(value: string): value is ReaderKey {
  return (READER_KEYS as readonly string[]).includes(value)
}

export function isChunkerKey(value: string): value is ChunkerKey {
  return (CHUNKER_KEYS as readonly string[]).includes(value)
}

/** Where a document comes from. `filename` and `mimeType` are what its sender says; the bytes have the last word. */
export type DocumentSource =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array; readonly filename?: string; readonly mimeType?: string }
  | { readonly kind: 'text'; readonly text: string; readonly name?: string }
  /** http or https. Without a reader, one document; the readers website, sitemap and llms_txt follow links. */
  | { readonly kind: 'url'; readonly url: string }
  /** A file of this machine, that whoever asks has made sure may be read. `filename` where the path is a spool's. */
  | { readonly kind: 'file'; readonly path: string; readonly filename?: string; readonly mimeType?: string }

/** What one document may cost. Past a limit it fails and nothing of it is left out in silence, but for `pages`. */
export type DocumentLimits = {
  /** Largest document, or page of a website, in bytes as it comes. */
  readonly bytes: number
  /** Most bytes that a compressed document or answer may inflate to. */
  readonly inflatedBytes: number
  readonly chunks: number
  /** Longest work on one document in milliseconds, waiting for whoever takes the chunks not counted. */
  readonly timeMs: number
  /** Longest time for one request to a website, in milliseconds. */
  readonly fetchMs: number
  /** Most pages that the readers website, sitemap and llms_txt read; further ones are left out. */
  readonly pages: number
  /** How many links away from the first page the reader website goes. */
  readonly depth: number
}

export const DEFAULT_DOCUMENT_LIMITS: DocumentLimits = {
  bytes: 52_428_800,
  inflatedBytes: 209_715_200,
  chunks: 100_000,
  timeMs: 300_000,
  fetchMs: 30_000,
  pages: 10,
  depth: 3,
}

export type DocumentRequest = {
  readonly source: DocumentSource
  /** Default: by the bytes, the type and the name. */
  readonly reader?: ReaderKey
  /** Default: that of the reader. */
  readonly chunker?: ChunkerKey
  /** Longest chunk in UTF-16 units, 16 to 100 000; default that of the chunker. */
  readonly chunkSize?: number
  /** UTF-16 units that a chunk repeats of the one before at most, less than the size; default 0. */
  readonly chunkOverlap?: number
  readonly limits?: Partial<DocumentLimits>
}

/** Where in its document a chunk begins, as far as its reader knows: counted from 1. */
export type ChunkMetadata = {
  readonly page?: number
  readonly slide?: number
  readonly sheet?: string
  readonly row?: number
  /** The heading above it. */
  readonly heading?: string
  /** Of code: `python`, `typescript`, ... */
  readonly language?: string
  /** Of the page, where a document has several. */
  readonly url?: string
  readonly title?: string
}

export type Chunk = {
  /** From 0, without gaps. The same document and settings give the same chunks. */
  readonly index: number
  /** Never blank; well-formed, and without NUL, which PostgreSQL cannot store. */
  readonly text: string
  readonly metadata: ChunkMetadata & Readonly<Record<string, Json>>
}

/** What two of the chunkers need: SemanticChunker embeds, AgenticChunker asks a model. */
export type DocumentPorts = {
  readonly embed?: (texts: readonly string[], signal: AbortSignal) => Promise<readonly Float32Array[]>
  readonly complete?: (prompt: string, signal: AbortSignal) => Promise<string>
}

/** Reads documents in threads of its own. */
export type DocumentReader = {
  /**
   * Whether a request can be served, as far as it says by itself; `read` checks it too.
   * @throws {AgentOSError} DOCUMENT_OPTIONS, with what to change
   */
  readonly check: (request: DocumentRequest, ports: DocumentPorts) => void
  /**
   * The chunks of a document, in order. It is read ahead of the consumer by a few batches and no further. Whoever leaves
   * the loop early ends the reading.
   * @throws {AgentOSError} DOCUMENT_OPTIONS at once; while it is read the codes that begin with DOCUMENT_ and URL_, what
   * the ports throw, by its code and message; the reason of `signal`
   */
  readonly read: (
    request: DocumentRequest,
    signal: AbortSignal,
    ports?: DocumentPorts,
  ) => AsyncIterable<readonly Chunk[]>
  /** Ends its threads; what is being read fails. */
  readonly close: () => Promise<void>
}

/** Failures that may pass by themselves, so that the same document may be tried again. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['URL_UNAVAILABLE', 'DOCUMENT_READER_STOPPED'])

export function isPassingDocumentFailure(error: AgentOSError): boolean {
  return PASSING.has(error.code)
}

/** A reader, as `GET /knowledge/config` tells of it. */
export type ReaderInfo = {
  readonly id: ReaderKey
  readonly name: string
  readonly description: string
  /** The first one is its default; none: its chunks are what they are. */
  readonly chunkers: readonly ChunkerKey[]
  /** `url`, or extensions with their dot. */
  readonly contentTypes: readonly string[]
}

export type ChunkerInfo = {
  readonly key: ChunkerKey
  readonly name: string
  readonly description: string
  /** Absent where it has no such setting. In UTF-16 units. */
  readonly chunkSize?: number
  readonly chunkOverlap?: number
  /** What it needs beside the text. */
  readonly needs?: 'embed' | 'complete'
}

/** A file of a remote source. */
export type RemoteFile = {
  readonly key: string
  readonly name: string
  readonly size: number | null
  /** Milliseconds since the epoch. */
  readonly lastModified: number | null
  readonly contentType: string | null
}

export type RemotePage = {
  /** Right below the prefix. */
  readonly folders: readonly { readonly prefix: string; readonly name: string }[]
  readonly files: readonly RemoteFile[]
  /** For the next page; undefined at the end. */
  readonly cursor: string | undefined
}

export type RemoteDocument = {
  readonly filename: string
  readonly mimeType: string | undefined
  /** Bytes as they come; throws DOCUMENT_TOO_LARGE past the limit that was asked for. */
  readonly body: AsyncIterable<Uint8Array>
}

/** A place with files that contents can be made from: a bucket, a repository. */
export type RemoteSource = {
  readonly id: string
  readonly name: string
  readonly type: 's3' | 'github'
  /** Where listing starts. */
  readonly prefix: string | undefined
  readonly metadata: Readonly<Record<string, Json>> | undefined
  /**
   * One page of a folder.
   * @param options.limit 1 to 1000
   * @throws {AgentOSError} URL_NOT_FOUND, URL_NOT_ALLOWED, URL_UNAVAILABLE
   */
  readonly list: (
    prefix: string,
    options: { readonly limit: number; readonly cursor?: string | undefined },
    signal: AbortSignal,
  ) => Promise<RemotePage>
  /**
   * Opens a file; whoever does not read it to the end aborts `signal`.
   * @throws {AgentOSError} as `list`, and DOCUMENT_TOO_LARGE
   */
  readonly read: (key: string, options: { readonly bytes: number }, signal: AbortSignal) => Promise<RemoteDocument>
}
