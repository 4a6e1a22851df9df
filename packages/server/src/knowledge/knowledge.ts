/**
 * Knowledge: what the rest of the server has of it. Puts bases, contents, ingestion, the sync of the folder and searches
 * together.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { ChunkerInfo, DocumentReader, ReaderInfo, ReaderKey, RemoteSource } from '../base/document.ts'
import type { Embedders } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { KnowledgeInfo, SearchType } from '../base/knowledge.ts'
import type { Db } from '../storage/database.ts'
import {
  type Content,
  type ContentQuery,
  countUnread,
  listContents,
  listMetadataKeys,
} from '../storage/knowledge/contents.ts'
import type { KnowledgeJob } from '../storage/knowledge/jobs.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import { type BaseCondition, describeBases } from './base-condition.ts'
import { type Bases, createBases } from './bases.ts'
import { type Contents, createContents } from './contents.ts'
import { watchEmbedders } from './embedder-watch.ts'
import { createIndexing } from './indexing.ts'
import type { JobOutcome } from './carry-out.ts'
import { type IngestionOptions, startIngestion } from './ingestion.ts'
import { ORPHAN_PACING, type OrphanPacing, startOrphanRemoval } from './orphans.ts'
import { createSearch, type Search, searchTypes, whyNoVectors } from './search.ts'
import { type Folder, startSync } from './sync.ts'

export type { BaseCondition } from './base-condition.ts'
export type { Given } from './contents.ts'
export type { Content } from '../storage/knowledge/contents.ts'

/** What can be read and how it can be cut. */
export type Abilities = {
  readonly readers: readonly ReaderInfo[]
  readonly chunkers: readonly ChunkerInfo[]
  readonly readersForType: Readonly<Record<string, readonly ReaderKey[]>>
  /** Whether a model answers chunkers that ask one. */
  readonly hasModel: boolean
}

export type KnowledgeOptions = IngestionOptions & {
  /** Largest document, in bytes. */
  readonly maxBytes: number
  readonly keepUploads: boolean
  /** Where documents wait while they are read; of this process. */
  readonly directory: string
  /** Longest time for the vector of a question, in milliseconds. */
  readonly questionMs: number
  /** How long an embedder that does not answer is left alone, in milliseconds. */
  readonly embedderRestMs: number
  /** When it is looked for what is left of contents that were deleted; default once an hour. */
  readonly orphans?: OrphanPacing
}

export type KnowledgeDeps = {
  readonly db: Db
  /** For work that nobody waits for. */
  readonly background: Db
  readonly store: KnowledgeStore
  readonly embedders: Embedders
  readonly reader: DocumentReader
  readonly abilities: Abilities
  readonly remotes: readonly RemoteSource[]
  /** Bases of the revision that serves. */
  readonly defined: () => readonly KnowledgeInfo[]
  readonly folder: () => Folder | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  /** Tells other replicas that there is something to read. */
  readonly hint: (topic: string) => void
  readonly onHint: (listener: (topic: string) => void) => () => void
  readonly onJob?: (job: { readonly outcome: JobOutcome; readonly seconds: number }) => void
  /** An embedder is left alone because it does not answer, or not any more. Must not throw. */
  readonly onEmbedder?: (embedder: string, isLeftAlone: boolean) => void
  readonly onSearch?: (search: { readonly type: SearchType; readonly seconds: number }) => void
}

export type Knowledge = {
  readonly bases: Pick<Bases, 'all' | 'find'>
  readonly contents: Contents
  readonly list: (query: ContentQuery) => Promise<{ contents: Content[]; total: number }>
  readonly search: Search
  /** How a base can be searched. */
  readonly searchTypes: (base: KnowledgeInfo) => readonly SearchType[]
  /** Why a base is searched by words only; undefined when it has vectors. */
  readonly whyNoVectors: (base: KnowledgeInfo) => string | undefined
  /** Why hybrid searches of a base go by words at the moment although it has vectors; undefined when they do not. */
  readonly whyNoAnswer: (base: KnowledgeInfo) => string | undefined
  /** How the bases do. */
  readonly describe: () => Promise<BaseCondition[]>
  /** Keys that filters can ask for. */
  readonly metadataKeys: (base: KnowledgeInfo) => Promise<string[]>
  readonly abilities: Abilities
  readonly remotes: readonly RemoteSource[]
  /** Gives back what is being read; nothing is looked for any more. */
  readonly close: () => Promise<void>
}

/** Hints of this topic say that there are contents to read. */
const TOPIC = 'knowledge'

export function startKnowledge(options: KnowledgeOptions, deps: KnowledgeDeps): Knowledge {
  const { db, background, store, log, remotes, reader } = deps
  const closing = new AbortController()
  const { questionMs, embedderRestMs: restMs } = options
  const watch = { ...deps, questionMs, restMs, onLeftAlone: deps.onEmbedder }
  const embedders = watchEmbedders(deps.embedders, watch)
  const bases = createBases(deps.defined, embedders)
  const indexing = createIndexing({ store, bases, log, clock: deps.clock })
  const onDone = ({ content }: KnowledgeJob) => indexing.mind(content.knowledgeId)
  const ingestion = startIngestion(options, { ...deps, ...options, db: background, bases, onDone })
  const onJobs = () => {
    ingestion.poke()
    deps.hint(TOPIC)
  }
  const stopHints = deps.onHint((topic) => {
    if (topic === TOPIC) ingestion.poke()
  })
  const sync = startSync(options, { ...deps, db: background, bases, onJobs })
  const orphans = startOrphanRemoval({ ...deps, db: background }, options.orphans ?? ORPHAN_PACING)
  const parts = { store, bases }
  const why = (base: KnowledgeInfo) => whyNoVectors(base, parts)
  const whyNoAnswer = (base: KnowledgeInfo) => {
    const name = bases.embedderOf(base)?.name
    if (name === undefined) return undefined
    const { isLeftAlone, problem } = embedders.conditionOf(name)
    return isLeftAlone ? (problem ?? undefined) : undefined
  }
  const unread = async (base: KnowledgeInfo) =>
    describeUnread(await countUnread(db, base.id), base.sources.length > 0 && sync.isLooking())
  return {
    bases,
    contents: createContents({ db, store, bases, reader, remotes, onJobs, onDeleted: ingestion.drop }),
    list: (query) => listContents(db, query),
    search: createSearch({ ...deps, bases, unread, onVectors: indexing.mind, signal: closing.signal }),
    searchTypes: (base) => searchTypes(base, parts),
    whyNoVectors: why,
    whyNoAnswer,
    describe: () =>
      describeBases({ db: background, bases, whyNoVectors: why, whyNoAnswer, conditionOf: embedders.conditionOf }),
    metadataKeys: ({ id }) => listMetadataKeys(db, id),
    abilities: deps.abilities,
    remotes,
    async close() {
      stopHints()
      closing.abort(new AgentOSError('DRAINING', 'The server is stopping'))
      await Promise.all([sync.close(), ingestion.close(), embedders.close(), orphans.close()])
      await indexing.close()
    },
  }
}

/** @param isLooking whether there may be files of the base that nobody has found yet */
function describeUnread(documents: number, isLooking: boolean): string[] {
  const which =
    documents === 1 ? '1 document of the knowledge base is' : `${documents} documents of the knowledge base are`
  return [
    ...(documents === 0 ? [] : [`${which} still being read: the same search may find more in a moment`]),
    ...(isLooking ? ['The files of the knowledge base are still being looked for: try again in a moment'] : []),
  ]
}
