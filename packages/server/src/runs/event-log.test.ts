import { expect, test } from 'vitest'
import type { EventChunk } from '../storage/runs/run-events.ts'
import { createLog } from '../telemetry/log.ts'
import { createEventLog } from './event-log.ts'
import type { FeedEntry } from './feed.ts'

const entry = (index: number): FeedEntry => ({ index, event: { type: 'content-end', at: 0 }, json: `{"i":${index}}` })

const source = (runId: string, onStored: (index: number) => void = () => {}) => ({
  runId,
  attempt: 1,
  traceId: 't',
  onStored,
})

function open(store: (chunks: readonly EventChunk[]) => Promise<void>, maxHeldBytes = 1_000_000) {
  const lines: string[] = []
  const log = createLog({ level: 'debug', format: 'json', redact: (text) => text, write: (line) => lines.push(line) })
  const eventLog = createEventLog(store, log, { flushMs: 5, maxHeldBytes })
  return { ...eventLog, lines, [Symbol.asyncDispose]: eventLog.close }
}

test('what comes within a flush interval is one statement with a chunk per run', async () => {
  const batches: (readonly EventChunk[])[] = []
  const released = new Map<string, number>()
  await using log = open(async (chunks) => void batches.push(chunks))
  log.append(
    source('a', (index) => released.set('a', index)),
    [entry(0)],
  )
  log.append(
    source('b', (index) => released.set('b', index)),
    [entry(0)],
  )
  log.append(
    source('a', (index) => released.set('a', index)),
    [entry(1), entry(2)],
  )
  await expect
    .poll(() => batches)
    .toEqual([
      [
        { runId: 'a', attempt: 1, firstIndex: 0, lastIndex: 2, events: '{"i":0}\n{"i":1}\n{"i":2}' },
        { runId: 'b', attempt: 1, firstIndex: 0, lastIndex: 0, events: '{"i":0}' },
      ],
    ])
  await expect
    .poll(() => [...released])
    .toEqual([
      ['a', 2],
      ['b', 0],
    ])
})

test('a failed flush is tried again, in order and together with what came since', async () => {
  const stored: EventChunk[] = []
  let fail = true
  await using log = open(async (chunks) => {
    if (fail) throw new Error('away')
    stored.push(...chunks)
  })
  log.append(source('a'), [entry(0)])
  await expect.poll(() => log.lines.length).toBeGreaterThan(0)
  fail = false
  log.append(source('a'), [entry(1)])
  await expect.poll(() => stored.map((chunk) => chunk.events).join('|')).toBe('{"i":0}\n{"i":1}')
})

test('the end of a run takes its queued events along, once', async () => {
  const stored: EventChunk[] = []
  await using log = open(async (chunks) => void stored.push(...chunks))
  log.append(source('a'), [entry(0)])
  expect(log.take('a', [entry(1)])).toEqual({ runId: 'a', firstIndex: 0, lastIndex: 1, events: '{"i":0}\n{"i":1}' })
  expect(log.take('a', [])).toBeUndefined()
  await log.close()
  expect(stored).toEqual([])
})

test('while the database is away the buffer stays within its bound, and says what it dropped', async () => {
  const kept: EventChunk[] = []
  let fail = true
  await using log = open(async (chunks) => {
    if (fail) throw new Error('away')
    kept.push(...chunks)
  }, 10)
  log.append(source('old'), [entry(0)])
  log.append(source('new'), [entry(0)])
  await expect.poll(() => log.lines.some((line) => line.includes('events dropped'))).toBe(true)
  fail = false
  await log.close()
  expect(kept.map((chunk) => chunk.runId)).toEqual(['new'])
})

test('closing stores what is left', async () => {
  const stored: EventChunk[] = []
  const log = open(async (chunks) => void stored.push(...chunks))
  log.append(source('a'), [entry(0)])
  await log.close()
  expect(stored).toHaveLength(1)
})

test('what is on its way when a run ends goes along with the end, whatever becomes of it', async () => {
  const sent = Promise.withResolvers<void>()
  const calls: (readonly EventChunk[])[] = []
  await using log = open(async (chunks) => {
    calls.push(chunks)
    if (calls.length === 1) await sent.promise
  })
  log.append(source('a'), [entry(0)])
  await expect.poll(() => calls.length).toBe(1)
  log.append(source('a'), [entry(1)])
  expect(log.take('a', [entry(2)])).toMatchObject({ firstIndex: 0, lastIndex: 2 })
  sent.reject(new Error('away'))
  await log.close()
  expect(calls).toHaveLength(1)
})

test('what an attempt could not store is dropped once the next one has begun', async () => {
  const stored: EventChunk[] = []
  let fail = true
  await using log = open(async (chunks) => {
    if (fail) throw new Error('away')
    stored.push(...chunks)
  })
  log.append(source('a'), [entry(0)])
  await expect.poll(() => log.lines.length).toBeGreaterThan(0)
  log.append({ ...source('a'), attempt: 2 }, [entry(9)])
  fail = false
  await expect.poll(() => stored).toMatchObject([{ attempt: 2, firstIndex: 9, lastIndex: 9 }])
})

test('nothing to store is not stored', async () => {
  const calls: (readonly EventChunk[])[] = []
  const log = open(async (chunks) => void calls.push(chunks))
  log.append(source('a'), [])
  await log.flush()
  await log.close()
  expect([calls, log.take('a', [])]).toEqual([[], undefined])
})

test('whoever asks for a flush waits until all that came before is stored', async () => {
  const stored: number[] = []
  await using log = open(async (chunks) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    stored.push(...chunks.map(({ lastIndex }) => lastIndex))
  })
  log.append(source('a'), [entry(0)])
  const first = log.flush()
  log.append(source('a'), [entry(1)])
  const waiting = [log.flush(), log.flush()]
  await waiting[1]
  expect(stored).toEqual([0, 1])
  await Promise.all([first, ...waiting])
})

test('what is dropped is let go of everywhere', async () => {
  let released = -1
  await using log = open(() => Promise.reject(new Error('away')), 10)
  log.append(
    source('old', (index) => (released = index)),
    [entry(0), entry(1)],
  )
  log.append(source('new'), [entry(0)])
  await expect.poll(() => released).toBe(1)
})
