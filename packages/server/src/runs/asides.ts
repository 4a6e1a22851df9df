/**
 * Work that nobody waits for, until the replica stops.
 * @module
 */
import type { Log } from '../telemetry/log.ts'

export type Asides = {
  /** A failure is logged. */
  readonly add: (work: Promise<void>) => void
  /** Resolves when all of it is done. */
  readonly close: () => Promise<void>
}

export function createAsides(log: Log): Asides {
  const underway = new Set<Promise<void>>()
  return {
    add(work) {
      const done = work
        .catch((error: unknown) => log.warn('something that was done aside has failed', { error }))
        .finally(() => underway.delete(done))
      underway.add(done)
    },
    async close() {
      while (underway.size > 0) await Promise.all(underway)
    },
  }
}
