/**
 * One reconcile: looks, tries what it sees until it holds still, and remembers what needs no further look.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Attempt } from './attempt.ts'
import { type Condition, createRetry } from './condition.ts'
import type { ReconcilerOptions } from './reconciler.ts'
import type { Loaded } from './serving.ts'
import type { Look, NoSight, Sight } from './sight.ts'

export type PursuitOptions = {
  readonly look: Look
  readonly condition: Condition
  readonly clock: Clock
  /** Aborts when nothing must be loaded any more. */
  readonly signal: AbortSignal
  readonly onSight: (sight: Sight) => void
  readonly attempt: (sight: Sight) => Promise<Attempt>
  readonly replace: (loaded: Loaded) => void
  /** An attempt came to something. */
  readonly onAttempt: (type: 'ready' | 'failed' | 'empty') => void
}

/** Attempts on a folder that changes while it is read; then the next change or poll goes on. */
const MAX_ATTEMPTS = 10

export function createPursuit(options: PursuitOptions): Pick<ReconcilerOptions, 'reconcile' | 'hasChanged'> {
  const { look, condition, clock, signal, onSight, attempt, replace } = options
  const retry = createRetry(clock)
  /** What the last reconcile dealt with, whatever came of it; undefined when it has to be looked at again. */
  let settled: string | undefined

  const pursue = async (isForced: boolean): Promise<'settled' | 'moved'> => {
    const sight = await look.see()
    if ('location' in sight) onSight(sight)
    if (!isForced && !retry.isDue() && sight.identity === settled) return 'settled'
    settled = undefined
    if ('missing' in sight) {
      condition.empty({ revision: null, error: sight.missing, files: [] })
    } else {
      const outcome = await attempt(sight)
      if (outcome.type === 'moved') return 'moved'
      if (outcome.type === 'ready') replace(outcome)
      if (!signal.aborted) condition.take(outcome)
      if (outcome.type !== 'same' && !signal.aborted) options.onAttempt(outcome.type)
    }
    retry.note(condition.now().state === 'failed')
    settled = settledIdentity(sight, await look.see())
    return 'settled'
  }
  return {
    reconcile: async (isForced) => {
      try {
        for (let count = 0; count < MAX_ATTEMPTS && !signal.aborted; count++) {
          if ((await pursue(isForced)) === 'settled') return
        }
      } catch (error) {
        settled = undefined
        condition.fail({ revision: null, error: error instanceof Error ? error.message : String(error), files: [] })
      }
    },
    hasChanged: async () => {
      if (retry.isDue() || settled === undefined) return true
      return look.see().then(
        ({ identity }) => identity !== settled,
        () => true,
      )
    },
  }
}

/** Identity that needs no further look: none when it changed while it was dealt with. */
function settledIdentity(before: Sight | NoSight, after: Sight | NoSight): string | undefined {
  const isSame =
    'location' in before && 'location' in after ? before.base === after.base : before.identity === after.identity
  return isSame ? after.identity : undefined
}
