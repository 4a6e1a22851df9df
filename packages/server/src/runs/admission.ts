/**
 * Room for runs: how many this replica has, how many are on their way in, and who has to wait or to go elsewhere.
 * Invariant: there are never more runs than `maxRuns`.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { ClaimedRun } from '../storage/runs/runs.ts'
import type { HeldRuns } from './held-runs.ts'

export type Admission = {
  /** How many more runs could run now. */
  readonly room: () => number
  /** Whether neither requests nor claims are underway. */
  readonly isIdle: () => boolean
  /**
   * Keeps a place for a run while it is being stored.
   * @param isBackground whether the run waits for its turn, so that there need not be room for it now
   * @throws {AgentOSError} TOO_MANY_RUNS, DRAINING; what `work` throws
   */
  readonly accept: <T>(isBackground: boolean, work: () => Promise<T>) => Promise<T>
  /**
   * Claims at most as many runs as there is room for, and keeps their places until each was taken. One at a time.
   * @param claim gets the most runs to claim, 1 or more
   * @returns whether there may be more
   */
  readonly claim: (
    claim: (limit: number) => Promise<readonly ClaimedRun[]>,
    take: (claimed: ClaimedRun) => Promise<void>,
  ) => Promise<boolean>
  /** Accepts nothing from now on. */
  readonly shut: () => void
}

/** Most runs that one look takes up. */
const CLAIM_BATCH = 20

/** @param held the runs that are here already */
export function createAdmission(maxRuns: number, held: Pick<HeldRuns, 'size' | 'get'>): Admission {
  /** Claimed, and not here yet. */
  const arriving = new Set<string>()
  let looking: Promise<readonly ClaimedRun[]> | undefined
  let requests = 0
  let places = 0
  let isOpen = true

  const arrivals = () => [...arriving].filter((runId) => held.get(runId) === undefined).length
  const room = () => maxRuns - held.size() - places - arrivals()

  async function takePlace(): Promise<void> {
    // A look for waiting runs may take the last places: its answer is waited for rather than guessed.
    while (looking !== undefined && room() > 0 && room() <= CLAIM_BATCH) await looking.catch(() => undefined)
    if (!isOpen) throw new AgentOSError('DRAINING', 'This replica is stopping')
    if (room() <= 0) throw new AgentOSError('TOO_MANY_RUNS', `This replica runs ${maxRuns} runs already`)
    places++
  }

  async function acceptRun<T>(work: () => Promise<T>): Promise<T> {
    await takePlace()
    try {
      return await work()
    } finally {
      places--
    }
  }

  return {
    room,
    isIdle: () => requests === 0 && looking === undefined && arriving.size === 0,
    async accept(isBackground, work) {
      if (!isOpen) throw new AgentOSError('DRAINING', 'This replica is stopping')
      requests++
      try {
        return await (isBackground ? work() : acceptRun(work))
      } finally {
        requests--
      }
    },
    async claim(claim, take) {
      const limit = Math.min(CLAIM_BATCH, room())
      if (limit <= 0) return false
      try {
        looking = claim(limit)
        const claimed = await looking
        for (const { run } of claimed) arriving.add(run.runId)
        looking = undefined
        await Promise.all(claimed.map((run) => take(run).finally(() => arriving.delete(run.run.runId))))
        return claimed.length === limit
      } finally {
        looking = undefined
      }
    },
    shut: () => void (isOpen = false),
  }
}
