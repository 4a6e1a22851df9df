/**
 * Long synchronous work in short turns, so that the event loop it runs on stays responsive.
 * @module
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../base/clock.ts'

/** Longest stretch of work without a turn of the event loop, in milliseconds. */
const TURN_MS = 2

export type Pacer = {
  /** Undefined while the turn has time left, else a promise of the next: await it between two pieces of work. */
  readonly pause: () => Promise<void> | undefined
}

export function createPacer(clock: Clock): Pacer {
  let started = clock.monotonic()
  return {
    pause: () => {
      if (clock.monotonic() - started < TURN_MS) return undefined
      return nextTurn().then(() => {
        started = clock.monotonic()
      })
    },
  }
}
