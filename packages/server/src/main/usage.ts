/**
 * Adds up the usage now and then, so that what was counted stays short. Every replica does, one at a time.
 * @module
 */
import { type Ids, randomFraction } from '../base/ids.ts'
import { startRounds } from '../base/rounds.ts'
import type { Database } from '../storage/database.ts'
import { addUpUsage } from '../storage/usage.ts'
import type { Log } from '../telemetry/log.ts'

const EVERY_MS = 10_000
const BATCHES = 50

export function startUsage(
  database: Database,
  { ids, log }: { readonly ids: Ids; readonly log: Log },
): { readonly close: () => Promise<void> } {
  return startRounds({
    waitMs: () => EVERY_MS * (0.5 + randomFraction(ids)),
    work: () => addUpUsage(database.background, BATCHES),
    onError: (error) => log.warn('the usage could not be added up, trying again', { error }),
  })
}
