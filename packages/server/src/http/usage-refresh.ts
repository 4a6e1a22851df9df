/**
 * The refresh of the usage that somebody asked for on this replica: one at a time, and what became of the last one.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Log } from '../telemetry/log.ts'

export type RefreshState = {
  readonly status: 'idle' | 'running' | 'completed' | 'failed'
  /** Milliseconds since the epoch. */
  readonly startedAt: number | null
  readonly finishedAt: number | null
  readonly error: string | null
}

export type UsageRefresh = {
  readonly state: () => RefreshState
  /** @returns undefined when one is under way already */
  readonly start: <T>(work: () => Promise<T>) => Promise<T> | undefined
}

export function createUsageRefresh({ clock, log }: { readonly clock: Clock; readonly log: Log }): UsageRefresh {
  let state: RefreshState = { status: 'idle', startedAt: null, finishedAt: null, error: null }

  async function watch<T>(work: () => Promise<T>): Promise<T> {
    try {
      const result = await work()
      state = { ...state, status: 'completed', finishedAt: clock.now() }
      return result
    } catch (error) {
      log.warn('the usage could not be added up', { error })
      state = { ...state, status: 'failed', finishedAt: clock.now(), error: 'The usage could not be added up' }
      throw error
    }
  }

  return {
    state: () => state,
    start(work) {
      if (state.status === 'running') return undefined
      state = { status: 'running', startedAt: clock.now(), finishedAt: null, error: null }
      return watch(work)
    },
  }
}
