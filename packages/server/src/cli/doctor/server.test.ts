import type { Ready, ServerStatus } from '@agentos/wire'
import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { createRedact } from '../../base/redact.ts'
import { createTestApp, SECRET } from '../../http/testing/test-app.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import { describeServer } from './server-text.ts'
import { examineServer, findServerProblems } from './server.ts'

const redact = createRedact([SECRET])

async function openServer(reasons: Readonly<Record<string, string>> = {}) {
  const metrics = createMetrics({ resource: {}, costOf: () => undefined, clock: systemClock })
  metrics.observe({
    activeRuns: () => 2,
    pools: () => [{ name: 'requests', used: 1, idle: 1, waiting: 0, max: 10 }],
    generations: () => ({
      desired: 'rev-1',
      loaded: 'rev-1',
      generations: [{ revision: 'rev-1', state: 'serving', activeRuns: 2, credit: 16_384 }],
    }),
    spans: () => [{ sink: 'database', spans: 4 }],
    fleet: async () => ({ waitingRuns: 3, oldestWaitMs: 0, leaseAgeMs: 500, leaseOverdueMs: 0 }),
    knowledge: async () => [],
    schedules: async () => ({ enabled: 3, lateMs: 1500 }),
    storageSize: async () => 1,
  })
  const readiness = () => ({ ready: Object.keys(reasons).length === 0, startup: true, reasons })
  const { app } = await createTestApp({ metrics, settings: { securityKey: SECRET, readiness } })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const close = async () => {
    await app.close()
    await metrics.close()
  }
  return { url, [Symbol.asyncDispose]: close }
}

test('a server that is well is ok, with what it does at the moment', async () => {
  await using server = await openServer()
  const report = await examineServer(server.url, SECRET, redact)
  expect(report.problems).toEqual([])
  const text = describeServer(report)
  expect(text).toContain('agentos     0.1.0, os-1, 1 agents')
  expect(text).toContain('ready       yes')
  expect(text).toMatch(/event loop +late by [\d.]+ ms p50, [\d.]+ ms p99/)
  expect(text).toContain('runs        2 here, 3 wait in the fleet, oldest lease 0.5 s')
  expect(text).toContain('requests: 1 of 10 in use, 0 wait')
  expect(text).toContain('rev-1 serving, 2 runs, credit 16384')
  expect(text).toContain('database: 4 wait, 0 were dropped')
  expect(text.split('\n').at(-1)).toBe('ok')
})

test('says which part is not ready and why, in full to whoever has the key', async () => {
  await using server = await openServer({ database: `db.internal:5432 refuses ${SECRET}` })
  const { problems } = await examineServer(server.url, SECRET, redact)
  expect(problems).toMatchObject([{ what: 'Not ready, database: db.internal:5432 refuses [redacted].' }])
  const stranger = await examineServer(server.url, undefined, redact)
  expect(stranger).toMatchObject({ ready: { ready: false }, status: null })
  expect(stranger.problems.map(({ what, next }) => [what, next])).toEqual([
    [
      `The server at ${server.url} wants a key: Authorization header required.`,
      'Set OS_SECURITY_KEY to the key of that server.',
    ],
    ['Not ready, database: the database does not answer.', expect.stringContaining('agentos doctor')],
  ])
})

test('says that nobody answers, once, and shows no password of the address', async () => {
  const gone = await openServer()
  await gone[Symbol.asyncDispose]()
  const report = await examineServer(gone.url, undefined, redact)
  expect(report.problems).toMatchObject([
    { what: expect.stringMatching(/^No server of ours answers at .*ECONNREFUSED/) },
  ])
  const hidden = await examineServer('http://me:hunter222@127.0.0.1:1', undefined, redact)
  expect(hidden.problems).toHaveLength(1)
  expect(describeServer(hidden)).not.toContain('hunter222')
})

type BaseStatus = ServerStatus['knowledge'][number]

/** A base that is well, but for what is given. */
function knowledgeOf(id: string, given: Partial<BaseStatus>): BaseStatus {
  const documents = { ready: 3, reading: 1, failed: 0 }
  const embedder = { name: 'openai:small', answers: true, problem: null }
  return { id, documents, chunks: 40, embedder, words_only: null, ...given }
}

test('each of the readings that an operator should look into is a problem with a next step', () => {
  const ready: Ready = {
    ready: true,
    reasons: {},
    revision: 'a',
    desired: 'b',
    degraded: true,
    error: null,
    files: [{ path: 'bad.ts', outcome: 'error', runnables: [], detail: null }],
  }
  const status: ServerStatus = {
    replica_id: 'r',
    version: '1',
    node: 'v26',
    started_at: '2026-01-01T00:00:00Z',
    uptime_seconds: 1,
    ready: true,
    reasons: {},
    event_loop: { p50_ms: 1, p99_ms: 250, max_ms: 300 },
    memory_bytes: 1,
    runs: { active: 1, waiting: 0, oldest_lease_seconds: 4 },
    streams_open: 0,
    database: { engine: 'postgres', pools: [{ name: 'requests', used: 10, idle: 0, waiting: 7, max: 10 }] },
    revision: 'a',
    desired: 'b',
    generations: [{ revision: 'a', state: 'degraded', runs: 1, credit: -3 }],
    worker_ends: 3,
    knowledge: [
      knowledgeOf('fine', {}),
      knowledgeOf('keyless', { embedder: { name: 'e:a', answers: null, problem: 'no key' }, words_only: 'no key' }),
      knowledgeOf('away', { embedder: { name: 'e:b', answers: false, problem: 'timeout' }, words_only: 'timeout' }),
      knowledgeOf('damaged', { documents: { ready: 1, reading: 0, failed: 2 } }),
      knowledgeOf('unknown', { documents: null, chunks: null }),
      knowledgeOf('words', { embedder: null, words_only: 'no embedder is configured' }),
      knowledgeOf('chosen', { words_only: 'its searchType is keyword' }),
    ],
    spans: [{ sink: 'otlp', queued: 0, dropped: 9 }],
  }
  const problems = findServerProblems(ready, status)
  expect(problems.map(({ what }) => what)).toEqual([
    'Revision a serves and b is wanted; not all is well (bad.ts).',
    'The worker of revision a is degraded.',
    'The oldest lease is 4.0 s old.',
    '7 statements wait for a connection: the pool requests has 10 of 10 in use.',
    'The event loop is late: 250 ms at the 99th percentile.',
    'The worker of revision a waits: the main thread does not keep up with its events.',
    'The knowledge base keyless is searched by words only: no key.',
    'The embedder e:b of the knowledge base away does not answer: timeout.',
    'Documents of the knowledge base damaged that could not be read: 2.',
    '9 spans did not arrive at otlp.',
  ])
  for (const { next } of problems) expect(next).toMatch(/^[A-Z].*\.$/)
  const text = describeServer({ url: '', info: null, ready, status, problems })
  expect(text).toContain(
    'knowledge   fine: documents 3 ready, 1 being read, 0 failed, 40 chunks, openai:small answers\n' +
      '            keyless: documents 3 ready, 1 being read, 0 failed, 40 chunks, e:a not asked yet, by words only\n' +
      '            away: documents 3 ready, 1 being read, 0 failed, 40 chunks, e:b does not answer, by words only\n',
  )
  expect(text).toContain('unknown: documents ?, ? chunks, openai:small answers\n')
  expect(text).toContain('words: documents 3 ready, 1 being read, 0 failed, 40 chunks, no embedder, by words only\n')
})
