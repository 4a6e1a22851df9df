import { TraceDetail, TraceDetailPage, TraceSessionStatsPage, TraceSummaryPage } from '@agentos/wire'
import { createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertSpans } from '../../storage/traces/spans.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { newSpan, newTrace } from '../../storage/testing/new-span.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

const START = Date.parse('2026-11-23T10:00:00Z')
const run = { runId: 'r1', sessionId: 's1', userId: 'ada', agentId: 'assistant' }
const good = newTrace({ startMs: START, run })
const bad = newTrace({ startMs: START + 60_000, endMs: START + 61_500, run: { ...run, runId: 'r2', sessionId: 's2' } })
const { traceId, spanId } = good[3]!
const nested = newSpan({
  traceId,
  parentSpanId: good[1]!.spanId,
  startMs: START + 220,
  endMs: START + 280,
  name: 'Helper.run',
  run: { ...run, runId: 'r3', agentId: 'helper' },
})

let database: TestDatabase
let server: TestApp
beforeAll(async () => {
  database = await openTestDatabase()
  server = await createTestApp({ database })
  await insertSpans(database.db, [...good, nested, ...bad.slice(0, 3), { ...bad[3]!, error: 'model said no' }])
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const get = async (url: string) => (await server.app.inject(url)).json()
const search = (payload: object) => server.app.inject({ method: 'POST', url: '/traces/search', payload })
const found = async (query: string): Promise<string[]> =>
  (await get(`/traces?${query}`)).data.map(({ run_id }: { run_id: string }) => run_id)

test('lists traces in the shape of Agno, without null keys', async () => {
  const page = await get('/traces?limit=1&page=2')
  expect(TraceSummaryPage.safeParse(page).error).toBeUndefined()
  expect(page.meta).toMatchObject({ page: 2, limit: 1, total_pages: 2, total_count: 2 })
  expect(page.data).toEqual([
    {
      trace_id: traceId,
      name: 'Assistant.run',
      status: 'OK',
      duration: '1.00s',
      start_time: '2026-11-23T10:00:00.000Z',
      end_time: '2026-11-23T10:00:01.000Z',
      total_spans: 5,
      error_count: 0,
      input: 'What is the weather in Oslo?',
      run_id: 'r1',
      session_id: 's1',
      user_id: 'ada',
      agent_id: 'assistant',
      created_at: expect.stringMatching(/Z$/),
    },
  ])
})

test.each([
  ['', ['r2', 'r1']],
  ['run_id=r3', ['r1']],
  ['session_id=s2&user_id=ada', ['r2']],
  ['session_id=s2&user_id=bob', []],
  ['agent_id=assistant&status=ERROR', ['r2']],
  ['team_id=crew', []],
  ['status=WEIRD', []],
  ['start_time=2026-11-23T10:00:30Z', ['r2']],
  ['start_time=2026-11-23T15:30:30+05:30', ['r2']],
  ['end_time=2026-11-23T10:00:30', ['r1']],
  ['page=0', ['r2', 'r1']],
  ['page=9', []],
  ['limit=1000000', ['r2', 'r1']],
])('filters by %s', async (query, expected) => {
  expect(await found(query)).toEqual(expected)
})

test('refuses what is no time, and what is no database', async () => {
  for (const path of ['/traces', '/trace_session_stats']) {
    for (const name of ['start_time', 'end_time']) {
      const answer = await server.app.inject(`${path}?${name}=yesterday`)
      expect([answer.statusCode, answer.json().detail]).toEqual([
        400,
        expect.stringContaining(`Invalid ${name} "yesterday". Use ISO 8601`),
      ])
    }
    expect((await server.app.inject(`${path}?limit=0`)).statusCode).toBe(422)
    expect((await server.app.inject(`${path}?db_id=other`)).json()).toMatchObject({ error_id: 'DATABASE_NOT_FOUND' })
  }
})

test('shows one trace as a tree', async () => {
  const detail = await get(`/traces/${traceId}`)
  expect(TraceDetail.safeParse(detail).error).toBeUndefined()
  expect(detail).toMatchObject({
    trace_id: traceId,
    input: 'What is the weather in Oslo?',
    output: 'Sunny.',
    total_spans: 5,
  })
  expect(detail).not.toHaveProperty('error')
  expect(detail.tree).toHaveLength(1)
  expect(detail.tree[0]).toMatchObject({
    id: spanId,
    type: 'AGENT',
    metadata: { total_input_tokens: 40, total_output_tokens: 10 },
    spans: [
      { name: 'fake-1', type: 'LLM', duration: '190ms', metadata: { model: 'fake-1', input_tokens: 20 } },
      { name: 'get_weather', type: 'TOOL', output: 'Sunny in Oslo', spans: [{ name: 'Helper.run', type: 'AGENT' }] },
      { name: 'fake-1', type: 'LLM' },
    ],
  })
  expect(detail.tree[0]).not.toHaveProperty('input')
  expect(await get(`/traces/${bad[0]!.traceId}`)).toMatchObject({
    status: 'ERROR',
    error: 'model said no',
    error_count: 1,
  })
})

test('shows one span with all its attributes, and the part of one run', async () => {
  const node = await get(`/traces/${traceId}?span_id=${good[1]!.spanId}`)
  expect(node).toMatchObject({ name: 'get_weather', type: 'TOOL', extra_data: good[1]!.attributes })
  expect(node).not.toHaveProperty('tree')
  const part = await get(`/traces/${traceId}?run_id=r3`)
  expect(part).toMatchObject({
    run_id: 'r3',
    name: 'Helper.run',
    duration: '60ms',
    total_spans: 1,
    tree: [{ id: nested.spanId }],
  })
})

test.each([
  ['/traces/nope', 'Trace not found'],
  [`/traces/${traceId}?span_id=nope`, 'Span nope not found in this trace'],
  [`/traces/${traceId}?span_id=${bad[0]!.spanId}`, `Span ${bad[0]!.spanId} not found in this trace`],
  [`/traces/${traceId}?run_id=r2`, 'Run r2 not found in this trace'],
])('%s is not there', async (url, detail) => {
  const answer = await server.app.inject(url)
  expect([answer.statusCode, answer.json()]).toMatchObject([404, { detail, error_id: 'TRACE_NOT_FOUND' }])
})

test('searches whole trees, and counts by session', async () => {
  const filter = {
    op: 'OR',
    conditions: [
      { op: 'EQ', key: 'status', value: 'ERROR' },
      { op: 'EQ', key: 'run_id', value: 'r1' },
    ],
  }
  const page = (await search({ filter, limit: 1, page: 2 })).json()
  expect(TraceDetailPage.safeParse(page).error).toBeUndefined()
  expect(page).toMatchObject({
    data: [{ run_id: 'r1', tree: [{ spans: [{}, {}, {}] }] }],
    meta: { total_count: 2, total_pages: 2 },
  })
  const sessions = (await search({ filter, group_by: 'session' })).json()
  expect(TraceSessionStatsPage.safeParse(sessions).error).toBeUndefined()
  expect(sessions).toMatchObject({ data: [{ total_traces: 1 }, { total_traces: 1 }], meta: { total_count: 2 } })
  expect((await search({ filter: { op: 'EQ', key: 'color', value: 'red' } })).json().meta.total_count).toBe(0)
  for (const body of [{}, { filter: {} }, { filter: null }])
    expect((await search(body)).json().meta.total_count).toBe(2)
})

test('says what is wrong with a search', async () => {
  const answer = await search({ filter: { op: 'LIKE', key: 'name', value: 'x' } })
  expect([answer.statusCode, answer.json().detail]).toEqual([
    400,
    'Invalid filter expression: unknown filter operator "LIKE"',
  ])
  for (const body of [{ filter: [] }, { group_by: 'user' }, { limit: 101 }, { page: 0 }]) {
    expect((await search(body)).statusCode).toBe(422)
  }
})

test('gives the typed client what it declares', async () => {
  const client = createClient({ baseUrl: await server.listen() })
  const { data } = await client.traces.list({ status: 'ERROR' })
  expect(data.map(({ run_id }) => run_id)).toEqual(['r2'])
  expect((await client.traces.get(traceId, 'r3')).tree).toHaveLength(1)
  expect((await client.traces.span(traceId, spanId)).type).toBe('AGENT')
  expect((await client.traces.search({ filter: { op: 'EQ', key: 'session_id', value: 's1' } })).data).toHaveLength(1)
  expect((await client.traces.searchSessions()).data).toHaveLength(2)
  expect((await client.traces.sessionStats({ agent_id: 'assistant', limit: 1 })).meta.total_count).toBe(2)
  expect((await client.traces.filterSchema()).fields.map(({ key }) => key)).toContain('duration_ms')
})

test('a team shows its members below the calls that asked for them, and a workflow its steps', async () => {
  const traceId = 'e'.repeat(32)
  const ofRun = (runId: string) => ({ traceId, startMs: START, run: { ...run, runId } })
  const workflow = newSpan({ ...ofRun('w'), name: 'Flow.run', attributes: { 'agno.workflow.id': 'flow' } })
  const step = newSpan({ ...ofRun('w'), parentSpanId: workflow.spanId, kind: 'CHAIN', name: 'draft.execute' })
  const team = newSpan({
    ...ofRun('t'),
    parentSpanId: step.spanId,
    name: 'Crew.run',
    attributes: { 'agno.team.id': 'crew', 'agentos.run.parent_id': 'w' },
  })
  const call = newSpan({ ...ofRun('t'), parentSpanId: team.spanId, kind: 'TOOL', name: 'delegate' })
  const member = newSpan({
    ...ofRun('m'),
    parentSpanId: call.spanId,
    endMs: START + 100,
    name: 'Writer.run',
    attributes: { 'agno.agent.id': 'writer', 'agentos.run.parent_id': 't', 'output.value': 'of the member' },
  })
  // As they end: the innermost first, each in a batch of its own.
  for (const span of [
    member,
    call,
    team,
    step,
    { ...workflow, attributes: { ...workflow.attributes, 'output.value': 'all' } },
  ]) {
    await insertSpans(database.db, [span])
  }
  const detail = await get(`/traces/${traceId}`)
  expect(TraceDetail.safeParse(detail).error).toBeUndefined()
  expect(detail).toMatchObject({ name: 'Flow.run', run_id: 'w', workflow_id: 'flow', total_spans: 5, output: 'all' })
  expect(detail.tree).toMatchObject([
    {
      type: 'WORKFLOW',
      spans: [
        {
          type: 'WORKFLOW',
          name: 'draft.execute',
          spans: [
            { type: 'TEAM', spans: [{ type: 'TOOL', spans: [{ type: 'AGENT', metadata: { parent_run_id: 't' } }] }] },
          ],
        },
      ],
    },
  ])
  const part = await get(`/traces/${traceId}?run_id=t`)
  expect(part).toMatchObject({ name: 'Crew.run', team_id: 'crew', total_spans: 3 })
  await database.db.deleteFrom('agentos_traces').where('trace_id', '=', traceId).execute()
})
