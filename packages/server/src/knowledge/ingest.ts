/**
 * One job: reads a document, embeds its chunks, writes them batch by batch, shows them all at once. What was written by
 * an attempt before counts: its vectors are not asked for again.
 * @module
 */
import type { Chunk, DocumentPorts, DocumentReader } from '../base/document.ts'
import type { Embedder } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import {
  beginWriting,
  listUnembedded,
  publishChunks,
  setVectors,
  writeChunks,
  type Writing,
} from '../storage/knowledge/chunks.ts'
import { deleteUpload } from '../storage/knowledge/contents.ts'
import { completeJob, type JobResult, type KnowledgeJob, noteProgress } from '../storage/knowledge/jobs.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Bases } from './bases.ts'
import { openSource, type SourceDeps } from './document-source.ts'
import { embedChunks, embedTexts } from './embed-chunks.ts'

export type IngestDeps = SourceDeps & {
  readonly store: KnowledgeStore
  readonly bases: Bases
  readonly reader: DocumentReader
  /** Whether uploads stay in the database once they are read. */
  readonly keepUploads: boolean
}

/** Somebody else has the job, or its content is gone. */
export class JobLost extends Error {
  override readonly name = 'JobLost'
}

/** Chunks that are embedded and written together. */
const BATCH = 64

/**
 * @throws {JobLost}
 * @throws {AgentOSError} what is wrong with the document, the embedder or the database; the reason of `signal`
 */
export async function runJob(job: KnowledgeJob, deps: IngestDeps, signal: AbortSignal): Promise<void> {
  const result = job.kind === 'ingest' ? await ingest(job, deps, signal) : await embedAnew(job, deps, signal)
  if (!(await completeJob(deps.db, job, result))) throw new JobLost()
  const { kind, id } = job.content
  // The files of the folder are in the folder.
  if (job.kind === 'ingest' && (kind === 'folder' || !deps.keepUploads)) await deleteUpload(deps.db, id)
}

async function ingest(job: KnowledgeJob, deps: IngestDeps, signal: AbortSignal): Promise<JobResult> {
  const { content, attempt } = job
  const { store, bases } = deps
  const base = bases.find(content.knowledgeId)
  const embedder = store.vectors === undefined ? undefined : bases.embedderOf(base)
  const writing: Writing = { contentId: content.id, version: content.version, attempt }
  const facts = { ...content, metadata: content.metadata }
  const begun = await beginWriting(store.database.background, writing, facts)
  if (begun === undefined) throw new JobLost()
  // The attempt before was interrupted right behind its last step. Whose vectors it wrote is not known here.
  if (begun.published !== undefined) return { chunks: begun.published, embedder: null, message: '' }

  const opened = await openSource(content, deps, signal)
  try {
    const request = { source: opened.source, ...content.settings, limits: { bytes: deps.maxBytes } }
    const chunks = deps.reader.read(request, signal, portsOf(embedder))
    const count = await writeAll(chunks, { job, deps, embedder, writing, signal })
    if (!(await publishChunks(store, writing, count))) throw new JobLost()
    const { size, contentType } = opened
    return { chunks: count, embedder: embedder?.name ?? null, message: '', size, contentType }
  } finally {
    await opened.close()
  }
}

export function portsOf(embedder: Embedder | undefined): DocumentPorts {
  return embedder === undefined ? {} : { embed: (texts, signal) => embedder.embed(texts, signal) }
}

type Writer = {
  readonly job: KnowledgeJob
  readonly deps: IngestDeps
  readonly embedder: Embedder | undefined
  readonly writing: Writing
  readonly signal: AbortSignal
}

/** @returns how many chunks there are */
async function writeAll(
  batches: AsyncIterable<readonly Chunk[]>,
  { job, deps, embedder, writing, signal }: Writer,
): Promise<number> {
  const { store } = deps
  let count = 0
  for await (const chunks of inBatches(batches)) {
    // Of what is over soon, nobody needs to know how far it is.
    if (count > 0 && !(await noteProgress(deps.db, job, count, `${count} chunks so far`))) throw new JobLost()
    const embedded = await embedChunks(store, embedder, chunks, signal)
    signal.throwIfAborted()
    if (!(await writeChunks(store, writing, embedder?.name ?? null, embedded))) throw new JobLost()
    count += chunks.length
  }
  if (count === 0) throw new AgentOSError('DOCUMENT_EMPTY', `"${job.content.name}" has no text`)
  return count
}

async function* inBatches(read: AsyncIterable<readonly Chunk[]>): AsyncGenerator<readonly Chunk[]> {
  let waiting: Chunk[] = []
  for await (const chunks of read) {
    for (const chunk of chunks) {
      waiting.push(chunk)
      if (waiting.length < BATCH) continue
      yield waiting
      waiting = []
    }
  }
  if (waiting.length > 0) yield waiting
}

/** Searches by words find the content all the while; those by vectors find more and more of it. */
async function embedAnew(job: KnowledgeJob, { store, bases, db }: IngestDeps, signal: AbortSignal): Promise<JobResult> {
  const { content } = job
  const embedder = bases.embedderOf({ ...bases.find(content.knowledgeId), embedder: job.embedder })
  if (embedder === undefined || store.vectors === undefined) {
    throw new AgentOSError('MODEL_KEY_MISSING', `The embedder ${job.embedder} cannot be used here`)
  }
  for (let after = -1; ;) {
    const chunks = await listUnembedded(store, content.id, embedder.name, { after, limit: BATCH })
    if (chunks.length === 0) break
    after = chunks.at(-1)?.index ?? after
    const vectors = await embedTexts(store, embedder, chunks, signal)
    signal.throwIfAborted()
    const done = chunks.map((chunk) => ({ ...chunk, vector: vectors.get(chunk.hash) ?? '' }))
    await setVectors(store, content.id, embedder.name, done)
    if (!(await noteProgress(db, job, content.chunkCount, 'is embedded anew'))) throw new JobLost()
  }
  return { chunks: content.chunkCount, embedder: embedder.name, message: '' }
}
