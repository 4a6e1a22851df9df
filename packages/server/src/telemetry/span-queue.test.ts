import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import type { SpanRecord } from '../base/span.ts'
import { describeAttempt } from './attempt-spans.ts'
import { createSpanQueue, type SpanQueueDeps, type SpanQueueOptions } from './span-queue.ts'
import { attempt } from './testing/attempt.ts'

const [SPAN] = describeAttempt(attempt({ marks: [] }))
const spans = (...names: string[]): SpanRecord[] => names.map((name) => ({ ...SPAN!, name }))

function open(send: SpanQueueDeps['send'], options: Partial<SpanQueueOptions> = {}, deps: Partial<SpanQueueDeps> = {}) {
  const dropped: number[] = []
  const sent: number[] = []
  const queue = createSpanQueue(
    {
      maxSpans: 10,
      batchSpans: 3,
      batchMs: 20,
      exportMs: 1_000,
      retry: { baseMs: 1, maxMs: 2 },
      retries: 2,
      ...options,
    },
    {
      send,
      mayPass: () => true,
      onTrouble: () => {},
      random: () => 0,
      onDropped: (count) => void dropped.push(count),
      onSent: (count) => void sent.push(count),
      ...deps,
    },
  )
  return { ...queue, dropped, sent, [Symbol.dispose]: queue.close }
}

test('spans leave in order, a full batch at once and the rest after a while', async () => {
  const batches: string[][] = []
  using queue = open(async (batch) => void batches.push(batch.map(({ name }) => name)))
  queue.push(spans('a', 'b'))
  queue.push(spans('c', 'd'))
  await vi.waitFor(() => expect(batches).toEqual([['a', 'b', 'c'], ['d']]))
  expect(queue.sent).toEqual([3, 1])
})

test('one export is under way at a time; meanwhile the oldest give way', async () => {
  const { promise: open1, resolve } = Promise.withResolvers<void>()
  const batches: string[][] = []
  using queue = open(
    async (batch) => {
      batches.push(batch.map(({ name }) => name))
      await open1
    },
    { maxSpans: 4 },
  )
  queue.push(spans('a', 'b', 'c'))
  queue.push(spans('d', 'e', 'f', 'g', 'h', 'i'))
  expect([batches, queue.dropped]).toEqual([[['a', 'b', 'c']], [2]])
  resolve()
  await queue.flush()
  expect(batches).toEqual([['a', 'b', 'c'], ['f', 'g', 'h'], ['i']])
})

test('a batch that did not arrive is tried again, before those behind it', async () => {
  const heard: string[] = []
  let failures = 2
  using queue = open(async (batch) => {
    if (failures-- > 0) throw new Error('busy')
    heard.push(...batch.map(({ name }) => name))
  })
  queue.push(spans('a', 'b', 'c', 'd'))
  await queue.flush()
  expect([heard, queue.dropped]).toEqual([['a', 'b', 'c', 'd'], []])
})

test('what is refused, or has failed too often, is dropped, and what is behind it goes on', async () => {
  let tries = 0
  using queue = open(async (batch) => {
    tries++
    if (batch[0]?.name === 'bad') throw new Error('no')
  })
  queue.push(spans('bad', 'bad', 'bad', 'good'))
  await queue.flush()
  expect([tries, queue.dropped, queue.sent]).toEqual([4, [3], [1]])
  using strict = open(() => Promise.reject(new Error('no')), {}, { mayPass: () => false })
  strict.push(spans('a'))
  await strict.flush()
  expect(strict.dropped).toEqual([1])
})

test('an export that hangs is given up', async () => {
  const signals: AbortSignal[] = []
  using queue = open(
    (_batch, signal) => {
      signals.push(signal)
      return new Promise(() => {})
    },
    { exportMs: 10, retries: 0 },
  )
  queue.push(spans('a'))
  await queue.flush()
  expect([queue.dropped, signals.map(({ aborted }) => aborted)]).toEqual([[1], [true]])
})

test('closing gives up the export under way and all that waits, and takes no more', async () => {
  const queue = open(() => new Promise(() => {}))
  queue.push(spans('a', 'b', 'c', 'd'))
  queue.close()
  queue.push(spans('e'))
  await queue.flush()
  await pause(5)
  expect(queue.dropped.toSorted((a, b) => a - b)).toEqual([1, 1, 3])
})
