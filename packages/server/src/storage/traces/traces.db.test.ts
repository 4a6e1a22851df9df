import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SpanRecord } from '../../base/span.ts'
import { deleteSessions, createSession } from '../sessions/sessions.ts'
import { insertSpans } from './spans.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newSpan, newTrace } from '../testing/new-span.ts'
import type { TraceCondition, TraceField } from './trace-filter.ts'
import { findSpan, findTrace, listSessionTraces, listTraces, readSpans } from './traces.ts'

const START = Date.parse('2026-11-01T12:00:00Z')
const run = (runId: string, sessionId: string, userId: string | null, agentId: string) => ({
  runId,
  sessionId,
  userId,
  agentId,
})
const EVERYTHING: TraceCondition = { op: 'and', conditions: [] }
const PAGE = { limit: 100, page: 1 }

/** Four traces of three sessions; the first has a second run. */
const [one, two, three, four] = [
  newTrace({ startMs: START, run: run('r1', 's1', 'ada', 'desk') }),
  newTrace({ startMs: START + 1000, endMs: START + 4000, run: run('r2', 's1', 'ada', 'desk'), error: 'no' }),
  newTrace({ startMs: START + 2000, run: run('r3', 's2', 'bob_%', 'assistant'), name: '100%_Sure.run' }),
  newTrace({ startMs: START + 3000, run: run('r4', 's3', null, 'assistant'), attributes: { 'agno.team.id': 'crew' } }),
]
const idOf = (spans: readonly SpanRecord[] | undefined) => spans?.[0]?.traceId ?? ''
const ids = [one, two, three, four].map(idOf)

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
  for (const spans of [one, two, three, four]) await insertSpans(db, spans ?? [])
  const second = { startMs: START + 500, run: run('r1b', 's1', 'ada', 'desk') }
  await insertSpans(db, [newSpan({ traceId: idOf(one), ...second })])
})
afterAll(() => database?.close())

/** Which of the four match, by their number. */
async function find(condition: TraceCondition): Promise<number[]> {
  const { traces, total } = await listTraces(db, condition, PAGE)
  expect(total).toBe(traces.length)
  return traces.map(({ traceId }) => ids.indexOf(traceId) + 1).toSorted((a, b) => a - b)
}

test('lists traces page by page, the newest start first', async () => {
  const first = await listTraces(db, EVERYTHING, { limit: 3, page: 1 })
  expect([first.total, first.traces.map(({ traceId }) => traceId)]).toEqual([4, ids.toReversed().slice(0, 3)])
  const second = await listTraces(db, EVERYTHING, { limit: 3, page: 2 })
  expect([second.total, second.traces.map(({ traceId }) => traceId)]).toEqual([4, [ids[0]]])
  expect(await listTraces(db, EVERYTHING, { limit: 3, page: 9 })).toEqual({ traces: [], total: 4 })
})

