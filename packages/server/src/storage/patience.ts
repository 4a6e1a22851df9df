/**
 * Waiting for a database that is away, where what is to be stored or answered exists nowhere else.
 * @module
 */
import { backoffMs, sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'

export type Patience = {
  /** Does `work` again for as long as it fails because the database is away. @throws what it threw last */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
  /** Waits no more; who waits fails with DATABASE_UNAVAILABLE. */
  readonly close: () => void
}

const RETRY = { baseMs: 100, maxMs: 5000 }

/** How long a database may be away, in milliseconds. */
const PATIENCE_MS = 600_000

export function createPatience({ clock, ids }: { readonly clock: Clock; readonly ids: Ids }): Patience {
  const closing = new AbortController()
  return {
    async persist(work) {
      const deadline = clock.monotonic() + PATIENCE_MS
      for (let attempt = 0; ; attempt++) {
        try {
          return await work()
        } catch (error) {
          const isAway = error instanceof AgentOSError && error.code === 'DATABASE_UNAVAILABLE'
          if (!isAway || closing.signal.aborted || clock.monotonic() >= deadline) throw error
          await sleep(backoffMs(RETRY, attempt, randomFraction(ids)), closing.signal)
        }
      }
    },
    close: () =>
      closing.abort(new AgentOSError('DATABASE_UNAVAILABLE', 'This replica stopped while the database was away')),
  }
}
