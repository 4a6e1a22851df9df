import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimPending, readScheduleWork, settleScheduleRuns } from './schedule-queue.ts'
import { deleteOldScheduleRuns, findScheduleRun, listScheduleRuns } from './schedule-runs.ts'
import { listSchedules } from './schedules.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { storeSchedule } from '../testing/schedule.ts'
import { readUsage } from '../usage.ts'

const MANY = 50_000
const RETRY_IDS = Array.from({ length: 50 }, (_, n) => `retry-${n}`)

let database: TestDatabase
let db: Db
let scheduleId: string
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
  scheduleId = (await storeSchedule(db, {}, -3_600_000)).scheduleId
  await sql`
    insert into agentos_schedules
    select 's' || i, null, 'many ' || i, null, method, endpoint, payload, cron_expr, timezone, timeout_seconds,
      max_retries, retry_delay_seconds, missed_policy, overlap_policy, i % 2 = 0, null,
      now() + i * interval '1 second', now() - i * interval '1 second', now()
    from agentos_schedules, generate_series(1, ${MANY}::integer) i where schedule_id = ${scheduleId}`.execute(db)
  await sql`
    insert into agentos_schedule_runs (
      schedule_run_id, schedule_id, tick_at, status, method, endpoint, timeout_seconds, max_retries,
      retry_delay_seconds, created_at, completed_at, triggered_at
    )
    select 'r' || i, ${scheduleId}, now() - i * interval '1 minute', 'success', 'GET', '/health', 60, 0, 1,
      now() - i * interval '1 minute', now() - i * interval '1 minute', now() - i * interval '1 minute'
    from generate_series(1, ${MANY}::integer) i`.execute(db)
  const sums = sql`1, 1, 1, 1, 1, 1, 1, 1`
  await sql`
    insert into agentos_usage
    select '2026-01-01'::date + i % 365, 'user-' || i, 'agent', 'demo', 'assistant', ${sums}
    from generate_series(1, ${MANY}::integer) i`.execute(db)
  await sql`
    insert into agentos_usage_days (day, run_type, provider, model, sessions, runs, input_tokens, output_tokens,
      total_tokens, reasoning_tokens, cache_read_tokens, cache_write_tokens)
    select '2026-01-01'::date + i, 'agent', 'demo', 'assistant', ${sums} from generate_series(0, 364) i`.execute(db)
  await sql`analyze`.execute(db)
})
afterAll(() => database?.close())

/** Rows that `work` reads of the tables of schedules and usage, and tables that it reads whole; its changes are undone. */
async function readsOf(
  work: (db: Db) => Promise<unknown>,
): Promise<{ readonly rows: number; readonly whole: string[] }> {
  const undo = new Error('undo')
  let reads = { rows: 0, whole: [] as string[] }
  const measured = db.transaction().execute(async (transaction) => {
    await work(transaction)
    const { rows } = await sql<{ relname: string; seq_scan: number; rows: number }>`
      select relname, seq_scan, (seq_tup_read + coalesce(idx_tup_fetch, 0))::integer as rows
      from pg_stat_xact_user_tables
      where relname in ('agentos_schedules', 'agentos_schedule_runs', 'agentos_usage', 'agentos_usage_days')
      `.execute(transaction)
    reads = {
      rows: rows.reduce((sum, row) => sum + row.rows, 0),
      whole: rows.filter(({ seq_scan }) => seq_scan > 0).map(({ relname }) => relname),
    }
    throw undo
  })
  await expect(measured).rejects.toBe(undo)
  return reads
}

const READS: readonly (readonly [name: string, mostRows: number, work: (db: Db) => Promise<unknown>])[] = [
  ['looking whether there is anything to do', 5, (given) => readScheduleWork(given)],
  ['settling what is running', 10, (given) => settleScheduleRuns(given, { withPaused: true, retryIds: RETRY_IDS })],
  ['claiming what waits', 10, (given) => claimPending(given, { owner: 'replica-1', leaseMs: 1000 }, 50)],
  ['a page of the history', 20, (given) => findScheduleRun(given, scheduleId, 'r77')],
  [
    'deleting the oldest of the history',
    500,
    (given) => deleteOldScheduleRuns(given, { olderThanDays: 30, batch: 50 }),
  ],
  // The planner looks at the ends of the days.
  ['the usage of one user', 200, (given) => readUsage(given, { userId: 'user-77' })],
  ['the usage of a month', 200, (given) => readUsage(given, { from: '2026-03-01', to: '2026-03-31' })],
]

test.each(READS)('reads no table whole for %s', async (_name, mostRows, work) => {
  const { rows, whole } = await readsOf(work)
  // The days of a year fit a few pages, which may be read whole.
  expect(whole.filter((table) => table !== 'agentos_usage_days')).toEqual([])
  expect(rows).toBeLessThanOrEqual(Math.max(mostRows, whole.length * 400))
})

test('gives pages of long lists within milliseconds', async () => {
  const timed = async (work: () => Promise<unknown>) => {
    const times: number[] = []
    for (let n = 0; n < 5; n++) {
      const startedAt = performance.now()
      await work()
      times.push(performance.now() - startedAt)
    }
    return Math.min(...times)
  }
  expect(await timed(() => listSchedules(db, { limit: 100, page: 1 }))).toBeLessThan(100)
  expect(await timed(() => listScheduleRuns(db, scheduleId, { limit: 100, page: 3 }))).toBeLessThan(100)
  expect(await timed(() => readUsage(db))).toBeLessThan(100)
})
