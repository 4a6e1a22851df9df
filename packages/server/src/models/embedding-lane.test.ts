import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createLane } from './embedding-lane.ts'
import { ModelError } from './model.ts'

const deps = { clock: systemClock, random: () => 0.5 }
const never = new AbortController().signal

test('makes no more calls at once than it may', async () => {
  const lane = createLane({ concurrency: 3, retries: 0, maxWaitMs: 100 }, deps)
  let running = 0
  let most = 0
  const call = async () => {
    most = Math.max(most, ++running)
    await delay(5)
    running--
  }
  await Promise.all(Array.from({ length: 20 }, () => lane.run(call, never)))
  expect(most).toBe(3)
})

test('gives the place of a call that failed, or was given up while it waited, to the next', async () => {
  const lane = createLane({ concurrency: 1, retries: 0, maxWaitMs: 100 }, deps)
  const stop = new AbortController()
  const first = lane.run(() => delay(20).then(() => Promise.reject(new Error('first'))), never)
  const second = lane.run(() => Promise.resolve('second'), stop.signal)
  const third = lane.run(() => Promise.resolve('third'), never)
  stop.abort(new Error('given up'))
  await expect(second).rejects.toThrow('given up')
  await expect(first).rejects.toThrow('first')
  await expect(third).resolves.toBe('third')
})

test('holds all calls back when one is told to wait', async () => {
  const lane = createLane({ concurrency: 2, retries: 1, maxWaitMs: 1000 }, deps)
  const limited = new ModelError('MODEL_RATE_LIMITED', 'slow down', { retryable: true, retryAfterMs: 150 })
  let tries = 0
  const told = lane.run(() => (tries++ === 0 ? Promise.reject(limited) : Promise.resolve(performance.now())), never)
  const startedAt = performance.now()
  await delay(10)
  const other = await lane.run(() => Promise.resolve(performance.now()), never)
  expect(other - startedAt).toBeGreaterThan(130)
  expect((await told) - startedAt).toBeGreaterThan(130)
})

test('fails at once when it is told to wait longer than it may', async () => {
  const lane = createLane({ concurrency: 1, retries: 3, maxWaitMs: 100 }, deps)
  const limited = new ModelError('MODEL_RATE_LIMITED', 'slow down', { retryable: true, retryAfterMs: 5000 })
  let tries = 0
  await expect(lane.run(() => (tries++, Promise.reject(limited)), never)).rejects.toThrow('slow down')
  expect(tries).toBe(1)
})
