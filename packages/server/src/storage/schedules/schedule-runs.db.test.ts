import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { deleteOldScheduleRuns, listScheduleRuns, readScheduleHealth } from './schedule-runs.ts'
import { updateSchedule } from './schedules.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { removeAll, storeSchedule } from '../testing/schedule.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => removeAll(db))

async function storeEnded(scheduleId: string, id: string, status: string, daysAgo: number | null): Promise<void> {
  await sql`
    insert into agentos_schedule_runs (
      schedule_run_id, schedule_id, status, method, endpoint, timeout_seconds, max_retries, retry_delay_seconds,
      completed_at
    )
    values (${id}, ${scheduleId}, ${status}, 'GET', '/health', 60, 0, 1,
      now() - ${daysAgo}::integer * interval '1 day')`.execute(db)
}

test('forgets what ended long ago, in batches, and nothing that may go on', async () => {
  const { scheduleId } = await storeSchedule(db)
  await storeEnded(scheduleId, 'old-1', 'success', 31)
  await storeEnded(scheduleId, 'old-2', 'skipped', 40)
  await storeEnded(scheduleId, 'young', 'failed', 29)
  await storeEnded(scheduleId, 'paused', 'paused', 40)
  await storeEnded(scheduleId, 'running', 'running', null)
  expect(await deleteOldScheduleRuns(db, { olderThanDays: 30, batch: 1 })).toBe(1)
  expect(await deleteOldScheduleRuns(db, { olderThanDays: 30, batch: 10 })).toBe(1)
  const { runs, total } = await listScheduleRuns(db, scheduleId, { limit: 10, page: 1 })
  expect(runs.map(({ scheduleRunId }) => scheduleRunId).toSorted()).toEqual(['paused', 'running', 'young'])
  expect(total).toBe(3)
})

test('tells how many schedules are enabled, and how late the latest is', async () => {
  expect(await readScheduleHealth(db)).toEqual({ enabled: 0, lateMs: 0 })
  const late = await storeSchedule(db, {}, 90_000)
  await storeSchedule(db, {}, -90_000)
  await storeSchedule(db, {}, -1_000_000)
  const { enabled, lateMs } = await readScheduleHealth(db)
  expect(enabled).toBe(3)
  expect(lateMs).toBeGreaterThanOrEqual(90_000)
  await updateSchedule(db, late.scheduleId, { enabled: false })
  expect((await readScheduleHealth(db)).enabled).toBe(2)
})
