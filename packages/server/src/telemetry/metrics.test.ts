import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Clock } from '../base/clock.ts'
import { NO_USAGE } from '../base/usage.ts'
import { createMetrics, type Metrics, type Readings } from './metrics.ts'
import { keepFor } from './metrics-readings.ts'
import { METRICS } from './metrics-table.ts'
import { type PointView, viewMetrics } from './metrics-view.ts'
import { attemptRecord, MODEL, toolEnd } from './testing/attempt-record.ts'

let now = 0
const clock: Clock = { now: () => now, monotonic: () => now }
let metrics: Metrics

beforeEach(() => {
  now = 0
  metrics = createMetrics({ resource: { 'service.name': 'test' }, costOf: () => 0.5, clock })
})
afterEach(() => metrics.close())

const look = async () => viewMetrics(await metrics.collect())
const pointsOf = async (name: string): Promise<readonly PointView[]> =>
  (await look()).find((metric) => metric.name === name)?.points ?? []
const valuesOf = async (name: string) => (await pointsOf(name)).map(({ value, count }) => value ?? count)

const READINGS: Readings = {
  activeRuns: () => 3,
  pools: () => [{ name: 'requests', used: 2, idle: 1, waiting: 4, max: 10 }],
  generations: () => ({
    desired: 'b',
    loaded: 'a',
    generations: [{ revision: 'a', state: 'serving', activeRuns: 5, credit: 16_000 }],
  }),
  spans: () => [{ sink: 'otlp', spans: 8 }],
  fleet: async () => ({ waitingRuns: 7, oldestWaitMs: 9000, leaseAgeMs: 1500, leaseOverdueMs: 2500 }),
  schedules: async () => ({ enabled: 3, lateMs: 1500 }),
  knowledge: async () => [{ status: 'completed', contents: 4, chunks: 90 }],
  storageSize: async () => 12_345,
}

const usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 5, totalTokens: 15 }

/** Everything that can happen, once. */
function doEverything(): void {
  metrics.attemptStarted({ agentId: 'assistant', attempt: 1, interrupted: false })
  metrics.attemptStarted({ agentId: 'assistant', attempt: 2, interrupted: true })
  const marks = [
    { type: 'model-start', at: 1100, model: MODEL },
    { type: 'model-end', at: 1200, model: MODEL, usage, timeToFirstTokenMs: 20 },
    toolEnd('look', 30, false),
  ] as const
  const memoryBacklog = { isMissed: true, madeUp: [], failed: [] }
  metrics.attemptEnded(attemptRecord({ marks, endedAt: 2000, memoryBacklog }))
  metrics.attemptEnded(attemptRecord({ status: 'PENDING' }))
  metrics.attemptEnded(attemptRecord({ status: 'RUNNING' }))
  metrics.requestEnded({ method: 'GET', route: '/agents/{id}', status: 200, seconds: 0.01 })
  metrics.streamOpened()
  metrics.clientCut()
  metrics.workerEnded()
  metrics.revisionLoaded('swapped')
  metrics.spansDropped('otlp', 3)
  metrics.scheduleMoved({ type: 'begun', lateMs: 20 })
  metrics.scheduleMoved({ type: 'ended', status: 'success' })
  metrics.embedderCalled({ embedder: 'openai:x', purpose: 'query', texts: 1, tokens: 5, durationMs: 20, ok: true })
  metrics.embedderLeftAlone('openai:x', true)
  metrics.documentRead({ outcome: 'completed', seconds: 2 })
  metrics.knowledgeSearched({ type: 'hybrid', seconds: 0.02 })
  metrics.observe(READINGS)
}

test('every metric of the table moves, and there is no other', async () => {
  // Before anything happens there are readings of the process, and counters that begin with zero.
  const before = (await look()).filter(({ name }) => name.startsWith('agentos.'))
  expect(before.map(({ name, points }) => [name, points.map(({ value }) => value)])).toEqual([
    ['agentos.http.clients.cut', [0]],
    ['agentos.schedule.runs', [0]],
    ['agentos.worker.ends', [0]],
  ])
  doEverything()
  const seen = await look()
  expect(seen.map(({ name }) => name)).toEqual(
    Object.values(METRICS)
      .map(({ name }) => name)
      .toSorted(),
  )
  const still = seen.filter(({ points }) => points.every(({ value, count }) => (value ?? count) === 0))
  // How late the loop is may be nothing at all.
  expect(still.map(({ name }) => name).filter((name) => !name.startsWith('nodejs.eventloop.'))).toEqual([])
})

