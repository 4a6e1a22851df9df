/**
 * Waiting for a run to end or to pause, wherever it is.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { isAtRest } from '../base/run.ts'
import { findRun, type Run } from '../storage/runs/runs.ts'
import { type FollowDeps, type Following, followRun } from './follow.ts'

/** Past every event: for those who only want to know when a run is at rest. */
const MAX_INDEX = 2_147_483_647

/** @throws {AgentOSError} RUN_NOT_FOUND; the signal's reason when it aborts first */
export async function waitForRest(deps: FollowDeps, runId: string, signal: AbortSignal): Promise<Run> {
  for (;;) {
    const following = await followRun(deps, runId, MAX_INDEX)
    if (following === undefined) throw gone(runId)
    await untilEnd(following, signal)
    const run = await findRun(deps.db, runId)
    if (run === undefined) throw gone(runId)
    // Somebody may have gone on with it meanwhile.
    if (isAtRest(run.status)) return run
  }
}

async function untilEnd(following: Following, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const ended = Promise.withResolvers<void>()
  const onAbort = () => ended.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  const leave = following.subscribe({ onEntries: () => {}, onEnd: ended.resolve })
  try {
    await ended.promise
  } finally {
    signal.removeEventListener('abort', onAbort)
    leave()
  }
}

function gone(runId: string): AgentOSError {
  return new AgentOSError('RUN_NOT_FOUND', `Run ${runId} is gone`)
}
