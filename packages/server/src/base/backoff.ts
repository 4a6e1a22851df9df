/**
 * Exponential backoff with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 * @module
 */
export type Backoff = {
  /** Upper bound of the first delay, in milliseconds. */
  readonly baseMs: number
  /** Upper bound of any delay, in milliseconds. */
  readonly maxMs: number
}

/**
 * @param attempt 0 for the delay after the first failure
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 * @returns milliseconds to wait: uniform between half of the bound and the bound, where the bound doubles per attempt
 */
export function backoffMs({ baseMs, maxMs }: Backoff, attempt: number, random: number): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.max(0, attempt))
  return Math.round(bound / 2 + (bound / 2) * random)
}

/**
 * Waits, unless `signal` aborts first.
 * @throws the signal's reason when it aborts
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal?.reason as Error)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
