/**
 * Has the index of a dimension made once there are so many vectors that comparing all of them takes too long.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { hasMoreVectors, indexedDimensions, makeVectorIndex } from '../storage/knowledge/vector-index.ts'
import { EXACT_CHUNKS } from '../storage/knowledge/search.ts'
import type { KnowledgeStore } from '../storage/knowledge/store.ts'
import type { Log } from '../telemetry/log.ts'
import type { Bases } from './bases.ts'

export type Indexing = {
  /** Vectors of this base were written, or searched. */
  readonly mind: (knowledgeId: string) => void
  /** Waits a little for what is being made; PostgreSQL goes on without us. */
  readonly close: () => Promise<void>
}

/** Between two looks at the vectors of an embedder, in milliseconds. */
const LOOK_MS = 30_000
const CLOSE_MS = 2000

type IndexingDeps = {
  readonly store: KnowledgeStore
  readonly bases: Bases
  readonly log: Log
  readonly clock: Clock
}

export function createIndexing({ store, bases, log, clock }: IndexingDeps): Indexing {
  const indexed = new Set<number>()
  const lookedAt = new Map<string, number>()
  let making: Promise<void> | undefined

  async function make(embedder: string, dimensions: number): Promise<void> {
    try {
      for (const known of await indexedDimensions(store)) indexed.add(known)
      if (indexed.has(dimensions) || !(await hasMoreVectors(store, embedder, EXACT_CHUNKS))) return
      const started = clock.monotonic()
      log.info('an index of vectors is made', { dimensions })
      if (!(await makeVectorIndex(store, dimensions))) return
      indexed.add(dimensions)
      log.info('an index of vectors was made', { dimensions, duration_ms: Math.round(clock.monotonic() - started) })
    } catch (error) {
      log.warn('an index of vectors could not be made, searches compare all vectors meanwhile', { dimensions, error })
    }
  }

  return {
    mind(knowledgeId) {
      if (store.vectors === undefined || making !== undefined || !bases.has(knowledgeId)) return
      // Its length is known from its first answer.
      const { name, dimensions } = bases.embedderOf(bases.find(knowledgeId)) ?? {}
      if (name === undefined || dimensions === undefined || indexed.has(dimensions)) return
      if (clock.monotonic() - (lookedAt.get(name) ?? -Infinity) < LOOK_MS) return
      lookedAt.set(name, clock.monotonic())
      making = make(name, dimensions).finally(() => (making = undefined))
    },
    async close() {
      const given = new Promise((resolve) => setTimeout(resolve, CLOSE_MS).unref())
      await Promise.race([making, given])
    },
  }
}
