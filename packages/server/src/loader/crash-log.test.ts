import { describe, expect, test } from 'vitest'
import { createRetry } from './condition.ts'
import { createCrashLog } from './crash-log.ts'
import { keepLog } from './test-folder.ts'

/** A clock that stands still until it is moved. */
function manualClock() {
  let now = 1_000
  return { now: () => now, monotonic: () => now, advance: (ms: number) => (now += ms) }
}

describe('ends of a worker', () => {
  test('a single one is followed at once, more of them ever later', () => {
    const crashes = createCrashLog(manualClock(), keepLog().log, 'r')
    const waits = Array.from({ length: 8 }, () => {
      crashes.note('it exited', 0)
      return crashes.waitMs()
    })
    expect(waits).toEqual([0, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000])
  })

  test('are told one by one', () => {
    let told = 0
    const crashes = createCrashLog(manualClock(), keepLog().log, 'r', () => told++)
    for (const reason of ['one', 'two']) crashes.note(reason, 0)
    expect(told).toBe(2)
  })

  test('three within a minute are a loop, which ends when they are a minute old', () => {
    const clock = manualClock()
    const { log, entries } = keepLog()
    const crashes = createCrashLog(clock, log, 'r')
    crashes.note('one', 0)
    clock.advance(61_000)
    crashes.note('two', 0)
    crashes.note('three', 0)
    expect(crashes.isLoop()).toBe(false)
    crashes.note('four', 2)
    expect(crashes.problem()).toBe('its worker ended 3 times within a minute, last because four')
    expect(entries.at(-1)).toEqual({
      level: 'error',
      message: 'the worker of a revision keeps ending',
      fields: { revision: 'r', reason: 'four', ends_within_a_minute: 3, lost_runs: 2 },
    })
    clock.advance(61_000)
    expect(crashes.problem()).toBe(undefined)
    expect(crashes.waitMs()).toBe(0)
  })
})

test('a revision that failed is due again after 10 s, then ever later, at most 5 minutes', () => {
  const clock = manualClock()
  const retry = createRetry(clock)
  const waits = Array.from({ length: 7 }, () => {
    retry.note(true)
    let waited = 0
    while (!retry.isDue()) waited += clock.advance(1_000) > 0 ? 1 : 0
    return waited
  })
  expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300])
  retry.note(false)
  clock.advance(1e9)
  expect(retry.isDue()).toBe(false)
})
