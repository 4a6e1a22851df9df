/**
 * What is told about the agents: the state of the latest revision that was tried, and why it is not served if it is not.
 * @module
 */
import { backoffMs } from '../base/backoff.ts'
import type { Clock } from '../base/clock.ts'
import type { FileReport } from '../base/runnable.ts'
import type { Log } from '../telemetry/log.ts'
import type { Attempt } from './attempt.ts'

export type LoadState = 'loading' | 'ready' | 'failed' | 'empty'

export type ConditionNow = {
  /** The revision that the path names; null when it names none. */
  readonly desired: string | null
  readonly state: LoadState
  readonly error: string | null
  readonly files: readonly FileReport[]
}

type Trouble = { readonly revision: string | null; readonly error: string; readonly files: readonly FileReport[] }

export type Condition = {
  readonly now: () => ConditionNow
  readonly loading: (revision: string) => void
  readonly fail: (trouble: Trouble) => void
  /** Nothing to serve: no failure, unless something serves and would be taken away. */
  readonly empty: (trouble: Trouble) => void
  readonly take: (attempt: Exclude<Attempt, { type: 'moved' }>) => void
}

/** @param serving the revision that serves */
export function createCondition(log: Log, serving: () => string | undefined): Condition {
  let now: ConditionNow = { desired: null, state: 'loading', error: null, files: [] }

  const fail = ({ revision, error, files }: Trouble) => {
    const isNews = now.error !== error
    now = { desired: revision, state: 'failed', error, files }
    if (isNews) log.error('the agents did not load', { revision, reason: error, still_serving: serving() ?? null })
  }
  const empty = ({ revision, error, files }: Trouble) => {
    if (serving() !== undefined) return fail({ revision, error, files })
    const isNews = now.error !== error
    now = { desired: revision, state: 'empty', error, files }
    if (isNews) log.warn('there are no agents to serve', { reason: error })
  }
  const be = (files: readonly FileReport[]) => {
    now = { desired: serving() ?? null, state: 'ready', error: null, files }
  }
  return {
    now: () => now,
    loading: (revision) => {
      // A failed revision that is tried again stays failed until it is not.
      if (now.desired !== revision) now = { desired: revision, state: 'loading', error: null, files: now.files }
    },
    fail,
    empty,
    take: (attempt) => {
      switch (attempt.type) {
        case 'same': {
          const hasRecovered = now.state === 'failed'
          be(attempt.files)
          if (hasRecovered) log.info('the agents are again what is loaded', { revision: serving() })
          return undefined
        }
        case 'ready': {
          const { revision, manifest } = attempt.generation
          be(manifest.files)
          return log.info('the agents are loaded', { revision, agents: manifest.agents.map(({ id }) => id) })
        }
        case 'empty':
          return empty(attempt)
        case 'failed':
          return fail(attempt)
      }
    },
  }
}

/** A revision that failed is tried again, because what it needs while it loads may be back: bounds in milliseconds. */
const RETRY_BACKOFF = { baseMs: 10_000, maxMs: 300_000 }

export type Retry = {
  readonly isDue: () => boolean
  /** Notes how an attempt ended. */
  readonly note: (hasFailed: boolean) => void
}

export function createRetry(clock: Clock): Retry {
  let failures = 0
  let dueAt = Infinity
  return {
    isDue: () => clock.monotonic() >= dueAt,
    note: (hasFailed) => {
      dueAt = hasFailed ? clock.monotonic() + backoffMs(RETRY_BACKOFF, failures, 1) : Infinity
      failures = hasFailed ? failures + 1 : 0
    },
  }
}
