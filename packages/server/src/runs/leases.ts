/**
 * Keeps the leases of this replica's runs: all of them in one statement, at least every third of a lease. The answer also
 * tells which of them somebody asked to cancel, so it is asked for every second while there are runs.
 * @module
 */
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { renewLeases } from '../storage/runs.ts'

export type LeaseOptions = { readonly replicaId: string; readonly leaseMs: number }
export type LeaseEvents = {
  readonly onCancelRequested: (runId: string) => void
  readonly anyHeld: () => boolean
}

/** Longest wait for a cancel request of another replica, in milliseconds. */
const CANCEL_POLL_MS = 1000

export function keepLeases(db: Db, options: LeaseOptions, log: Log, events: LeaseEvents): { close: () => void } {
  let renewing = false
  const renew = async () => {
    if (renewing || !events.anyHeld()) return
    renewing = true
    try {
      for (const { runId, cancelRequested } of await renewLeases(db, options.replicaId, options.leaseMs)) {
        if (cancelRequested) events.onCancelRequested(runId)
      }
    } catch (error) {
      // The next tick tries again; what runs out meanwhile is fenced when it writes.
      log.warn('leases could not be renewed', { error })
    } finally {
      renewing = false
    }
  }
  const timer = setInterval(() => void renew(), Math.min(CANCEL_POLL_MS, options.leaseMs / 3))
  return { close: () => clearInterval(timer) }
}
