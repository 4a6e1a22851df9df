/**
 * Requests for runs: new ones, and those that go on. They run here at once, or wait in the queue for whoever claims them.
 * @module
 */
import type { RunStatus } from '../base/run.ts'
import { type ContinueDeps, type ContinueRequest, continueStored } from './continue.ts'
import type { Dispatch } from './dispatch.ts'
import type { HeldRuns } from './held-runs.ts'
import type { LiveRun } from './live-run.ts'
import { type Executor, findTarget, type Lease, type NewRunRequest, type StartLimits, storeRun } from './start.ts'

/** A run that was accepted, or gone on with. */
export type Started = {
  readonly runId: string
  readonly sessionId: string
  readonly status: RunStatus
  /** False when an Idempotency-Key had brought it before. */
  readonly isNew: boolean
  /** The run, when it runs here. */
  readonly live: LiveRun | undefined
}

export type IntakeDeps = ContinueDeps & {
  readonly executor: () => Executor | undefined
  readonly dispatch: Dispatch
  readonly held: HeldRuns
  /** A run waits for whoever claims it. */
  readonly onQueued: () => void
}

/** @throws {AgentOSError} what {@link findTarget} and {@link storeRun} throw */
export async function startRun(
  deps: IntakeDeps,
  request: NewRunRequest,
  options: Lease & StartLimits,
): Promise<Started> {
  const target = findTarget(deps.executor(), request.agentId)
  // A swap may come while the run is being stored; the run stays with the revision that accepted it.
  const release = target.executor.retain()
  try {
    const stored = await storeRun(deps.db, deps.ids, request, target, options)
    if (stored.type === 'known') return { ...stored, isNew: false, live: deps.held.get(stored.runId) }
    if (stored.type === 'queued') {
      deps.onQueued()
      return { ...stored, status: 'PENDING', isNew: true, live: undefined }
    }
    const live = deps.dispatch.run(stored.prepared, target)
    return { runId: live.runId, sessionId: live.sessionId, status: 'RUNNING', isNew: true, live }
  } finally {
    release()
  }
}

/** @throws {AgentOSError} what {@link findTarget} and {@link continueStored} throw */
export async function goOnWithRun(deps: IntakeDeps, request: ContinueRequest, lease: Lease): Promise<Started> {
  const target = findTarget(deps.executor(), request.agentId)
  const release = target.executor.retain()
  try {
    const claimed = await continueStored(deps, request, target, lease)
    const { runId, sessionId, status } = claimed.run
    if (request.background) {
      deps.onQueued()
      return { runId, sessionId, status, isNew: true, live: undefined }
    }
    const live = await deps.dispatch.goOn(claimed, target)
    return { runId, sessionId, status, isNew: true, live }
  } finally {
    release()
  }
}
