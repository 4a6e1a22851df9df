/**
 * Knowledge of a server: its embedders, the threads that read documents, and the part that brings them together with the
 * store.
 * @module
 */
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { DocumentReader } from '../base/document.ts'
import type { Ids } from '../base/ids.ts'
import type { Redact } from '../base/redact.ts'
import type { Config } from '../config/load.ts'
import { describeChunkers, describeReaders, readersForType } from '../documents/describe.ts'
import { createDocumentReader } from '../documents/reader.ts'
import { openRemoteSources } from '../documents/remote/sources.ts'
import { type Knowledge, startKnowledge } from '../knowledge/knowledge.ts'
import type { Registry } from '../loader/registry.ts'
import type { Database } from '../storage/database.ts'
import { releaseAllJobs } from '../storage/knowledge/jobs.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Answerers } from './answers.ts'
import { openEmbedders } from './embedders.ts'
import type { LentModels } from './lent-models.ts'

export type KnowledgeParts = {
  readonly database: Database
  readonly store: KnowledgeStore
  readonly registry: Registry
  readonly replicaId: string
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly redact: Redact
  /** Answers the prompts of chunkers that ask a model; undefined where there is none. */
  readonly complete: LentModels['complete']
  readonly metrics: Pick<Metrics, 'embedderCalled' | 'embedderLeftAlone' | 'documentRead' | 'knowledgeSearched'>
  readonly dataDirectory: string
  /** Where documents wait while they are read. */
  readonly uploadDirectory: string
}

export type ServerKnowledge = Knowledge & { readonly answerers: Answerers }

/** How long a thread that reads documents stays without work, in milliseconds. */
const READER_IDLE_MS = 30_000
/** A replica that dies is missed for so long, in milliseconds; renewed every third of it. */
const LEASE_MS = 15_000
const POLL_MS = 2000
/** How long an embedder that does not answer is left alone, in milliseconds. */
const EMBEDDER_REST_MS = 30_000
const MAX_KEYS = 100

/** @throws {AgentOSError} as the opening of the remote sources and of the embedders */
export async function openKnowledge(config: Config, parts: KnowledgeParts): Promise<ServerKnowledge> {
  const { settings } = config
  const { database, store, registry, log } = parts
  await using opened = new AsyncDisposableStack()
  const policy = { privateUrls: settings.AGENTOS_KNOWLEDGE_PRIVATE_URLS }
  const given = settings.AGENTOS_KNOWLEDGE_SOURCES
  const remotes = given === undefined ? [] : openRemoteSources(given, 'AGENTOS_KNOWLEDGE_SOURCES', policy)
  if (database.engine === 'embedded') await releaseAllJobs(database.background)
  const embedders = openEmbedders(config, { ...parts, onCall: parts.metrics.embedderCalled })
  opened.defer(embedders.close)
  if (store.problem !== undefined) log.warn('knowledge is searched by words only', { reason: store.problem })
  const { complete } = parts
  const reader = lendModel(openReader(config, parts), complete)
  opened.defer(reader.close)
  const knowledge = startKnowledge(
    {
      replicaId: parts.replicaId,
      jobs: settings.AGENTOS_KNOWLEDGE_JOBS,
      leaseMs: LEASE_MS,
      pollMs: POLL_MS,
      maxAttempts: settings.AGENTOS_KNOWLEDGE_MAX_ATTEMPTS,
      maxBytes: settings.AGENTOS_KNOWLEDGE_UPLOAD_BYTES,
      keepUploads: settings.AGENTOS_KNOWLEDGE_KEEP_UPLOADS,
      directory: parts.uploadDirectory,
      questionMs: settings.AGENTOS_EMBEDDER_QUERY_TIMEOUT_MS,
      embedderRestMs: EMBEDDER_REST_MS,
    },
    {
      ...parts,
      db: database.db,
      background: database.background,
      store,
      embedders,
      reader,
      abilities: {
        readers: describeReaders(),
        chunkers: describeChunkers(),
        readersForType: readersForType(),
        hasModel: complete !== undefined,
      },
      remotes,
      defined: () => registry.current()?.manifest.knowledge ?? [],
      folder: registry.current,
      hint: database.notifications.notify,
      onHint: database.notifications.onNotify,
      onJob: parts.metrics.documentRead,
      onSearch: parts.metrics.knowledgeSearched,
      onEmbedder: parts.metrics.embedderLeftAlone,
    },
  )
  opened.defer(knowledge.close)
  const resources = opened.move()
  return { ...knowledge, answerers: answerersOf(knowledge), close: () => resources.disposeAsync() }
}

function openReader({ settings }: Config, { clock, dataDirectory }: Pick<KnowledgeParts, 'clock' | 'dataDirectory'>) {
  return createDocumentReader({
    entry: new URL('../documents-worker.ts', import.meta.url),
    clock,
    threads: settings.AGENTOS_DOCUMENT_THREADS,
    heapMb: settings.AGENTOS_DOCUMENT_HEAP_MB,
    idleMs: READER_IDLE_MS,
    privateUrls: settings.AGENTOS_KNOWLEDGE_PRIVATE_URLS,
    limits: {
      bytes: settings.AGENTOS_KNOWLEDGE_UPLOAD_BYTES,
      timeMs: settings.AGENTOS_DOCUMENT_TIMEOUT_MS,
    },
    compileCache: join(dataDirectory, 'compile-cache'),
  })
}

function lendModel(reader: DocumentReader, complete: LentModels['complete']): DocumentReader {
  if (complete === undefined) return reader
  return {
    ...reader,
    read: (request, signal, ports) => reader.read(request, signal, { complete, ...ports }),
    check: (request, ports) => reader.check(request, { complete, ...ports }),
  }
}

/** What runs ask of knowledge. It belongs to all users. */
function answerersOf({ bases, contents, search, metadataKeys }: Knowledge): Answerers {
  return {
    'search-knowledge': (_asker, question) => search(question),
    'knowledge-keys': async (_asker, { knowledgeId }) =>
      (await metadataKeys(bases.find(knowledgeId))).slice(0, MAX_KEYS),
    'add-knowledge': async (_asker, { knowledgeId, name, text }) => {
      const { id } = await contents.add(bases.find(knowledgeId), { given: { kind: 'text', text }, name })
      return id
    },
  }
}
