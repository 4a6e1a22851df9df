/**
 * The reader of documents of a server, as its settings say.
 * @module
 */
import { join } from 'node:path'
import { systemClock } from '../base/clock.ts'
import type { DocumentReader } from '../base/document.ts'
import type { Config } from '../config/load.ts'
import { createDocumentReader } from '../documents/reader.ts'

/** How long a thread without work stays: long enough for the next document of somebody who uploads some. */
const IDLE_MS = 30_000

/** Starts nothing yet. The caller closes it. */
export function openDocumentReader({ settings }: Config): DocumentReader {
  return createDocumentReader({
    entry: new URL('../documents-worker.ts', import.meta.url),
    clock: systemClock,
    threads: settings.AGENTOS_DOCUMENT_THREADS,
    heapMb: settings.AGENTOS_DOCUMENT_HEAP_MB,
    idleMs: IDLE_MS,
    privateUrls: settings.AGENTOS_KNOWLEDGE_PRIVATE_URLS,
    limits: { bytes: settings.AGENTOS_KNOWLEDGE_UPLOAD_BYTES, timeMs: settings.AGENTOS_DOCUMENT_TIMEOUT_MS },
    compileCache: join(settings.AGENTOS_DATA_DIR, 'compile-cache'),
  })
}
