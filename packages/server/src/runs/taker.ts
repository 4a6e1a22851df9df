/**
 * Claims what there is room for, for the revision that serves now, and hands it to that revision.
 * @module
 */
import type { Db } from '../storage/database.ts'
import { ALIVE_MS } from '../storage/replicas.ts'
import { claimRuns } from '../storage/runs/runs.ts'
import type { Admission } from './admission.ts'
import type { Dispatch } from './dispatch.ts'
import type { HeldRuns } from './held-runs.ts'
import type { Executor, Lease } from './start.ts'

export type TakerOptions = Lease & {
  /** Background runs at once; 0 leaves these and all others that wait to replicas that take some, while there are any. */
  readonly maxBackgroundRuns: number
}

export type TakerDeps = TakerOptions & {
  readonly background: Db
  readonly executor: () => Executor | undefined
  readonly held: HeldRuns
  readonly admission: Admission
  readonly dispatch: Dispatch
  /** Runs that others may follow are here now. */
  readonly onTaken: () => void
}

/**
 * @returns a function that takes runs up once, and tells whether there may be more; `lost` is whether runs that their
 *   owner may have lost may be taken
 */
export function createTaker(deps: TakerDeps): (lost: boolean) => Promise<boolean> {
  const { held, admission, dispatch } = deps
  return async (lost) => {
    const executor = deps.executor()
    if (executor === undefined) return false
    // The revision that they are claimed for goes on with them, whatever is loaded meanwhile.
    const release = executor.retain()
    const claim = (limit: number) =>
      claimRuns(deps.background, {
        owner: deps.replicaId,
        leaseMs: deps.leaseMs,
        limit,
        backgroundLimit: Math.max(0, deps.maxBackgroundRuns - held.background()),
        components: executor.agents.map(({ id }) => ({ type: 'agent', id })),
        held: held.all().map(({ runId }) => runId),
        lost,
        revision: executor.revision,
        unlessTakenWithinMs: deps.maxBackgroundRuns === 0 ? ALIVE_MS : undefined,
      })
    try {
      return await admission.claim(claim, async (claimed) => {
        await dispatch.take(claimed, executor)
        deps.onTaken()
      })
    } finally {
      release()
    }
  }
}
