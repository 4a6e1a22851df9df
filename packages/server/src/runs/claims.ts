/**
 * Takes up runs that wait, and runs whose replica is gone: looks when somebody says that there is one, and every
 * `pollMs` whatever anybody says. Only the database decides who gets a run.
 *
 *   idle -- poke, or the poll --> looking -- got as many as it asked for --> looking
 *                                         -- fewer --> idle
 *
 * A look passes over a run whose row is locked in that moment, by a follower for example. So after a poke it looks again
 * soon, once.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'

export type ClaimsOptions = {
  /** Milliseconds between two looks. */
  readonly pollMs: number
  readonly leaseMs: number
}

export type ClaimsDeps = {
  readonly log: Log
  readonly clock: Clock
  /** 0 to 1, for jitter: replicas should not all look at once. */
  readonly random: () => number
  /**
   * Claims what there is room for and takes it up.
   * @param lost whether runs that their owner may have lost may be taken
   * @returns whether there may be more
   */
  readonly takeUp: (lost: boolean) => Promise<boolean>
}

/** Wait for the second look after a poke, in milliseconds. */
const SOON_MS = 100

export type Claims = {
  /** There may be something to claim: looks now. */
  readonly poke: () => void
  /**
   * The database was away, or this process stood still: leases of living replicas may have run out. They get one lease
   * of time to renew them before anybody is taken for dead.
   */
  readonly mistrust: () => void
  /** Whether a lease that has run out says that its owner is dead. */
  readonly isTrusting: () => boolean
  /** Claims nothing from now on; resolves when what was claimed has been taken up. */
  readonly stop: () => Promise<void>
}

export function createClaims({ pollMs, leaseMs }: ClaimsOptions, deps: ClaimsDeps): Claims {
  const { clock } = deps
  let stopped = false
  let working: Promise<void> | undefined
  let again = false
  let timer: NodeJS.Timeout | undefined
  let waitMs = pollMs
  let trustAt = -Infinity
  let lookedAt = clock.now()

  function mistrust(): void {
    trustAt = clock.monotonic() + leaseMs
  }

  function isTrusting(): boolean {
    return clock.monotonic() >= trustAt
  }

  function poke(): void {
    waitMs = SOON_MS
    begin()
  }

  function begin(): void {
    if (stopped) return
    again = true
    working ??= work()
  }

  async function work(): Promise<void> {
    clearTimeout(timer)
    while (again && !stopped) {
      again = false
      try {
        again = (await look()) || again
      } catch (error) {
        deps.log.warn('waiting runs could not be claimed, trying again', { error })
        mistrust()
      }
    }
    working = undefined
    if (stopped) return
    timer = setTimeout(begin, Math.min(waitMs, pollMs) * (0.75 + deps.random() / 2))
    waitMs = pollMs
  }

  async function look(): Promise<boolean> {
    // Longer than any wait of ours: the whole machine may have slept, and the other replicas with it. The monotonic clock
    // stands still meanwhile.
    if (Math.abs(clock.now() - lookedAt) > pollMs * 2 + leaseMs / 2) mistrust()
    lookedAt = clock.now()
    return deps.takeUp(isTrusting())
  }

  begin()
  return {
    poke,
    mistrust,
    isTrusting,
    async stop() {
      stopped = true
      clearTimeout(timer)
      await working
    },
  }
}
