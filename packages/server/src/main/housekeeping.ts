/**
 * Keeps storage bounded: makes room for the events of the coming days and drops those past their retention.
 * @module
 */
import type { Database } from '../storage/database.ts'
import { dropEventPartitions, prepareEventPartitions } from '../storage/run-events.ts'
import type { Log } from '../telemetry/log.ts'

const EVERY_MS = 3_600_000

/** @param retainDays days that events are kept */
export function startHousekeeping(database: Database, retainDays: number, log: Log): { close: () => Promise<void> } {
  let working: Promise<void> = Promise.resolve()
  const clean = async () => {
    try {
      await prepareEventPartitions(database.maintenance)
      const dropped = await dropEventPartitions(database.maintenance, retainDays)
      if (dropped.length > 0) log.info('dropped old events', { partitions: dropped })
    } catch (error) {
      // Events fall into the default partition meanwhile; the next round tries again.
      log.warn('housekeeping failed', { error })
    }
  }
  const timer = setInterval(() => {
    working = clean()
  }, EVERY_MS)
  return {
    close: async () => {
      clearInterval(timer)
      await working
    },
  }
}
