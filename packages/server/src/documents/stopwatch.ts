/**
 * Measures how long something works, with pauses, and says when that was too long.
 * @module
 */
import type { Clock } from '../base/clock.ts'

export type Stopwatch = {
  readonly run: () => void
  readonly pause: () => void
}

/** @param limitMs time that it may run in all, in milliseconds; then `onLimit` is called, once */
export function createStopwatch(clock: Clock, limitMs: number, onLimit: () => void): Stopwatch {
  let left = limitMs
  let since = 0
  let timer: NodeJS.Timeout | undefined
  return {
    run: () => {
      if (timer !== undefined) return
      since = clock.monotonic()
      timer = setTimeout(onLimit, Math.max(0, left))
    },
    pause: () => {
      if (timer === undefined) return
      clearTimeout(timer)
      timer = undefined
      left -= clock.monotonic() - since
    },
  }
}
