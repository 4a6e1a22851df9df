/**
 * Adds up the usage now and then, so that what was counted stays short. Every replica does, one at a time.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { Database } from '../storage/database.ts'
import { addUpUsage } from '../storage/usage.ts'
import type { Log } from '../telemetry/log.ts'

const EVERY_MS = 10_000
const BATCHES = 50

export function startUsage(
  database: Database,
  { ids, log }: { readonly ids: Ids; readonly log: Log },
): { readonly close: () => Promise<void> } {
  const closing = new AbortController()

  async function work(): Promise<void> {
    for (;;) {
      await sleep(EVERY_MS * (0.5 + randomFraction(ids)), closing.signal).catch(() => {})
      if (closing.signal.aborted) return
      try {
        await addUpUsage(database.background, BATCHES)
      } catch (error) {
        log.warn('the usage could not be added up, trying again', { error })
      }
    }
  }

  const working = work()
  return {
    async close() {
      closing.abort()
      await working
    },
  }
}
