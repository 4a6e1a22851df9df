import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { userMessage } from '../testing/new-run.ts'
import { openKnowledgeStore } from '../knowledge/store.ts'
import { prepareEventPartitions } from '../runs/run-events.ts'
import { reportStorage } from './storage-report.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { insertMessages, insertRun } from '../testing/stored-rows.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())

test('of an empty database tells its tables and that there are no runs', async () => {
  const { tables, eventPartitions, oldestRunAt, databaseBytes } = await reportStorage(database.db)
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relkind in ('r', 'p') and not relispartition and starts_with(relname, 'agentos_')
    order by relname collate "C"`.execute(database.db)
  const names = tables.map(({ name }) => name).toSorted()
  expect(names).toEqual(rows.map(({ name }) => name))
  expect(names).toContain('agentos_run_events')
  expect(eventPartitions).toMatchObject([{ name: 'agentos_run_events_default', day: null }])
  expect(oldestRunAt).toBeNull()
  expect(databaseBytes).toBeGreaterThan(1_000_000)
})

test('tells of what is searched, in its schema', async () => {
  await using store = await openTestDatabase()
  await openKnowledgeStore(store, 'english')
  const { tables } = await reportStorage(store.db)
  expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['ai.agentos_chunks', 'agentos_runs']))
})

test('tells rows, bytes, days of events and the oldest run', async () => {
  const { db } = database
  const oldest = new Date('2026-01-02T03:04:05.678Z')
  const runId = await insertRun(db, { created_at: oldest, finished_at: oldest })
  await insertMessages(db, runId, [userMessage('Hi'), userMessage('there')])
  await insertRun(db, { finished_at: new Date('2026-02-02T03:04:05.678Z') })
  await prepareEventPartitions(db)
  // Random text: PostgreSQL would compress any other, and keep it in the row.
  await sql`
    insert into agentos_run_events
    select (now() at time zone 'utc')::date, ${runId}, i, i, string_agg(md5(i::text || j::text), '')
    from generate_series(1, 3) i, generate_series(1, 1000) j group by i`.execute(db)

  const report = await reportStorage(db)
  const table = (name: string) => report.tables.find((one) => one.name === name)
  expect(report.oldestRunAt).toEqual(oldest)
  expect(table('agentos_runs')).toMatchObject({ rows: 2, isEstimate: false })
  expect(table('agentos_messages')).toMatchObject({ rows: 2 })
  expect(table('agentos_run_events')).toMatchObject({ rows: 3 })
  expect(table('agentos_run_events')?.toastBytes).toBeGreaterThan(3 * 32_000)
  expect(table('agentos_runs')?.indexBytes).toBeGreaterThan(8_000)
  expect(report.tables[0]?.name).toBe('agentos_run_events')

  const today = new Date().toISOString().slice(0, 10)
  expect(report.eventPartitions.map(({ day }) => day)).toContain(today)
  expect(report.eventPartitions.at(-1)?.day).toBeNull()
  expect(report.eventPartitions.find(({ day }) => day === today)?.bytes).toBeGreaterThan(3 * 32_000)
})
