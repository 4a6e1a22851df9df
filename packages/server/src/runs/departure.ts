/**
 * How the runs of a replica leave when it stops: first they may end, then they are asked to stop between two steps, and
 * what is left is given away, to be recovered by whoever takes it up.
 * @module
 */
import { sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Admission } from './admission.ts'
import type { EventLog } from './event-log.ts'
import type { HeldRuns } from './held-runs.ts'
import type { RunStore } from './store.ts'

export type DepartureDeps = {
  readonly clock: Clock
  readonly admission: Admission
  readonly held: HeldRuns
  readonly eventLog: EventLog
  readonly store: RunStore
}

/** How often it is looked whether runs have left, in milliseconds. */
const POLL_MS = 20
/** The share of the drain time that runs have to end by themselves, before they are asked to stop between two steps. */
const FINISH_SHARE = 0.6
/** How long runs that are just being accepted, or just ending, are waited for, in milliseconds. */
const ARRIVAL_MS = 4000

/**
 * Resolves when nothing is left, or at the deadline.
 * @param deadlineMs milliseconds from now
 * @param signal ends it early
 */
export async function drainRuns(deps: DepartureDeps, deadlineMs: number, signal: AbortSignal): Promise<void> {
  const begun = deps.clock.monotonic()
  await untilGone(deps, begun + deadlineMs * FINISH_SHARE, signal)
  deps.held.handOver()
  await untilGone(deps, begun + deadlineMs, signal)
}

async function untilGone(deps: DepartureDeps, deadline: number, signal: AbortSignal): Promise<void> {
  while (!hasGone(deps) && deps.clock.monotonic() < deadline && !signal.aborted) await sleep(POLL_MS)
}

/**
 * Gives away what is left, and what comes in meanwhile.
 * @returns how many runs that were
 * @throws {AgentOSError} DATABASE_UNAVAILABLE; their leases run out then, with the same effect
 */
export async function releaseRuns(deps: DepartureDeps): Promise<number> {
  const deadline = deps.clock.monotonic() + ARRIVAL_MS
  let given = await giveAway(deps)
  while (!hasGone(deps) && deps.clock.monotonic() < deadline) {
    await sleep(POLL_MS)
    given += await giveAway(deps)
  }
  return given
}

/** Runs whose end is being stored are left to end. */
async function giveAway({ held, eventLog, store }: DepartureDeps): Promise<number> {
  await eventLog.flush()
  const left = held.all().filter(({ isEnding }) => !isEnding())
  const ids = left.map(({ runId }) => runId)
  await store.release(ids, { lost: false })
  for (const run of left) held.drop(run)
  return left.length
}

function hasGone({ held, admission }: DepartureDeps): boolean {
  return held.size() === 0 && admission.isIdle()
}