test.each<[string, TraceCondition, number[]]>([
  ['a run', { op: 'eq', field: 'run_id', value: 'r2' }, [2]],
  ['a run that is not the first of its trace', { op: 'eq', field: 'run_id', value: 'r1b' }, [1]],
  ['some runs', { op: 'in', field: 'run_id', values: ['r1b', 'r3', 'nope'] }, [1, 3]],
  ['a session', { op: 'eq', field: 'session_id', value: 's1' }, [1, 2]],
  ['a status', { op: 'eq', field: 'status', value: 'ERROR' }, [2]],
  ['a team, which is no agent', { op: 'eq', field: 'team_id', value: 'crew' }, [4]],
  ['an agent', { op: 'eq', field: 'agent_id', value: 'assistant' }, [3]],
  ['another user, and none is not another', { op: 'neq', field: 'user_id', value: 'ada' }, [3]],
  ['some users', { op: 'in', field: 'user_id', values: ['ada', 'x"\\,{}'] }, [1, 2]],
  ['none of no values', { op: 'in', field: 'user_id', values: [] }, []],
  ['a part of a text, in any case', { op: 'contains', field: 'name', value: 'SURE' }, [3]],
  ['signs that stand for others elsewhere', { op: 'contains', field: 'user_id', value: '%' }, [3]],
  ['a beginning', { op: 'starts-with', field: 'name', value: '100%_s' }, [3]],
  ['a beginning that is not one', { op: 'starts-with', field: 'name', value: '_' }, []],
  ['a duration', { op: 'gt', field: 'duration_ms', value: 2999.5 }, [2]],
  ['exactly a duration', { op: 'eq', field: 'duration_ms', value: 3000 }, [2]],
  ['a start', { op: 'gte', field: 'start_time', value: new Date(START + 2000) }, [3, 4]],
  ['an end', { op: 'lt', field: 'end_time', value: new Date(START + 3000) }, [1]],
  ['some starts', { op: 'in', field: 'start_time', values: [new Date(START), new Date(0)] }, [1]],
  ['nothing', { op: 'or', conditions: [] }, []],
  ['not', { op: 'not', condition: { op: 'eq', field: 'session_id', value: 's1' } }, [3, 4]],
  [
    'and within or',
    {
      op: 'or',
      conditions: [
        {
          op: 'and',
          conditions: [
            { op: 'eq', field: 'session_id', value: 's1' },
            { op: 'eq', field: 'status', value: 'OK' },
          ],
        },
        { op: 'eq', field: 'trace_id', value: ids[3] ?? '' },
      ],
    },
    [1, 4],
  ],
])('finds by %s', async (_, condition, expected) => {
  expect(await find(condition)).toEqual(expected)
})

test('whatever a text holds, it is only compared', async () => {
  const fields: readonly TraceField[] = ['name', 'user_id', 'session_id', 'run_id', 'trace_id', 'status']
  const ops = ['eq', 'neq', 'gt', 'lte', 'contains', 'starts-with'] as const
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(`'; drop table agentos_traces; --`, '{"', '\\', '\0', `$1`, `"}`, 'null'),
  )
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...fields), fc.constantFrom(...ops), text, async (field, op, value) => {
      await find({ op, field, value })
      await find({ op: 'in', field, values: [value, value] })
    }),
    { numRuns: 40 },
  )
  expect(await find(EVERYTHING)).toEqual([1, 2, 3, 4])
})

test('reads the spans of many traces at once, with the attributes asked for and no more than so many each', async () => {
  const spans = await readSpans(db, [...ids, 'nope'], { most: 2, attributes: ['input.value', 'nope'] })
  expect([...spans.keys()].toSorted()).toEqual(ids.toSorted())
  expect(spans.get(ids[1] ?? '')).toMatchObject([
    { name: 'Assistant.run', attributes: { 'input.value': 'What is the weather in Oslo?' }, error: 'no' },
    { name: 'fake-1', attributes: {} },
  ])
  expect(await readSpans(db, [], { most: 2, attributes: [] })).toEqual(new Map())
})

test('finds one span with everything it holds, in its own trace only', async () => {
  const tool = one?.[1]
  const spanId = tool?.spanId ?? ''
  expect(await findSpan(db, ids[0] ?? '', spanId)).toMatchObject({ name: 'get_weather', attributes: tool?.attributes })
  expect(await findSpan(db, ids[1] ?? '', spanId)).toBeUndefined()
  expect(await findSpan(db, ids[0] ?? '', 'nope')).toBeUndefined()
})

