/**
 * Reads one document from its source to its chunks. Runs in the thread that reads.
 * @module
 */
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Chunk, DocumentLimits, DocumentPorts, DocumentRequest, ReaderKey } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { chunkSections } from './chunk.ts'
import { chooseReader } from './detect.ts'
import { fetchUrl, readBody } from './fetch/fetch.ts'
import type { WebContext } from './fetch/page.ts'
import { describeUrl, type FetchPolicy } from './fetch/resolve.ts'
import { planChunks, withDefaultLimits } from './options.ts'
import type { FileReader } from './readers/input.ts'
import type { Section } from './section.ts'

export type ReadContext = {
  readonly policy: FetchPolicy
  readonly ports: DocumentPorts
  readonly signal: AbortSignal
  /** As in `WebContext`. */
  readonly pauseMs: number
}

type UrlReader = (address: string, context: WebContext) => AsyncIterable<Section>

/** Loaded when they are needed: that of PDF alone takes longer than most documents. */
const FILE_READERS: Readonly<Partial<Record<ReaderKey, () => Promise<FileReader>>>> = {
  html: async () => (await import('./readers/html.ts')).readHtml,
  csv: async () => (await import('./readers/csv.ts')).readCsvTable,
  docx: async () => (await import('./readers/docx.ts')).readDocx,
  excel: async () => (await import('./readers/xlsx.ts')).readXlsx,
  field_labeled_csv: async () => (await import('./readers/csv.ts')).readLabeledCsv,
  json: async () => (await import('./readers/json.ts')).readJson,
  markdown: async () => (await import('./readers/text.ts')).readMarkdown,
  pdf: async () => (await import('./readers/pdf.ts')).readPdf,
  pptx: async () => (await import('./readers/pptx.ts')).readPptx,
  text: async () => (await import('./readers/text.ts')).readPlainText,
}

const URL_READERS: Readonly<Partial<Record<ReaderKey, () => Promise<UrlReader>>>> = {
  website: async () => (await import('./fetch/website.ts')).readWebsite,
  sitemap: async () => (await import('./fetch/website.ts')).readSitemap,
  llms_txt: async () => (await import('./fetch/llms-txt.ts')).readLlmsTxt,
}

/** @throws {AgentOSError} as `DocumentReader.read` */
export async function* readDocument(request: DocumentRequest, context: ReadContext): AsyncGenerator<readonly Chunk[]> {
  const limits = withDefaultLimits(request.limits)
  const { reader, sections } = await openSections(request, limits, context)
  const { chunker, size, overlap } = planChunks(request, reader)
  const { ports, signal } = context
  let isEmpty = true
  for await (const batch of chunkSections(sections, chunker, { size, overlap, ports, signal }, limits)) {
    isEmpty = false
    yield batch
  }
  if (isEmpty) throw new AgentOSError('DOCUMENT_EMPTY', 'The document has no text')
}

type Opened = { readonly reader: ReaderKey; readonly sections: AsyncIterable<Section> }

async function openSections(request: DocumentRequest, limits: DocumentLimits, context: ReadContext): Promise<Opened> {
  const { source, reader: asked } = request
  const { signal, policy, pauseMs } = context
  const loadUrlReader = asked === undefined ? undefined : URL_READERS[asked]
  if (asked !== undefined && loadUrlReader !== undefined && source.kind === 'url') {
    const read = await loadUrlReader()
    return { reader: asked, sections: read(source.url, { policy, limits, signal, pauseMs }) }
  }
  const { bytes, filename, mimeType, charset, called } = await loadBytes(request, limits, context)
  const reader = chooseReader({ bytes, filename, mimeType, asked, called })
  const read = await FILE_READERS[reader]?.()
  if (read === undefined) throw new AgentOSError('DOCUMENT_OPTIONS', `Reader "${reader}" needs a url`)
  const sections = read({ bytes, filename, charset, limits, signal })
  return { reader, sections: toAsync(sections) }
}

type Loaded = {
  readonly bytes: Uint8Array
  readonly filename: string
  /** Without parameters, in small letters. */
  readonly mimeType: string
  readonly charset: string | undefined
  readonly called: string
}

async function loadBytes({ source }: DocumentRequest, limits: DocumentLimits, context: ReadContext): Promise<Loaded> {
  if (source.kind === 'url') return loadUrl(source.url, limits, context)
  if (source.kind === 'text') {
    const bytes = Buffer.from(source.text)
    assertSize(bytes.length, limits, 'The text')
    return { bytes, filename: source.name ?? '', mimeType: '', charset: 'utf-8', called: 'The text' }
  }
  const filename = source.filename ?? (source.kind === 'file' ? basename(source.path) : '')
  const called = filename === '' ? 'The document' : `"${filename}"`
  const bytes = source.kind === 'bytes' ? source.bytes : await readFileWithin(source.path, limits, called)
  assertSize(bytes.length, limits, called)
  return { bytes, filename, called, ...parseType(source.mimeType ?? '') }
}

async function loadUrl(address: string, limits: DocumentLimits, { policy, signal }: ReadContext): Promise<Loaded> {
  const fetched = await fetchUrl(address, { ...policy, bytes: limits.bytes, timeMs: limits.fetchMs, signal })
  const bytes = await readBody(fetched)
  const { url, mimeType, charset } = fetched
  return { bytes, filename: basename(url.pathname), mimeType, charset, called: describeUrl(url) }
}

/** Not a byte more than is allowed, also of a file that grows meanwhile. */
async function readFileWithin(path: string, limits: DocumentLimits, called: string): Promise<Uint8Array> {
  await using file = await open(path).catch((cause: unknown) => {
    throw new AgentOSError('DOCUMENT_READER_STOPPED', `${called} is not there any more to be read`, { cause })
  })
  const { size } = await file.stat()
  assertSize(size, limits, called)
  const buffer = Buffer.allocUnsafe(size)
  const { bytesRead } = await file.read(buffer, 0, size, 0)
  return buffer.subarray(0, bytesRead)
}

function assertSize(bytes: number, limits: DocumentLimits, called: string): void {
  if (bytes <= limits.bytes) return
  throw new AgentOSError('DOCUMENT_TOO_LARGE', `${called} has ${bytes} bytes, more than the ${limits.bytes} allowed`)
}

function parseType(mimeType: string): { readonly mimeType: string; readonly charset: string | undefined } {
  const charset = /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(mimeType)?.[1]
  return { mimeType: (mimeType.split(';')[0] ?? '').trim().toLowerCase(), charset }
}

async function* toAsync(sections: Iterable<Section> | AsyncIterable<Section>): AsyncGenerator<Section> {
  yield* sections
}
