import { ServerStatus } from '@agentos/wire'
import { createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createMetrics, type Readings } from '../../telemetry/metrics.ts'
import { createTestApp, NO_KNOWLEDGE, SECRET } from '../testing/test-app.ts'

const READINGS: Readings = {
  activeRuns: () => 3,
  pools: () => [
    { name: 'requests', used: 2, idle: 1, waiting: 4, max: 10 },
    { name: 'background', used: 0, idle: 1, waiting: 0, max: 3 },
  ],
  generations: () => ({
    desired: 'b',
    loaded: 'a',
    generations: [
      { revision: 'b', state: 'serving', activeRuns: 5, credit: 16_000 },
      { revision: 'a', state: 'draining', activeRuns: 1, credit: -7 },
    ],
  }),
  spans: () => [
    { sink: 'database', spans: 0 },
    { sink: 'otlp', spans: 12 },
  ],
  fleet: async () => ({ waitingRuns: 7, oldestWaitMs: 9000, leaseAgeMs: 1500, leaseOverdueMs: 0 }),
  knowledge: async () => [],
  schedules: async () => ({ enabled: 3, lateMs: 1500 }),
  storageSize: async () => 1,
}

function openMetrics(readings: Readings = READINGS) {
  const metrics = createMetrics({ resource: {}, costOf: () => undefined, clock: systemClock })
  metrics.observe(readings)
  return { ...metrics, [Symbol.asyncDispose]: metrics.close }
}

test('the status tells what the metrics tell, and what is not ready', async () => {
  await using metrics = openMetrics()
  metrics.workerEnded()
  metrics.spansDropped('otlp', 3)
  metrics.streamOpened()
  const readiness = () => ({ ready: false, startup: true, reasons: { database: 'it is away' } })
  const base = {
    id: 'handbook',
    counts: { completed: 5, processing: 2, failed: 1, chunks: 40 },
    embedder: { name: 'openai:small', answers: false, problem: `it refuses ${SECRET}` },
    wordsOnly: `it refuses ${SECRET}`,
  }
  const away = { id: 'away', counts: null, embedder: null, wordsOnly: 'no embedder is configured' }
  const knowledge = { ...NO_KNOWLEDGE, describe: async () => [base, away] }
  await using server = await createTestApp({ metrics, knowledge, settings: { readiness } })
  const status = await createClient({ baseUrl: await server.listen() }).status()
  expect(status).toEqual({
    replica_id: 'replica-1',
    version: '0.1.0',
    node: process.version,
    started_at: '2026-11-23T04:51:47.522Z',
    uptime_seconds: expect.any(Number),
    ready: false,
    reasons: { database: 'it is away' },
    event_loop: { p50_ms: expect.any(Number), p99_ms: expect.any(Number), max_ms: expect.any(Number) },
    memory_bytes: expect.any(Number),
    runs: { active: 3, waiting: 7, oldest_lease_seconds: 1.5, background_limit: 50 },
    streams_open: 1,
    database: {
      engine: 'embedded',
      pools: [
        { name: 'requests', used: 2, idle: 1, waiting: 4, max: 10 },
        { name: 'background', used: 0, idle: 1, waiting: 0, max: 3 },
      ],
    },
    revision: 'rev-1',
    desired: 'rev-1',
    generations: [
      { revision: 'b', state: 'serving', runs: 5, credit: 16_000 },
      { revision: 'a', state: 'draining', runs: 1, credit: -7 },
    ],
    worker_ends: 1,
    knowledge: [
      {
        id: 'handbook',
        documents: { ready: 5, reading: 2, failed: 1 },
        chunks: 40,
        embedder: { name: 'openai:small', answers: false, problem: 'it refuses [redacted]' },
        words_only: 'it refuses [redacted]',
      },
      { id: 'away', documents: null, chunks: null, embedder: null, words_only: 'no embedder is configured' },
    ],
    spans: [
      { sink: 'database', queued: 0, dropped: 0 },
      { sink: 'otlp', queued: 12, dropped: 3 },
    ],
  })
})

test('the status answers while the database does not, without what only the database knows', async () => {
  await using metrics = openMetrics({ ...READINGS, fleet: () => Promise.reject(new Error('away')) })
  await using server = await createTestApp({ metrics })
  const answer = await server.app.inject('/admin/status')
  expect(answer.statusCode).toBe(200)
  expect(ServerStatus.parse(answer.json()).runs).toEqual({
    active: 3,
    waiting: null,
    oldest_lease_seconds: null,
    background_limit: 50,
  })
})

test('the status is for callers with the key only', async () => {
  await using server = await createTestApp({ settings: { securityKey: SECRET } })
  expect((await server.app.inject('/admin/status')).statusCode).toBe(401)
  const headers = { authorization: `Bearer ${SECRET}` }
  expect((await server.app.inject({ url: '/admin/status', headers })).statusCode).toBe(200)
})
