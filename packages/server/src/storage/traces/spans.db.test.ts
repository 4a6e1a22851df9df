import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { SpanRecord } from '../../base/span.ts'
import { dropSpanPartitions, insertSpans, prepareSpanPartitions } from './spans.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newSpan, newTrace, newTraceId } from '../testing/new-span.ts'
import { findTrace, readSpans } from './traces.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const DAY_MS = 86_400_000
const all = { most: 1000, attributes: ['input.value', 'tool.name'] }
const spansOf = async (traceId: string) => (await readSpans(db, [traceId], all)).get(traceId) ?? []

test('stores the spans of a run and the row of its trace', async () => {
  const startMs = Date.parse('2026-11-23T23:59:59.500Z')
  const run = { runId: 'run-1', sessionId: 's', userId: 'ada', agentId: 'assistant' }
  const spans = newTrace({ startMs, run })
  const { traceId, spanId } = spans.at(-1)!
  await insertSpans(db, spans)
  expect(await findTrace(db, traceId)).toEqual({
    traceId,
    name: 'Assistant.run',
    status: 'OK',
    startTime: new Date(startMs),
    endTime: new Date(startMs + 1000),
    totalSpans: 4,
    errorCount: 0,
    input: 'What is the weather in Oslo?',
    output: 'Sunny.',
    error: null,
    runId: 'run-1',
    sessionId: 's',
    userId: 'ada',
    agentId: 'assistant',
    teamId: null,
    workflowId: null,
    createdAt: expect.any(Date),
  })
  const stored = await spansOf(traceId)
  expect(stored.map(({ name }) => name)).toEqual(['Assistant.run', 'fake-1', 'get_weather', 'fake-1'])
  expect(stored[0]).toMatchObject({ spanId, parentSpanId: null, kind: 'AGENT', error: null, runId: 'run-1' })
  expect(stored[2]).toMatchObject({
    parentSpanId: spanId,
    kind: 'TOOL',
    startTime: new Date(startMs + 210),
    attributes: { 'tool.name': 'get_weather' },
  })
  const days = await sql`
    select distinct day from agentos_spans where trace_id = ${traceId} order by day`.execute(db)
  expect(days.rows).toEqual([{ day: '2026-11-23' }])
})

test('keeps requests to the server out, and an empty batch does nothing', async () => {
  const server = newSpan({ kind: 'SERVER' })
  await insertSpans(db, [server])
  await insertSpans(db, [])
  expect(await findTrace(db, server.traceId)).toBeUndefined()
})

test('an error of any span makes the trace one, and no later span takes that back', async () => {
  const traceId = newTraceId()
  const lost = newSpan({ traceId, startMs: 1000, error: 'replica lost', attributes: { 'output.value': 'half' } })
  await insertSpans(db, [lost])
  expect(await findTrace(db, traceId)).toMatchObject({ status: 'ERROR', errorCount: 1, error: 'replica lost' })
  await insertSpans(db, [newSpan({ traceId, startMs: 5000, attributes: { 'output.value': 'whole' } })])
  expect(await findTrace(db, traceId)).toMatchObject({ status: 'ERROR', errorCount: 1, error: null, output: 'whole' })
})

test('stores what no database can: lone surrogates, null characters, any other text', async () => {
  const text = `a\0b\ud800c"\\'é😀`
  const span = newSpan({
    name: text,
    error: text,
    attributes: { 'input.value': text, list: ['x', text], n: 1.5, b: true },
  })
  await insertSpans(db, [span])
  const [stored] = await spansOf(span.traceId)
  const clean = `a\ufffdb\ufffdc"\\'é😀`
  expect(stored).toMatchObject({ name: clean, error: clean, attributes: { 'input.value': clean } })
})

test('however the spans of traces are cut into batches, and however often these come, the traces are the same', async () => {
  const build = (offset: number): SpanRecord[] => {
    const root = newTrace({ startMs: 1_000_000 + offset })
    const { traceId, spanId } = root[3]!
    const again = newSpan({
      traceId,
      parentSpanId: spanId,
      startMs: 1_005_000,
      error: offset > 0 ? 'failed' : null,
      attributes: { 'input.value': 'later', 'output.value': 'last' },
    })
    return [...root, again]
  }
  const expected = [build(0), build(7)]
  await insertSpans(db, expected.flat())
  const rows = async (traceIds: readonly string[]) =>
    Promise.all(
      traceIds.map(async (id) => {
        const { traceId: _, createdAt: _at, runId: _run, ...rest } = (await findTrace(db, id))!
        return rest
      }),
    )
  const wanted = await rows(expected.map(([span]) => span!.traceId))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(2), { minLength: 10, maxLength: 10 }),
      fc.boolean(),
      async (batches, backwards) => {
        const spans = [build(0), build(7)]
        const given = backwards ? spans.flat().toReversed() : spans.flat()
        for (const batch of [0, 1, 2, 1])
          await insertSpans(
            db,
            given.filter((_, index) => batches[index] === batch),
          )
        expect(await rows(spans.map(([span]) => span!.traceId))).toEqual(wanted)
      },
    ),
    { numRuns: 15 },
  )
})

test('writers that store parts of the same traces at once lose nothing', async () => {
  const traces = Array.from({ length: 5 }, () => newTrace())
  const parts = Array.from({ length: 4 }, (_, part) => traces.map((trace) => trace[part]!))
  await Promise.all([...parts, ...parts].map((part, index) => insertSpans(db, index % 2 ? part : part.toReversed())))
  for (const [span] of traces)
    expect(await findTrace(db, span!.traceId)).toMatchObject({ totalSpans: 4, name: 'Assistant.run' })
})

test('spans of long ago and of the far future are stored, and found with the others of their trace', async () => {
  const now = Date.now()
  await prepareSpanPartitions(db)
  const traceId = newTraceId()
  const starts = [now - 400 * DAY_MS, now - DAY_MS, now, now + DAY_MS, now + 400 * DAY_MS]
  await insertSpans(
    db,
    starts.map((startMs) => newSpan({ traceId, startMs })),
  )
  expect((await spansOf(traceId)).map(({ startTime }) => startTime.getTime())).toEqual(starts)
})

test('drops the partitions of days past retention, and what the default one has of them', async () => {
  await sql`create table agentos_spans_20200101 partition of agentos_spans for values from ('2020-01-01') to ('2020-01-02')`.execute(
    db,
  )
  const old = newSpan({ startMs: Date.parse('2020-01-01T12:00:00Z') })
  const older = newSpan({ startMs: Date.parse('2019-01-01T12:00:00Z') })
  const young = newSpan()
  await insertSpans(db, [old, older, young])
  expect(await dropSpanPartitions(db, 30)).toEqual(['agentos_spans_20200101'])
  const left = await readSpans(db, [old.traceId, older.traceId, young.traceId], all)
  expect([...left.keys()]).toEqual([young.traceId])
})