test('every metric has the unit, the meaning and no other attributes than those of the table', async () => {
  doEverything()
  metrics.requestEnded({ method: 'GET', route: undefined, status: 500, seconds: 1 })
  const byName = new Map(Object.values(METRICS).map((metric) => [metric.name as string, metric]))
  for (const { name, unit, description, points } of await look()) {
    const metric = byName.get(name)
    expect([unit, description]).toEqual([metric?.unit, metric?.about])
    const known: readonly string[] = metric?.attributes ?? []
    for (const { attributes } of points)
      expect(Object.keys(attributes).filter((key) => !known.includes(key))).toEqual([])
  }
})

test('a run is counted when it begins, and one that goes on is not', async () => {
  metrics.attemptStarted({ agentId: 'a', attempt: 1, interrupted: false })
  metrics.attemptStarted({ agentId: 'a', attempt: 2, interrupted: false })
  metrics.attemptStarted({ agentId: 'a', attempt: 3, interrupted: true })
  expect(await valuesOf('agentos.runs.started')).toEqual([1])
  expect(await valuesOf('agentos.run.recoveries')).toEqual([1])
})

test('streams that close are no longer open', async () => {
  metrics.streamOpened()
  metrics.streamOpened()
  metrics.streamClosed()
  expect(await valuesOf('agentos.http.streams.open')).toEqual([1])
})

test('a failed request has its status as its error, and an unknown method no name of its own', async () => {
  metrics.requestEnded({ method: 'BREW', route: undefined, status: 503, seconds: 1 })
  expect((await pointsOf('http.server.request.duration')).map(({ attributes }) => attributes)).toEqual([
    {
      'http.request.method': '_OTHER',
      'http.response.status_code': 503,
      'url.scheme': 'http',
      'error.type': '503',
    },
  ])
})

describe('readings', () => {
  test('are told to all who collect at the same time', async () => {
    metrics.observe(READINGS)
    const both = await Promise.all([metrics.collect(), metrics.collect()])
    const names = both.map((collected) => viewMetrics(collected).map(({ name }) => name))
    expect(names[0]).toContain('agentos.runs.waiting')
    expect(names[1]).toEqual(names[0])
  })

  test('tell milliseconds as seconds', async () => {
    metrics.observe(READINGS)
    expect(await valuesOf('agentos.queue.age')).toEqual([9])
    expect(await valuesOf('agentos.lease.age')).toEqual([1.5])
    expect(await valuesOf('agentos.lease.overdue')).toEqual([2.5])
  })

  test('are told of what is, not of what was: a revision that ended is gone', async () => {
    let revision = 'a'
    const generations = () => ({
      desired: revision,
      loaded: revision,
      generations: [{ revision, state: 'serving', activeRuns: 0, credit: 1 }],
    })
    metrics.observe({ ...READINGS, generations })
    await metrics.collect()
    revision = 'b'
    const revisions = (await pointsOf('agentos.generation.info')).map(({ attributes }) => attributes['revision'])
    expect(revisions).toEqual(['b'])
    expect(await valuesOf('agentos.generation.stale')).toEqual([0])
  })

  test('of a database that fails have no value, and the others do', async () => {
    metrics.observe({ ...READINGS, fleet: () => Promise.reject(new Error('down')) })
    expect(await valuesOf('agentos.runs.waiting')).toEqual([])
    expect(await valuesOf('agentos.storage.size')).toEqual([12_345])
    expect(await valuesOf('agentos.runs.active')).toEqual([3])
  })

  test('of a database that hangs do not hold up the others', async () => {
    metrics.observe({ ...READINGS, fleet: () => new Promise(() => {}) })
    expect(await valuesOf('agentos.runs.active')).toEqual([3])
  })

  test('of the database are taken once for all who ask within five seconds', async () => {
    let asked = 0
    metrics.observe({ ...READINGS, fleet: async () => (asked++, READINGS.fleet()) })
    await Promise.all([metrics.collect(), metrics.collect()])
    now = 4999
    await metrics.collect()
    expect(asked).toBe(1)
    now = 5000
    await metrics.collect()
    expect(asked).toBe(2)
  })
})

test('a reading that failed is asked for again when its time is over', async () => {
  const answers = [Promise.reject(new Error('down')), Promise.resolve(1)]
  const read = keepFor(100, () => answers.shift() ?? Promise.resolve(2), clock)
  expect(await read()).toBeUndefined()
  now = 99
  expect(await read()).toBeUndefined()
  now = 100
  expect(await read()).toBe(1)
})
