/**
 * The generation that serves and those that are draining: the one pointer that a swap changes, and the snapshots that
 * must outlive their runs.
 * Invariant: the pointer changes in one assignment; what it leaves drains, ends, and has its copy removed.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { GenerationState, ManagedGeneration } from './generation.ts'
import type { Snapshot } from './snapshot.ts'

export type Loaded = { readonly generation: ManagedGeneration; readonly snapshot: Snapshot; readonly content: string }

export type GenerationStatus = {
  readonly revision: string
  readonly state: GenerationState
  readonly activeRuns: number
  /** Events that its worker may send before it has to wait. */
  readonly credit: number
}

export type ServingGenerations = {
  readonly current: () => ManagedGeneration | undefined
  readonly revision: () => string | undefined
  readonly loaded: () => Loaded | undefined
  /** Why what serves is not well. */
  readonly problem: () => string | undefined
  /** Makes `loaded` the one that serves. */
  readonly replace: (loaded: Loaded) => void
  /** `loadedAt` in milliseconds since the epoch. */
  readonly describe: () => { readonly loadedAt: number | null; readonly generations: readonly GenerationStatus[] }
  readonly close: (reason: string) => Promise<void>
}

function describeOne({ revision, state, activeRuns, credit }: ManagedGeneration): GenerationStatus {
  return { revision, state: state(), activeRuns: activeRuns(), credit: credit() }
}

/** @param drainMs how long runs of a replaced generation may go on, in milliseconds */
export function createServing(
  drainMs: number,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): ServingGenerations {
  /** Every generation that has not ended, with the promise that it has and its copy is gone. */
  const living = new Map<ManagedGeneration, Promise<void>>()
  let serving: Loaded | undefined
  let loadedAt: number | null = null

  const removeWhenEnded = async ({ generation, snapshot }: Loaded, ended: Promise<void>) => {
    await ended
    living.delete(generation)
    try {
      await snapshot.release()
    } catch (error) {
      log.warn('the copy of a replaced revision could not be removed', { revision: generation.revision, error })
    }
  }
  const replace = (loaded: Loaded) => {
    const before = serving
    serving = loaded
    loadedAt = clock.now()
    if (before === undefined) return
    living.set(before.generation, removeWhenEnded(before, before.generation.drain(drainMs)))
  }
  return {
    current: () => serving?.generation,
    revision: () => serving?.generation.revision,
    loaded: () => serving,
    problem: () => serving?.generation.problem(),
    replace,
    describe: () => {
      const all = serving === undefined ? [] : [serving.generation, ...living.keys()]
      return {
        loadedAt,
        generations: all.map(describeOne),
      }
    },
    close: async (reason) => {
      const draining = [...living]
      if (serving !== undefined) draining.push([serving.generation, removeWhenEnded(serving, Promise.resolve())])
      await Promise.all(draining.map(([generation]) => generation.close(reason)))
      await Promise.all(draining.map(([, removed]) => removed))
    },
  }
}
