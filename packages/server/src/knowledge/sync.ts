/**
 * Brings the files of knowledge bases up to date with the revision that serves: what was added or changed is read, what is
 * gone is forgotten. One replica does it for all, in the background; a base that a revision does not define any more
 * keeps what it has, unseen, until one defines it again.
 * @module
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { glob, stat } from 'node:fs/promises'
import { basename, join, posix, sep } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { KnowledgeInfo, ReadSettings } from '../base/knowledge.ts'
import { addContent, listFolderContents } from '../storage/knowledge/contents.ts'
import { claimSync, endSync, queueEmbedding } from '../storage/knowledge/jobs.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Db } from '../storage/database.ts'
import type { Log } from '../telemetry/log.ts'
import type { Bases } from './bases.ts'
import { contentHash, contentId, digest } from './content-id.ts'
import { removeContents } from './remove-contents.ts'
import { partsOfFile } from './upload-parts.ts'

/** The agents folder of the revision that serves. */
export type Folder = {
  readonly revision: string
  readonly directory: string
  /** Keeps the directory there. @returns gives it back, once */
  readonly retain: () => () => void
}

export type SyncOptions = {
  readonly replicaId: string
  /** Largest file, in bytes; larger ones are left out with a word in the log. */
  readonly maxBytes: number
  /** How long it waits for another replica that is at it, in milliseconds. */
  readonly pollMs: number
}

export type SyncDeps = {
  readonly db: Db
  readonly store: KnowledgeStore
  readonly bases: Bases
  /** Undefined while nothing serves. */
  readonly folder: () => Folder | undefined
  readonly clock: Clock
  readonly log: Log
  /** There are jobs. Must not throw. */
  readonly onJobs: () => void
}

export type FolderSync = {
  /** Whether files of the revision that serves are still looked for. */
  readonly isLooking: () => boolean
  readonly close: () => Promise<void>
}

/** How often it is looked for another revision, in milliseconds: agents are asked as soon as it serves. */
const LOOK_MS = 250
const LEASE_MS = 60_000
const RENEW_MS = 10_000
/** Wait after a failure. */
const RETRY_MS = 30_000
const MAX_FILES = 20_000
/** Contents that are asked to be embedded anew at once. */
const EMBED_BATCH = 500

export function startSync(options: SyncOptions, deps: SyncDeps): FolderSync {
  const closing = new AbortController()
  let settled: string | undefined
  let working: Promise<void> | undefined
  let nextAt = -Infinity

  async function work(folder: Folder): Promise<void> {
    const release = folder.retain()
    try {
      const outcomes: boolean[] = []
      for (const base of deps.bases.all())
        outcomes.push(await syncBase(base, folder, { ...options, ...deps, signal: closing.signal }))
      if (outcomes.every(Boolean)) settled = folder.revision
      else nextAt = deps.clock.monotonic() + options.pollMs
    } catch (error) {
      if (closing.signal.aborted) return
      nextAt = deps.clock.monotonic() + RETRY_MS
      deps.log.warn('the files of knowledge bases could not be looked through, trying again', { error })
    } finally {
      release()
    }
  }

  const timer = setInterval(() => {
    const folder = deps.folder()
    if (folder === undefined || folder.revision === settled || deps.clock.monotonic() < nextAt) return
    working ??= work(folder).finally(() => (working = undefined))
  }, LOOK_MS)
  return {
    isLooking: () => {
      const folder = deps.folder()
      return folder !== undefined && folder.revision !== settled
    },
    async close() {
      clearInterval(timer)
      closing.abort()
      await working
    },
  }
}

type Work = SyncOptions & SyncDeps & { readonly signal: AbortSignal }

/** @returns false when somebody else is at it */
async function syncBase(base: KnowledgeInfo, folder: Folder, work: Work): Promise<boolean> {
  const { db, log } = work
  await embedStale(base, work)
  const target = digest([
    folder.revision,
    ...base.sources,
    JSON.stringify(base.metadata),
    JSON.stringify(settingsOf(base)),
  ])
  const lease = { digest: target, owner: work.replicaId, leaseMs: LEASE_MS }
  const claim = await claimSync(db, base.id, lease)
  if (claim !== 'claimed') return claim === 'current'
  let done = false
  try {
    const found = await syncFiles(base, folder, work, lease)
    done = true
    if (found.added + found.removed > 0) {
      log.info('the files of a knowledge base were brought up to date', { knowledge_id: base.id, ...found })
      work.onJobs()
    }
    return true
  } finally {
    await endSync(db, base.id, work.replicaId, done ? target : undefined)
  }
}

