/**
 * Keeps the leases of this replica's runs: all of them in one statement, at least every third of a lease. The answer also
 * tells which of them somebody asked to cancel, so it is asked for every second while there are runs; a run that is
 * missing from it belongs to another replica by now.
 * @module
 */
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { renewLeases } from '../storage/runs.ts'

export type LeaseOptions = { readonly replicaId: string; readonly leaseMs: number }
export type LeaseEvents = {
  /** Ids of the runs to keep. */
  readonly held: () => readonly string[]
  readonly onCancelRequested: (runId: string) => void
  readonly onLost: (runId: string) => void
  /** The database did not answer: leases may have run out, here and on all other replicas. */
  readonly onTrouble: () => void
}

export type LeaseKeeper = {
  /** Asks now, because somebody said that a run is to be cancelled. */
  readonly renew: () => Promise<void>
  readonly close: () => void
}

/** Longest wait for a cancel request of another replica, in milliseconds. */
const CANCEL_POLL_MS = 1000

export function keepLeases(db: Db, { replicaId, leaseMs }: LeaseOptions, log: Log, events: LeaseEvents): LeaseKeeper {
  let renewing = false
  const renew = async () => {
    const asked = events.held()
    if (renewing || asked.length === 0) return
    renewing = true
    try {
      const renewed = new Map(
        (await renewLeases(db, replicaId, asked, leaseMs)).map((run) => [run.runId, run.cancelRequested]),
      )
      for (const runId of asked) {
        const cancelRequested = renewed.get(runId)
        if (cancelRequested === undefined) events.onLost(runId)
        else if (cancelRequested) events.onCancelRequested(runId)
      }
    } catch (error) {
      // The next tick tries again; what runs out meanwhile is fenced when it writes.
      log.warn('leases could not be renewed', { error })
      events.onTrouble()
    } finally {
      renewing = false
    }
  }
  const timer = setInterval(() => void renew(), Math.min(CANCEL_POLL_MS, leaseMs / 3))
  return { renew, close: () => clearInterval(timer) }
}
