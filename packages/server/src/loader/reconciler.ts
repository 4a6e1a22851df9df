/**
 * When to reconcile: soon after a hint, after every poll that finds a difference, now when asked. One at a time, and a
 * request that comes during one is followed by another, so the last state of the world is always seen.
 * @module
 */
import type { Clock } from '../base/clock.ts'

export type ReconcilerOptions = {
  /** Quiet time after a hint, in milliseconds. */
  readonly debounceMs: number
  readonly pollMs: number
  readonly clock: Clock
  /** Brings the world in line with what is desired. Must not reject. */
  readonly reconcile: (isForced: boolean) => Promise<void>
  /** Whether a reconcile would do something; a cheap look. Must not reject. */
  readonly hasChanged: () => Promise<boolean>
}

export type Reconciler = {
  /** Something may have changed. */
  readonly hint: () => void
  /** Reconciles at once. Resolves when a reconcile that began after this call has ended. */
  readonly now: () => Promise<void>
  /** No hints and polls from now on; {@link now} still works. */
  readonly pause: () => void
  /** Stops, and waits for the one under way. */
  readonly close: () => Promise<void>
}

/** A folder that never comes to rest is reconciled after this many times the quiet time anyway. */
const MAX_DEBOUNCES = 5

export function createReconciler({ debounceMs, pollMs, clock, reconcile, hasChanged }: ReconcilerOptions): Reconciler {
  let current: Promise<void> | undefined
  let following: Promise<void> | undefined
  let isFollowingForced = false
  let debounce: NodeJS.Timeout | undefined
  let poll: NodeJS.Timeout | undefined
  let firstHint: number | undefined
  let isPaused = false

  const run = (isForced: boolean): Promise<void> => {
    if (current === undefined) {
      current = reconcile(isForced).finally(() => {
        current = undefined
      })
      return current
    }
    isFollowingForced ||= isForced
    following ??= current.then(() => {
      following = undefined
      const forced = isFollowingForced
      isFollowingForced = false
      return run(forced)
    })
    return following
  }
  const hint = () => {
    if (isPaused) return
    firstHint ??= clock.monotonic()
    const left = firstHint + debounceMs * MAX_DEBOUNCES - clock.monotonic()
    clearTimeout(debounce)
    debounce = setTimeout(
      () => {
        firstHint = undefined
        void run(false)
      },
      Math.max(0, Math.min(debounceMs, left)),
    )
  }
  const look = async () => {
    if (current === undefined && firstHint === undefined && (await hasChanged())) hint()
    if (!isPaused) schedulePoll()
  }
  const schedulePoll = () => {
    poll = setTimeout(() => void look(), pollMs)
  }
  const pause = () => {
    isPaused = true
    clearTimeout(debounce)
    clearTimeout(poll)
  }
  schedulePoll()
  return {
    hint,
    now: () => {
      clearTimeout(debounce)
      firstHint = undefined
      return run(true)
    },
    pause,
    close: async () => {
      pause()
      await following
      await current
    },
  }
}
