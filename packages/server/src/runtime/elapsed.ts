/**
 * Durations as results and events carry them.
 * @module
 */
import type { Clock } from '../base/clock.ts'

/** Milliseconds since `started` on the monotonic clock, to the microsecond. */
export function elapsedMs(clock: Clock, started: number): number {
  return Math.round((clock.monotonic() - started) * 1000) / 1000
}
