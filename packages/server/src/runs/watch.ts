/**
 * What a replica looks at again and again: runs to take up, leases to keep, cancels, and runs that nobody takes. Hints of
 * other replicas make it look at once.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import type { Log } from '../telemetry/log.ts'
import type { Asides } from './asides.ts'
import { createClaims } from './claims.ts'
import type { Endings } from './endings.ts'
import { keepLeases } from './leases.ts'
import { createTaker, type TakerDeps, type TakerOptions } from './taker.ts'

export type WatchOptions = TakerOptions & {
  /** Milliseconds between two looks for runs to take up. */
  readonly queuePollMs: number
  /** Milliseconds a run may wait for a replica before it fails. */
  readonly queueTimeoutMs: number
}

export type WatchDeps = Omit<TakerDeps, keyof TakerOptions> & {
  readonly clock: Clock
  readonly ids: Ids
  readonly log: Log
  readonly endings: Endings
  readonly asides: Asides
  readonly onHint: (listener: (topic: string) => void) => () => void
}

export type Watch = {
  /** There may be runs to take up: looks now. */
  readonly poke: () => void
  /** Takes nothing up from now on; resolves when what was claimed has been taken up. Leases are kept. */
  readonly shut: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Longest time between two looks for runs that nobody takes, in milliseconds. */
const OVERDUE_CHECK_MS = 60_000

export function keepWatch(options: WatchOptions, deps: WatchDeps): Watch {
  const { clock, ids, log, held, endings } = deps
  const claims = createClaims(
    { pollMs: options.queuePollMs, leaseMs: options.leaseMs },
    { log, clock, random: () => randomFraction(ids), takeUp: createTaker({ ...deps, ...options }) },
  )
  const leases = keepLeases(deps.background, options, log, {
    held: held.all,
    onCancelRequested: ({ runId }) => void held.cancel(runId),
    onLost(run) {
      const ids = { run_id: run.runId, trace_id: run.traceId }
      log.warn("a run is no longer this replica's: its lease had run out", ids)
      held.drop(run)
    },
    onTrouble: claims.mistrust,
  })
  const stopHints = deps.onHint((topic) => {
    if (topic === 'queue') claims.poke()
    if (topic === 'cancel') leases.renew()
  })
  const overdue = setInterval(
    () => {
      // The owners of lost runs may only have lost sight of the database, as this replica has.
      if (claims.isTrusting()) deps.asides.add(endings.endOverdue(options.queueTimeoutMs))
    },
    Math.min(OVERDUE_CHECK_MS, options.queueTimeoutMs / 2),
  )

  function shut(): Promise<void> {
    clearInterval(overdue)
    return claims.stop()
  }

  return {
    poke: claims.poke,
    shut,
    async close() {
      stopHints()
      await Promise.all([shut(), leases.close()])
    },
  }
}
