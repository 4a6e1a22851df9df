import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { appendEvents, dropEventPartitions, type EventChunk, prepareEventPartitions, readEvents } from './run-events.ts'
import { createRun } from './runs.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun } from '../testing/new-run.ts'
import { textArray } from '../values.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

let runId: string
beforeEach(async () => {
  const run = newRun()
  await createRun(db, run)
  runId = run.runId
})

const chunk = (firstIndex: number, lastIndex: number) => ({
  runId,
  firstIndex,
  lastIndex,
  events: Array.from({ length: lastIndex - firstIndex + 1 }, (_, i) => `{"event_index":${firstIndex + i}}`).join('\n'),
})

const append = (chunks: EventChunk[]) =>
  appendEvents(
    db,
    'replica-1',
    chunks.map((given) => ({ ...given, attempt: 1 })),
  )

async function partitions(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'agentos_run_events'::regclass order by 1`.execute(db)
  return rows.map(({ name }) => name).filter((name) => !name.endsWith('_default'))
}

async function dayName(offset: number): Promise<string> {
  const { rows } = await sql<{ name: string }>`
    select 'agentos_run_events_' || to_char((now() at time zone 'utc')::date + ${offset}::integer, 'YYYYMMDD') as name`.execute(
    db,
  )
  return rows[0]!.name
}

test('gives the chunks past an index, in order', async () => {
  await append([chunk(0, 4), chunk(9, 9), chunk(5, 8)])
  expect(await readEvents(db, runId, -1)).toEqual([chunk(0, 4), chunk(5, 8), chunk(9, 9)])
  expect(await readEvents(db, runId, 6)).toEqual([chunk(5, 8), chunk(9, 9)])
  expect(await readEvents(db, runId, 9)).toEqual([])
  expect(await readEvents(db, 'another run', -1)).toEqual([])
})

test('a chunk written again stays once, and a longer one from the same index replaces it', async () => {
  await append([chunk(0, 4)])
  await append([chunk(0, 4), chunk(5, 5)])
  await append([chunk(5, 7)])
  await append([chunk(5, 6)])
  expect(await readEvents(db, runId, -1)).toEqual([chunk(0, 4), chunk(5, 7)])
  await append([])
})

test('stores the chunks of many runs in one statement, and drops those of runs that are not there', async () => {
  const runs = Array.from({ length: 300 }, () => newRun())
  for (const run of runs.slice(0, 100)) await createRun(db, run)
  await append(runs.map((run) => ({ runId: run.runId, firstIndex: 0, lastIndex: 0, events: '{}' })))
  expect(await readEvents(db, runs[0]!.runId, -1)).toHaveLength(1)
  const ids = textArray(runs.map((run) => run.runId))
  const { rows } = await sql`select from agentos_run_events where run_id = any(${ids}::text[])`.execute(db)
  expect(rows).toHaveLength(100)
})

test('makes the partitions of today and the next days once, whoever asks, and moves what came before them', async () => {
  await append([chunk(0, 1)])
  const names = await Promise.all([0, 1, 2].map(dayName))
  expect(await partitions()).toEqual([])
  await Promise.all(Array.from({ length: 8 }, () => prepareEventPartitions(db)))
  expect(await partitions()).toEqual(names)
  await append([chunk(2, 3)])
  expect(await readEvents(db, runId, -1)).toEqual([chunk(0, 1), chunk(2, 3)])
  const { rows } = await sql<{ count: number }>`select count(*) as count from agentos_run_events_default`.execute(db)
  expect(rows).toEqual([{ count: 0 }])
})

test('drops the partitions of days past retention, and no others', async () => {
  await prepareEventPartitions(db)
  const old = await dayName(-8)
  const edge = await dayName(-7)
  for (const [name, offset] of [
    [old, -8],
    [edge, -7],
  ] as const) {
    const { rows } = await sql<{ day: string; next: string }>`
      select ((now() at time zone 'utc')::date + ${offset}::integer)::text as day,
        ((now() at time zone 'utc')::date + ${offset}::integer + 1)::text as next`.execute(db)
    const { day, next } = rows[0]!
    await sql`create table ${sql.table(name)} partition of agentos_run_events
      for values from (${sql.lit(day)}) to (${sql.lit(next)})`.execute(db)
  }
  await sql`insert into agentos_run_events values (date '2001-01-01', 'lost', 0, 0, '{}')`.execute(db)
  expect(await dropEventPartitions(db, 7)).toEqual([old])
  expect(await dropEventPartitions(db, 7)).toEqual([])
  expect(await partitions()).toContain(edge)
  expect(await partitions()).toContain(await dayName(0))
  const { rows } = await sql<{
    count: number
  }>`select count(*) as count from agentos_run_events where run_id = 'lost'`.execute(db)
  expect(rows).toEqual([{ count: 0 }])
})