async function syncFiles(
  base: KnowledgeInfo,
  folder: Folder,
  work: Work,
  lease: Parameters<typeof claimSync>[2],
): Promise<{ added: number; removed: number }> {
  const { db, store, signal, clock } = work
  const before = await listFolderContents(db, base.id)
  const gone = new Set(before.keys())
  let added = 0
  let renewedAt = clock.monotonic()
  for (const path of await listFiles(base, folder, work)) {
    signal.throwIfAborted()
    if (clock.monotonic() - renewedAt > RENEW_MS) {
      await claimSync(db, base.id, lease)
      renewedAt = clock.monotonic()
    }
    const file = await describeFile(base, path, folder)
    gone.delete(file.id)
    if (before.get(file.id)?.contentHash === file.contentHash) continue
    await addContent(db, file, partsOfFile(join(folder.directory, path)))
    added++
  }
  await removeContents({ db, store }, base.id, [...gone])
  return { added, removed: gone.size }
}

async function listFiles(base: KnowledgeInfo, { directory }: Folder, { maxBytes, log }: Work): Promise<string[]> {
  const files = new Set<string>()
  if (base.sources.length === 0) return []
  for await (const found of glob([...base.sources], { cwd: directory })) {
    const path = found.split(sep).join(posix.sep)
    const { size, isFile } = await stat(join(directory, path)).then((info) => ({
      size: info.size,
      isFile: info.isFile(),
    }))
    // Empty ones say nothing.
    if (!isFile || size === 0) continue
    if (size > maxBytes) {
      log.warn('a file of a knowledge base is too large and left out', { knowledge_id: base.id, path, bytes: size })
      continue
    }
    files.add(path)
    if (files.size > MAX_FILES) throw new RangeError(`knowledge "${base.id}" has more than ${MAX_FILES} files`)
  }
  return [...files].toSorted()
}

async function describeFile(base: KnowledgeInfo, path: string, { directory }: Folder) {
  const settings = settingsOf(base)
  const full = join(directory, path)
  const hash = createHash('sha256')
  // A stream gives bytes when it is not told an encoding.
  for await (const piece of createReadStream(full)) hash.update(piece as Buffer)
  const { size } = await stat(full)
  const key = `${hash.digest('hex')} ${JSON.stringify(base.metadata)}`
  return {
    // The file stays the same content when its text or its settings change.
    id: contentId({ knowledgeId: base.id, kind: 'folder', key: path, name: '', settings: {} }),
    knowledgeId: base.id,
    name: basename(path),
    description: null,
    kind: 'folder',
    origin: path,
    sourceId: null,
    contentType: null,
    size,
    metadata: base.metadata,
    settings,
    contentHash: contentHash(key, settings),
  } as const
}

/** How the documents of a base are read when nobody asks otherwise. */
export function settingsOf({ chunker, chunkSize, chunkOverlap }: KnowledgeInfo): ReadSettings {
  return {
    ...(chunker !== null && { chunker }),
    ...(chunkSize !== null && { chunkSize }),
    ...(chunkOverlap !== null && { chunkOverlap }),
  }
}

/** The embedder of the base may be another one than before. */
async function embedStale(base: KnowledgeInfo, { db, store, bases, log, onJobs, signal }: Work): Promise<void> {
  const embedder = store.vectors === undefined ? undefined : bases.embedderOf(base)
  if (embedder === undefined) return
  let queued = 0
  for (let batch = EMBED_BATCH; batch === EMBED_BATCH && !signal.aborted; queued += batch) {
    batch = await queueEmbedding(db, base.id, embedder.name, EMBED_BATCH)
  }
  if (queued === 0) return
  log.info('contents are embedded anew', { knowledge_id: base.id, embedder: embedder.name, contents: queued })
  onJobs()
}
