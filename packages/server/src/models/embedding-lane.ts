/**
 * Calls to one provider, so many at a time and no faster than it allows: when it limits their rate, all of them wait as
 * long as it asks, not only the one that was told.
 * Invariant: a place that was taken is given back, however its call ends.
 * @module
 */
import { backoffMs, sleep } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import { ModelError } from './model.ts'

export type LaneLimits = {
  /** Calls at once. */
  readonly concurrency: number
  /** Tries after the first. */
  readonly retries: number
  /** Longest wait before a try, in milliseconds; a provider that asks for more has failed. */
  readonly maxWaitMs: number
}

export type Lane = {
  /**
   * Makes the call when it is its turn, and again after failures that may pass.
   * @throws {ModelError} of the last try; the signal's reason when it aborts
   */
  readonly run: <T>(call: () => Promise<T>, signal: AbortSignal) => Promise<T>
}

/** @param random a number from 0 (inclusive) to 1 (exclusive) */
export function createLane(limits: LaneLimits, { clock, random }: { clock: Clock; random: () => number }): Lane {
  const { concurrency, retries, maxWaitMs } = limits
  let free = concurrency
  const waiting = new Set<() => void>()
  /** Monotonic milliseconds before which no call begins. */
  let opensAt = 0

  const enter = async (signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted()
    if (free > 0) return void free--
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = () => {
      waiting.delete(resolve)
      reject(signal.reason as Error)
    }
    waiting.add(resolve)
    signal.addEventListener('abort', leave, { once: true })
    await promise.finally(() => signal.removeEventListener('abort', leave))
  }
  const exit = () => {
    const [next] = waiting
    if (next === undefined) return void free++
    waiting.delete(next)
    next()
  }
  const waitForOpening = async (signal: AbortSignal): Promise<void> => {
    for (let ms = opensAt - clock.monotonic(); ms > 0; ms = opensAt - clock.monotonic()) await sleep(ms, signal)
  }

  return {
    run: async (call, signal) => {
      await enter(signal)
      try {
        for (let attempt = 0; ; attempt++) {
          await waitForOpening(signal)
          try {
            return await call()
          } catch (error) {
            signal.throwIfAborted()
            if (!(error instanceof ModelError) || !error.retryable || attempt >= retries) throw error
            const waitMs = error.retryAfterMs ?? backoffMs({ baseMs: 500, maxMs: maxWaitMs }, attempt, random())
            if (waitMs > maxWaitMs) throw error
            if (error.code === 'MODEL_RATE_LIMITED') opensAt = Math.max(opensAt, clock.monotonic() + waitMs)
            await sleep(waitMs, signal)
          }
        }
      } finally {
        exit()
      }
    },
  }
}
