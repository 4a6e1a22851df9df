import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { claimTicks } from './claim-ticks.ts'
import { listScheduleRuns } from './schedule-runs.ts'
import { findSchedule, updateSchedule } from './schedules.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { claimAll, makeDue, storeSchedule } from '../testing/schedule.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => sql`delete from agentos_schedules`.execute(db))

const historyOf = async (scheduleId: string) => (await listScheduleRuns(db, scheduleId, { limit: 100, page: 1 })).runs

test('makes a leased row of a tick, and moves the schedule on', async () => {
  const { scheduleId } = await storeSchedule(db, { userId: 'ada' })
  const tickAt = (await findSchedule(db, scheduleId))?.nextRunAt
  const { runs, skipped, due } = await claimTicks(db, claimAll('replica-1'))
  expect({ skipped, due }).toEqual({ skipped: 0, due: 1 })
  expect(runs).toMatchObject([{ scheduleId, userId: 'ada', attempt: 1, payload: { message: 'What is new?' } }])
  expect(runs[0]?.lateMs).toBeGreaterThanOrEqual(1000)
  expect(await historyOf(scheduleId)).toMatchObject([{ tickAt, status: 'pending', attempt: 1, completedAt: null }])
  expect((await findSchedule(db, scheduleId))?.nextRunAt?.getTime()).toBeGreaterThan(Date.now() + 3_000_000)
  expect((await claimTicks(db, claimAll('replica-2'))).due).toBe(0)
})

test('gives each tick to one of many that claim at once', async () => {
  const schedules = await Promise.all(Array.from({ length: 20 }, () => storeSchedule(db)))
  const claims = Array.from({ length: 8 }, async (_, n) => (await claimTicks(db, claimAll(`replica-${n}`))).runs)
  const claimed = (await Promise.all(claims)).flat().map(({ scheduleId }) => scheduleId)
  expect(claimed.toSorted()).toEqual(schedules.map(({ scheduleId }) => scheduleId).toSorted())
})

test('claims nothing that is disabled, on demand, or in the future', async () => {
  const disabled = await storeSchedule(db)
  await updateSchedule(db, disabled.scheduleId, { enabled: false })
  const onDemand = await storeSchedule(db, { cronExpr: '' })
  await updateSchedule(db, onDemand.scheduleId, { nextRunAt: null })
  await storeSchedule(db, {}, -60_000)
  expect((await claimTicks(db, claimAll('replica-1'))).due).toBe(0)
})

test('claims no more than it is asked for, the longest due first', async () => {
  const late = await storeSchedule(db, {}, 9000)
  await storeSchedule(db, {}, 1000)
  const { runs, due } = await claimTicks(db, { ...claimAll('replica-1'), limit: 1 })
  expect([due, runs.map(({ scheduleId }) => scheduleId)]).toEqual([1, [late.scheduleId]])
})

test('tells the plan what is under way, and stores what it decides', async () => {
  const { scheduleId } = await storeSchedule(db, { missedPolicy: 'skip', overlapPolicy: 'queue' })
  const seen: unknown[] = []
  const decide = (action: 'run' | 'wait' | 'skip') =>
    claimAll('replica-1', ({ isBusy, hasWaiting, missedPolicy, overlapPolicy }) => {
      seen.push({ isBusy, hasWaiting, missedPolicy, overlapPolicy })
      return { action, reason: action === 'skip' ? 'because' : null }
    })
  for (const action of ['run', 'wait', 'skip'] as const) {
    await makeDue(db, scheduleId, 1000 + seen.length)
    await claimTicks(db, decide(action))
  }
  const policies = { missedPolicy: 'skip', overlapPolicy: 'queue' }
  expect(seen).toEqual([
    { isBusy: false, hasWaiting: false, ...policies },
    { isBusy: true, hasWaiting: false, ...policies },
    { isBusy: true, hasWaiting: true, ...policies },
  ])
  expect((await historyOf(scheduleId)).map(({ status, error }) => [status, error])).toEqual([
    ['skipped', 'because'],
    ['pending', null],
    ['pending', null],
  ])
})

test('disables a schedule whose next time is unknown', async () => {
  const { scheduleId } = await storeSchedule(db)
  const { runs } = await claimTicks(
    db,
    claimAll('replica-1', () => ({ nextRunAt: null, problem: 'no such zone' })),
  )
  expect(runs).toEqual([])
  expect(await findSchedule(db, scheduleId)).toMatchObject({
    enabled: false,
    disabledReason: 'no such zone',
    nextRunAt: null,
  })
})

test('leaves a tick as it was when it cannot be stored', async () => {
  const { scheduleId } = await storeSchedule(db)
  const id = randomUUID()
  await claimTicks(
    db,
    claimAll('replica-1', () => ({ scheduleRunId: id })),
  )
  await makeDue(db, scheduleId, 500)
  const again = claimTicks(
    db,
    claimAll('replica-1', () => ({ scheduleRunId: id })),
  )
  await expect(again).rejects.toThrow('agentos_schedule_runs_pkey')
  expect((await claimTicks(db, claimAll('replica-1'))).due).toBe(1)
})
