/**
 * How often a generation's worker has ended by itself lately, and what follows: the wait before it starts again, and
 * from when on that is a loop.
 * @module
 */
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'

export type CrashLog = {
  readonly note: (reason: string, lostRuns: number) => void
  /** Ends within the last minute. */
  readonly count: () => number
  readonly isLoop: () => boolean
  /** Milliseconds to wait before the next start: none after a single end. */
  readonly waitMs: () => number
  /** The loop in words; undefined when there is none. */
  readonly problem: () => string | undefined
}

const WINDOW_MS = 60_000
/** So many ends within the window are a loop. */
const LOOP = 3
const BACKOFF = { baseMs: 500, maxMs: 10_000 }

/** @param onEnd hears of every end */
export function createCrashLog(clock: Clock, log: Log, revision: string, onEnd = () => {}): CrashLog {
  let times: readonly number[] = []
  let lastReason = ''
  const count = () => {
    times = times.filter((at) => at > clock.monotonic() - WINDOW_MS)
    return times.length
  }
  const isLoop = () => count() >= LOOP
  return {
    count,
    isLoop,
    note: (reason, lostRuns) => {
      times = [...times, clock.monotonic()]
      lastReason = reason
      onEnd()
      const text = isLoop() ? 'the worker of a revision keeps ending' : 'the worker of a revision ended by itself'
      log.error(text, { revision, reason, ends_within_a_minute: count(), lost_runs: lostRuns })
    },
    // One worker waits here, so there is no crowd to spread.
    waitMs: () => (count() <= 1 ? 0 : backoffMs(BACKOFF, count() - 2, 1)),
    problem: () =>
      isLoop() ? `its worker ended ${count()} times within a minute, last because ${lastReason}` : undefined,
  }
}
