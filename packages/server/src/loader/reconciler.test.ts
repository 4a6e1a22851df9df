import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createReconciler, type ReconcilerOptions } from './reconciler.ts'
import { until } from './test-folder.ts'

/** A reconciler that counts, and whose work takes as long as it is told. */
function open(options: Partial<ReconcilerOptions> = {}) {
  const runs: { forced: boolean; at: number }[] = []
  let underWay = 0
  let mostUnderWay = 0
  const reconciler = createReconciler({
    debounceMs: 20,
    pollMs: 100_000,
    clock: systemClock,
    hasChanged: () => Promise.resolve(false),
    reconcile: async (forced) => {
      runs.push({ forced, at: performance.now() })
      mostUnderWay = Math.max(mostUnderWay, ++underWay)
      await delay(30)
      underWay--
    },
    ...options,
  })
  return { ...reconciler, runs, most: () => mostUnderWay, [Symbol.asyncDispose]: reconciler.close }
}

describe('hints', () => {
  test('many in a short time are one reconcile, after the quiet time', async () => {
    // Long beside what a busy machine puts between two hints.
    const debounceMs = 150
    await using reconciler = open({ debounceMs })
    const start = performance.now()
    for (let count = 0; count < 5; count++) {
      reconciler.hint()
      await delay(5)
    }
    await until(() => reconciler.runs.length === 1)
    expect(reconciler.runs[0]!.at - start).toBeGreaterThan(debounceMs + 15)
    await delay(debounceMs + 50)
    expect(reconciler.runs).toHaveLength(1)
  })

  test('that never stop are reconciled all the same', async () => {
    await using reconciler = open()
    const timer = setInterval(reconciler.hint, 5)
    await until(() => reconciler.runs.length >= 2, 1_000)
    clearInterval(timer)
    expect(reconciler.most()).toBe(1)
  })

  test('after pause they are ignored', async () => {
    await using reconciler = open({ pollMs: 10, hasChanged: () => Promise.resolve(true) })
    reconciler.pause()
    reconciler.hint()
    await delay(100)
    expect(reconciler.runs).toEqual([])
  })
})

describe('now', () => {
  test('resolves after a reconcile that began after the call, however many call', async () => {
    await using reconciler = open()
    const first = reconciler.now()
    await delay(5)
    const called = performance.now()
    await Promise.all([reconciler.now(), reconciler.now(), reconciler.now()])
    await first
    expect(reconciler.runs).toHaveLength(2)
    expect(reconciler.runs[1]!.at).toBeGreaterThan(called)
    expect(reconciler.most()).toBe(1)
  })

  test('during an unforced one, the following one is forced', async () => {
    await using reconciler = open({ debounceMs: 0 })
    reconciler.hint()
    await until(() => reconciler.runs.length === 1)
    await reconciler.now()
    expect(reconciler.runs.map(({ forced }) => forced)).toEqual([false, true])
  })
})

test('a poll that finds a change is a hint', async () => {
  let hasChanged = false
  await using reconciler = open({ pollMs: 10, hasChanged: () => Promise.resolve(hasChanged) })
  await delay(60)
  expect(reconciler.runs).toEqual([])
  hasChanged = true
  await until(() => reconciler.runs.length > 0)
  hasChanged = false
})

test('close waits for the one under way', async () => {
  let isDone = false
  const reconciler = open({
    reconcile: async () => {
      await delay(50)
      isDone = true
    },
  })
  void reconciler.now()
  await reconciler.close()
  expect(isDone).toBe(true)
})
