import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { insertSpans, prepareSpanPartitions } from './spans.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newTrace } from '../testing/new-span.ts'
import { readsOf } from '../testing/reads.ts'
import type { TraceCondition } from './trace-filter.ts'
import { findSpan, findTrace, listSessionTraces, listTraces, readSpans } from './traces.ts'

const TRACES = 50_000
const DAYS = 10

/** When the newest trace began: the day that has just begun may be too short a one for indexes to be worth it. */
const NEWEST_MS = new Date().setUTCHours(0, 0, 0, 0) - 60_000

/** Two hundred thousand spans of fifty thousand traces, over as many whole days, with a partition each. */
async function fill(db: Db): Promise<void> {
  await prepareSpanPartitions(db)
  await sql`
    do $$
    declare today date := now() at time zone 'utc';
    begin
      for ago in 1..${sql.lit(DAYS)} loop
        execute format(
          'create table agentos_spans_%s partition of agentos_spans for values from (%L) to (%L)',
          to_char(today - ago, 'YYYYMMDD'), today - ago, today - ago + 1
        );
      end loop;
    end $$`.execute(db)
  const apart = ((DAYS - 0.1) * 86_400) / TRACES
  const started = sql`${new Date(NEWEST_MS)}::timestamptz - (i - 1) * interval '1 second' * ${apart}::float8`
  await sql`
    insert into agentos_traces (trace_id, name, context_at, run_id, session_id, user_id, agent_id, input, status,
      start_time, end_time, total_spans, error_count)
    select md5(i::text), 'Assistant.run', started, 'run-' || i, 's' || i % 5000, 'u' || i % 500, 'a' || i % 50,
      -- As wide as rows are: of narrow ones the whole table costs no more than an index.
      repeat('What is the weather? ', 20),
      case when i % 100 = 0 then 'ERROR' else 'OK' end, started, started + interval '1 second', 4, 0
    from (select i, ${started} as started from generate_series(1, ${TRACES}::integer) i) given`.execute(db)
  await sql`
    insert into agentos_spans (day, trace_id, span_id, parent_span_id, name, kind, start_time, end_time, run_id, attributes)
    select (started at time zone 'utc')::date, md5(i::text), lpad(to_hex(n), 16, '0'), null, 'x',
      case n when 0 then 'AGENT' when 2 then 'TOOL' else 'LLM' end, started, started + interval '1 second', 'run-' || i,
      '{"input.value": "hi", "llm.model_name": "fake"}'
    from (select i, ${started} as started from generate_series(1, ${TRACES}::integer) i) given,
      generate_series(0, 3) n`.execute(db)
  await sql`vacuum analyze agentos_spans, agentos_traces`.execute(db)
}

/** Partitions of today, of days to come and the default one are empty, and may be read in any way. */
const TABLES = sql`relname = 'agentos_traces'
  or relname ~ '^agentos_spans_[0-9]{8}$' and right(relname, 8) < to_char(now() at time zone 'utc', 'YYYYMMDD')`

let database: TestDatabase
let traceIds: string[]
beforeAll(async () => {
  database = await openTestDatabase()
  await fill(database.db)
  const { traces } = await listTraces(database.db, { op: 'and', conditions: [] }, { limit: 100, page: 1 })
  traceIds = traces.map(({ traceId }) => traceId)
}, 60_000)
afterAll(() => database?.close())

const PAGE = { limit: 20, page: 1 }
const shown = { most: 40, attributes: ['input.value'] }
const daysBefore = (days: number) => new Date(NEWEST_MS - days * 86_400_000)
const everything: TraceCondition = { op: 'and', conditions: [] }
const only = (field: 'run_id' | 'session_id' | 'user_id' | 'agent_id' | 'status', value: string): TraceCondition => ({
  op: 'and',
  conditions: [{ op: 'eq', field, value }],
})

test.each<[string, number, (db: Db) => Promise<unknown>]>([
  ['the first page of all', 10_100, (db) => listTraces(db, everything, PAGE)],
  ['a list by run', 30, (db) => listTraces(db, only('run_id', 'run-7'), PAGE)],
  ['a list by session', 60, (db) => listTraces(db, only('session_id', 's7'), PAGE)],
  ['a list by user', 600, (db) => listTraces(db, only('user_id', 'u7'), PAGE)],
  ['a list by agent', 6000, (db) => listTraces(db, only('agent_id', 'a7'), PAGE)],
  ['a list of failures', 1200, (db) => listTraces(db, only('status', 'ERROR'), PAGE)],
  [
    'a list by time',
    100,
    (db) => listTraces(db, { op: 'gte', field: 'start_time', value: new Date(NEWEST_MS - 10 * 60_000) }, PAGE),
  ],
  [
    'a list up to a time of long ago',
    700,
    (db) => listTraces(db, { op: 'lte', field: 'end_time', value: daysBefore(DAYS - 0.2) }, PAGE),
  ],
  ['the sessions of an agent', 6000, (db) => listSessionTraces(db, only('agent_id', 'a7'), PAGE)],
  ['one trace', 2, (db) => findTrace(db, traceIds[7]!)],
  ['the spans of a trace', 10, (db) => readSpans(db, [traceIds[7]!], shown)],
  ['the spans of a page', 600, (db) => readSpans(db, traceIds, shown)],
  ['one span', 10, (db) => findSpan(db, traceIds[7]!, '0000000000000002')],
  [
    'a batch of new spans',
    10,
    (db) => insertSpans(db, Array.from({ length: 100 }, () => newTrace({ startMs: NEWEST_MS })).flat()),
  ],
])('%s reads no table as a whole', async (_, mostRows, work) => {
  const { wholeTables, rows } = await readsOf(database.db, TABLES, work)
  expect(wholeTables).toBe(0)
  expect(rows).toBeLessThanOrEqual(mostRows)
})

test.each([
  ['the first page', 1, PAGE],
  ['a late page', 2, { limit: 20, page: 200 }],
])('%s of all sessions reads them once to count them, from an index or the table', async (_, times, page) => {
  const { wholeTables, rows } = await readsOf(database.db, TABLES, (db) => listSessionTraces(db, everything, page))
  expect(wholeTables).toBeLessThanOrEqual(times)
  expect(rows).toBeLessThanOrEqual(times * TRACES + 400)
})

test('estimates how many match when they are too many to count', async () => {
  const { total } = await listTraces(database.db, everything, PAGE)
  expect(total).toBeGreaterThan(0.9 * TRACES)
  expect(total).toBeLessThan(1.1 * TRACES)
  expect((await listTraces(database.db, only('user_id', 'u7'), PAGE)).total).toBe(TRACES / 500)
})

test('reads the partitions of the days that a trace lasted, and no others', async () => {
  const { rows } = await sql<{ plan: string }>`
    explain (analyze, costs off, timing off, summary off)
    select s.span_id from agentos_traces t join agentos_spans s on s.trace_id = t.trace_id
      and day between (t.start_time at time zone 'utc')::date and (t.end_time at time zone 'utc')::date
    where t.trace_id = ${traceIds[7]}`.execute(database.db)
  const lines = rows.map((row) => Object.values(row).join(''))
  const read = lines.filter((line) => /agentos_spans_\w+/.test(line) && !line.includes('never executed'))
  expect(read.length).toBeLessThanOrEqual(2)
})
