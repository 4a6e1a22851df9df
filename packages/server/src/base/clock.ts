/**
 * The process clock, injected wherever time is read. Leases never use it: only the database clock decides those.
 * @module
 */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  readonly monotonic: () => number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