test('counts traces by session, the session with the newest one first', async () => {
  const { sessions, total } = await listSessionTraces(db, EVERYTHING, { limit: 2, page: 1 })
  expect(total).toBe(3)
  expect(sessions).toMatchObject([
    { sessionId: 's3', userId: null, agentId: null, teamId: 'crew', workflowId: null, totalTraces: 1 },
    { sessionId: 's2', userId: 'bob_%', agentId: 'assistant', totalTraces: 1 },
  ])
  const rest = await listSessionTraces(db, EVERYTHING, { limit: 2, page: 2 })
  expect(rest.sessions).toMatchObject([{ sessionId: 's1', userId: 'ada', totalTraces: 2 }])
  const [first] = rest.sessions
  expect(first!.firstTraceAt.getTime()).toBeLessThan(first!.lastTraceAt.getTime())
  const ofAda = await listSessionTraces(db, { op: 'eq', field: 'user_id', value: 'ada' }, PAGE)
  expect([ofAda.total, ofAda.sessions.map(({ sessionId }) => sessionId)]).toEqual([1, ['s1']])
})

test('finds the same sessions in the same order whether it walks to them or groups them all', async () => {
  // Two of a session begin together, and a session of long ago has a new trace.
  const old = Date.parse('2026-10-01T12:00:00Z')
  const traces = Array.from({ length: 60 }, (_, index) =>
    newSpan({ startMs: old + Math.floor(index / 2) * 1000, run: run(`w${index}`, `w${index % 9}`, 'walker', 'desk') }),
  )
  await insertSpans(db, traces)
  const ofWalker: TraceCondition = { op: 'eq', field: 'user_id', value: 'walker' }
  const grouped = await listSessionTraces(db, ofWalker, { limit: 1000, page: 1 })
  const pages = await Promise.all([1, 2, 3].map((page) => listSessionTraces(db, ofWalker, { limit: 4, page })))
  expect(pages.flatMap(({ sessions }) => sessions)).toEqual(grouped.sessions)
  expect(grouped.sessions.map(({ totalTraces }) => totalTraces).toSorted((a, b) => a - b)).toEqual([
    6, 6, 6, 7, 7, 7, 7, 7, 7,
  ])
  expect([grouped, ...pages].map(({ total }) => total)).toEqual([9, 9, 9, 9])
  await db.deleteFrom('agentos_traces').where('user_id', '=', 'walker').execute()
})

test('counts ten thousand traces, and estimates from there', async () => {
  const insert = (from: number, to: number) =>
    sql`
    insert into agentos_traces (trace_id, name, status, start_time, end_time, total_spans, error_count, team_id)
    select 'many-' || i, 'x', 'OK', now(), now(), 1, 0, 'many' from generate_series(${from}::integer, ${to}::integer) i`.execute(
      db,
    )
  const many: TraceCondition = { op: 'eq', field: 'team_id', value: 'many' }
  await insert(1, 10_000)
  expect((await listTraces(db, many, { limit: 1, page: 1 })).total).toBe(10_000)
  await insert(10_001, 12_000)
  await sql`analyze agentos_traces`.execute(db)
  const { total } = await listTraces(db, many, { limit: 1, page: 1 })
  expect(total).toBeGreaterThan(10_000)
  expect(total).toBeLessThan(13_000)
  await db.deleteFrom('agentos_traces').where('team_id', '=', 'many').execute()
})

describe('deleting a session', () => {
  test('deletes its traces and their spans, and no others', async () => {
    const doomed = newTrace({ run: run('gone', 'doomed', 'ada', 'desk') })
    await insertSpans(db, doomed)
    await createSession(db, { sessionId: 'doomed', sessionType: 'agent', userId: 'ada' })
    await deleteSessions(db, ['doomed'], { userId: 'bob' })
    expect(await findTrace(db, idOf(doomed))).toBeDefined()
    await deleteSessions(db, ['doomed'])
    expect(await findTrace(db, idOf(doomed))).toBeUndefined()
    const left = await db.selectFrom('agentos_spans').select('span_id').where('trace_id', '=', idOf(doomed)).execute()
    expect(left).toEqual([])
    expect(await find(EVERYTHING)).toEqual([1, 2, 3, 4])
  })
})
