/**
 * When to look at the schedules: with the next tick, and at most so long after the last look. A look that fails is told
 * once, and the next one comes all the same.
 * @module
 */
import { type Ids, randomFraction } from '../base/ids.ts'
import type { ScheduleWork } from '../storage/schedules/schedule-queue.ts'
import type { Log } from '../telemetry/log.ts'

export type Rhythm = {
  readonly start: () => void
  readonly isStopped: () => boolean
  /** Resolves when the look that is under way is over. */
  readonly stop: () => Promise<void>
}

export type RhythmDeps = {
  /** Looks once, and tells what there was to do. */
  readonly look: () => Promise<ScheduleWork>
  /** Longest time between two looks, in milliseconds. */
  readonly pollMs: number
  readonly ids: Ids
  readonly log: Log
}

/** How much later than the tick to look, at most, in milliseconds: the others look too. */
const JITTER_MS = 20

export function createRhythm({ look, pollMs, ids, log }: RhythmDeps): Rhythm {
  let isStopped = false
  let isTroubled = false
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined

  async function lookAndWait(): Promise<void> {
    let waitMs = pollMs
    try {
      waitMs = waitOf(await look(), pollMs)
      if (isTroubled) log.info('schedules are looked at again')
      isTroubled = false
    } catch (error) {
      if (!isTroubled) log.warn('schedules could not be looked at, trying again', { error })
      isTroubled = true
    }
    if (!isStopped) timer = setTimeout(begin, waitMs + randomFraction(ids) * JITTER_MS)
  }

  function begin(): void {
    looking = lookAndWait()
  }

  return {
    start: begin,
    isStopped: () => isStopped,
    async stop() {
      isStopped = true
      clearTimeout(timer)
      await looking
    },
  }
}

/** Until the next thing is due. What is due and still there is somebody else's, or has to wait: it is looked at later. */
function waitOf({ untilTickMs, untilPendingMs }: ScheduleWork, pollMs: number): number {
  const times = [untilTickMs ?? 0, untilPendingMs ?? 0].filter((ms) => ms > 0)
  return Math.min(pollMs, ...times)
}
