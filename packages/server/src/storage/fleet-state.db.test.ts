import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createRun } from './runs/create-run.ts'
import { readFleetState, readStorageSize } from './fleet-state.ts'
import type { Db } from './tables.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { newJob, newRun } from './testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => sql`delete from agentos_sessions`.execute(db))

const read = () => readFleetState(db, { replicaId: 'replica-1', leaseMs: 30_000 })

test('is nothing where nothing waits and nothing runs', async () => {
  expect(await read()).toEqual({ waitingRuns: 0, oldestWaitMs: 0, leaseAgeMs: 0, leaseOverdueMs: 0 })
})

test('counts what waits, in the queue and handed over, and how long the first has', async () => {
  const first = newJob()
  await createRun(db, first)
  await createRun(db, newJob())
  await createRun(db, newRun({ status: 'PENDING', leaseOwner: null }))
  await sql`update agentos_runs set updated_at = now() - interval '90 seconds' where run_id = ${first.runId}`.execute(
    db,
  )
  const { waitingRuns, oldestWaitMs } = await read()
  expect(waitingRuns).toBe(3)
  expect(oldestWaitMs).toBeGreaterThanOrEqual(90_000)
  expect(oldestWaitMs).toBeLessThan(100_000)
})

test('tells the age of the oldest lease of this replica, and of no other', async () => {
  const [mine, older, other] = [newRun(), newRun(), newRun({ leaseOwner: 'replica-2' })]
  for (const run of [mine, older, other]) await createRun(db, run)
  const renewedBefore = (runId: string, seconds: number) =>
    sql`update agentos_runs set lease_until = now() + interval '30 seconds' - ${seconds} * interval '1 second'
      where run_id = ${runId}`.execute(db)
  await renewedBefore(mine.runId, 1)
  await renewedBefore(older.runId, 8)
  await renewedBefore(other.runId, 20)
  const { leaseAgeMs, leaseOverdueMs } = await read()
  expect(leaseAgeMs).toBeGreaterThanOrEqual(8000)
  expect(leaseAgeMs).toBeLessThan(12_000)
  expect(leaseOverdueMs).toBe(0)
})

test('tells how long a lease has run out that nobody has taken up, of any replica', async () => {
  const lost = newRun({ leaseOwner: 'replica-2' })
  for (const run of [newRun(), lost]) await createRun(db, run)
  await sql`update agentos_runs set lease_until = now() - interval '45 seconds' where run_id = ${lost.runId}`.execute(
    db,
  )
  const { leaseOverdueMs, leaseAgeMs } = await read()
  expect(leaseOverdueMs).toBeGreaterThanOrEqual(45_000)
  expect(leaseOverdueMs).toBeLessThan(55_000)
  expect(leaseAgeMs).toBeLessThan(5000)
})

test('knows how large the database is', async () => {
  expect(await readStorageSize(db)).toBeGreaterThan(1_000_000)
})
