import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteOldRuns } from './retention.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { insertRun } from '../testing/stored-rows.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

const finished = (days: number) => ({ finished_at: new Date(Date.now() - days * 86_400_000) })
const month = { olderThanDays: 30, batch: 500 }

test('while another server deletes, this one does nothing and does not wait', async () => {
  for (let index = 0; index < 3; index++) await insertRun(db, finished(31))
  await db.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(4218097313)`.execute(transaction)
    expect(await deleteOldRuns(db, month)).toBe(0)
  })
  expect(await deleteOldRuns(db, month)).toBe(3)
})

test('a run that somebody has locked is left, and nobody waits', async () => {
  const locked = await insertRun(db, finished(32))
  await insertRun(db, finished(31))
  await db.transaction().execute(async (transaction) => {
    await sql`select from agentos_runs where run_id = ${locked} for update`.execute(transaction)
    expect(await deleteOldRuns(db, month)).toBe(1)
  })
  expect(await deleteOldRuns(db, month)).toBe(1)
})
