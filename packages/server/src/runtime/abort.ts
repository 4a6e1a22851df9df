/**
 * Waiting that ends when a signal aborts, whether or not the work takes notice.
 * @module
 */

/**
 * Settles as `work` does, or rejects with the signal's reason as soon as it aborts. The work is then abandoned:
 * `onLate` hears how it ended after all.
 * @throws the signal's reason when it aborts
 */
export function untilAborted<T>(
  work: PromiseLike<T>,
  signal: AbortSignal,
  onLate?: (outcome: { readonly value: T } | { readonly error: unknown }) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const abandon = () => reject(signal.reason as Error)
    if (signal.aborted) abandon()
    else signal.addEventListener('abort', abandon, { once: true })
    const settle = (outcome: { readonly value: T } | { readonly error: unknown }) => {
      signal.removeEventListener('abort', abandon)
      if (signal.aborted) onLate?.(outcome)
      if ('error' in outcome) reject(outcome.error)
      else resolve(outcome.value)
    }
    work.then(
      (value) => settle({ value }),
      (error: unknown) => settle({ error }),
    )
  })
}
