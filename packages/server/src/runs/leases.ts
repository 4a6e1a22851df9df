/**
 * Keeps the leases of this replica's runs: all of them in one statement, at least every third of a lease. The answer also
 * tells which of them somebody asked to cancel, so it is asked for every second while there are runs; a run that is
 * missing from it belongs to another replica by now.
 * @module
 */
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { renewLeases } from '../storage/runs/runs.ts'
import type { OwnedRun } from './live-run.ts'

export type LeaseOptions = { readonly replicaId: string; readonly leaseMs: number }
export type LeaseEvents = {
  /** The runs to keep. */
  readonly held: () => readonly OwnedRun[]
  readonly onCancelRequested: (run: OwnedRun) => void
  readonly onLost: (run: OwnedRun) => void
  /** The database did not answer: leases may have run out, here and on all other replicas. */
  readonly onTrouble: () => void
}

export type LeaseKeeper = {
  /** Asks now, because somebody said that a run is to be cancelled. */
  readonly renew: () => void
  /** Resolves when nothing is asked any more. */
  readonly close: () => Promise<void>
}

/** Longest wait for a cancel request of another replica, in milliseconds. */
const CANCEL_POLL_MS = 1000

export function keepLeases(db: Db, { replicaId, leaseMs }: LeaseOptions, log: Log, events: LeaseEvents): LeaseKeeper {
  let renewing: Promise<void> | undefined

  async function renewAll(runs: readonly OwnedRun[]): Promise<void> {
    const ids = runs.map(({ runId }) => runId)
    try {
      const renewed = await renewLeases(db, replicaId, ids, leaseMs)
      const cancels = new Map(renewed.map(({ runId, cancelRequested }) => [runId, cancelRequested]))
      // The answer is about these attempts. One that has ended since is nobody's, and a later one was not asked for.
      for (const run of runs.filter(({ isEnding }) => !isEnding())) {
        const cancelRequested = cancels.get(run.runId)
        if (cancelRequested === undefined) events.onLost(run)
        else if (cancelRequested) events.onCancelRequested(run)
      }
    } catch (error) {
      // The next tick tries again; what runs out meanwhile is fenced when it writes.
      log.warn('leases could not be renewed', { error })
      events.onTrouble()
    }
  }

  function renew(): void {
    const runs = events.held()
    if (renewing !== undefined || runs.length === 0) return
    renewing = renewAll(runs).finally(() => (renewing = undefined))
  }

  const timer = setInterval(renew, Math.min(CANCEL_POLL_MS, leaseMs / 3))
  return {
    renew,
    async close() {
      clearInterval(timer)
      await renewing
    },
  }
}
