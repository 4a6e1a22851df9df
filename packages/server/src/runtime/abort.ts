/**
 * Waiting that ends when a signal aborts, whether or not the work takes notice.
 * @module
 */

/**
 * Settles as `work` does, unless the signal aborts first: the work is then abandoned, and `onLate` hears of its end.
 * @throws the signal's reason when it aborts
 */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal, onLate?: () => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason as Error)
    if (signal.aborted) abandon()
    else signal.addEventListener('abort', abandon, { once: true })
    const settle = () => {
      signal.removeEventListener('abort', abandon)
      if (signal.aborted) onLate?.()
      else resolve(work)
    }
    work.then(settle, settle)
  })
}
