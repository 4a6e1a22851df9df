/**
 * Ends runs that nobody is running: cancelled ones, and those that no replica took up. They end like any other run, so
 * whoever follows them hears of it.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { isAtRest } from '../base/run.ts'
import type { Db } from '../storage/database.ts'
import { findOverdueRuns } from '../storage/runs/overdue-runs.ts'
import { adoptRun, findRun, requestCancel } from '../storage/runs/runs.ts'
import type { Log } from '../telemetry/log.ts'
import type { Dispatch } from './dispatch.ts'
import type { HeldRuns } from './held-runs.ts'

export type EndingsDeps = {
  readonly db: Db
  readonly log: Log
  readonly held: HeldRuns
  readonly dispatch: Dispatch
  /** What a run is ended under. */
  readonly lease: { readonly owner: string; readonly leaseMs: number }
  /** Somebody asked a run of another replica to stop. */
  readonly onCancelElsewhere: () => void
}

export type Endings = {
  /** @throws {AgentOSError} DATABASE_UNAVAILABLE, for a run that is not held here */
  readonly cancel: (runId: string) => Promise<void>
  /**
   * Ends runs that no replica has taken for too long, most likely because none serves their agent any more.
   * @param waitMs milliseconds a run may wait
   */
  readonly endOverdue: (waitMs: number) => Promise<void>
  /**
   * Ends a run that has paused, if somebody had asked it to stop by then: a cancel that came from another replica
   * meanwhile would find nobody.
   */
  readonly endCancelledPause: (runId: string) => Promise<void>
}

export function createEndings({ db, log, held, dispatch, lease, onCancelElsewhere }: EndingsDeps): Endings {
  /** @returns false when somebody is running it */
  async function adoptAndEnd(runId: string, error?: AgentOSError): Promise<boolean> {
    const claimed = await adoptRun(db, runId, lease)
    if (claimed !== undefined) await dispatch.end(claimed, error)
    return claimed !== undefined
  }

  /** Also for a run that is here: whoever goes on with it, should this replica be lost first, has to know. */
  async function storeCancel(runId: string, isHere: boolean): ReturnType<typeof requestCancel> {
    try {
      return await requestCancel(db, runId)
    } catch (error) {
      if (!isHere) throw error
      log.warn('a cancel could not be stored', { run_id: runId, trace_id: held.get(runId)?.traceId, error })
      return undefined
    }
  }

  return {
    async cancel(runId) {
      const isHere = held.cancel(runId)
      const asked = await storeCancel(runId, isHere)
      if (asked === undefined || (isAtRest(asked.status) && asked.status !== 'PAUSED')) return
      // Its owner may just have stored a pause: the status is of a moment before the cancel was.
      if (!(await adoptAndEnd(runId)) && !isHere) onCancelElsewhere()
    },
    async endOverdue(waitMs) {
      const message = `No replica took the run up within ${waitMs} ms`
      for (const runId of await findOverdueRuns(db, waitMs)) {
        if (held.get(runId) === undefined) await adoptAndEnd(runId, new AgentOSError('QUEUE_TIMEOUT', message))
      }
    },
    async endCancelledPause(runId) {
      const run = await findRun(db, runId)
      if (run?.status === 'PAUSED' && run.cancelRequestedAt !== null) await adoptAndEnd(runId)
    },
  }
}
