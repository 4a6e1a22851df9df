import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createRun, findRun, finishRun, listRuns } from './runs.ts'
import { deleteSessions, findSession } from './sessions.ts'
import type { Db } from './tables.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { newJob, newRun, runEnd } from './testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => sql`delete from agentos_sessions`.execute(db))

describe('a background run', () => {
  test('is stored with what the queue needs', async () => {
    const run = newJob({ priority: 7, maxAttempts: 5 })
    await createRun(db, run)
    expect(await findRun(db, run.runId)).toMatchObject({
      status: 'PENDING',
      background: true,
      priority: 7,
      maxAttempts: 5,
      lostAttempts: 0,
      settledIndex: -1,
      voidEvents: [],
      statePatch: null,
      requirements: [],
      idempotencyKey: null,
      requestHash: null,
    })
  })

  test('is refused when the queue is full, and nothing of it is stored', async () => {
    const running = newRun()
    await createRun(db, running)
    await createRun(db, newJob({ maxQueueDepth: 2 }))
    await createRun(db, newJob({ maxQueueDepth: 2 }))
    const third = newJob({ maxQueueDepth: 2 })
    await expect(createRun(db, third)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    const keyed = { ...third, idempotency: { key: 'k', requestHash: 'h' } }
    await expect(createRun(db, keyed)).rejects.toMatchObject({ code: 'QUEUE_FULL' })
    expect(await findRun(db, third.runId)).toBeUndefined()
    expect(await findSession(db, third.sessionId)).toBeUndefined()
    // The queue does not stand in the way of runs that do not wait.
    await createRun(db, newRun({ maxQueueDepth: 2 }))
    await createRun(db, { ...third, maxQueueDepth: 3 })
  })

  test('of a session of somebody else is refused as such', async () => {
    const run = newRun({ userId: 'ada' })
    await createRun(db, run)
    const job = newJob({ sessionId: run.sessionId, userId: 'eve' })
    await expect(createRun(db, job)).rejects.toMatchObject({ code: 'SESSION_TAKEN' })
    expect(await listRuns(db, run.sessionId)).toHaveLength(1)
  })
})

test('an inline run knows how often it may be lost', async () => {
  const run = newRun({ maxAttempts: 7, priority: 3 })
  await createRun(db, run)
  expect(await findRun(db, run.runId)).toMatchObject({ background: false, priority: 0, maxAttempts: 7 })
})

describe('an idempotency key', () => {
  const idempotency = { key: 'order-7', requestHash: 'abc' }

  test('brings its first run again, with the request it came with', async () => {
    const run = newRun({ idempotency })
    expect(await createRun(db, run)).toMatchObject({ created: true })
    expect(await findRun(db, run.runId)).toMatchObject({ idempotencyKey: 'order-7', requestHash: 'abc' })
    const { runId, sessionId } = run
    const again = newRun({ idempotency: { key: 'order-7', requestHash: 'another request' } })
    const known = { created: false, runId, sessionId, requestHash: 'abc' }
    expect(await createRun(db, again)).toEqual({ ...known, status: 'RUNNING' })
    await finishRun(db, runEnd(run))
    expect(await createRun(db, again)).toEqual({ ...known, status: 'COMPLETED' })
    expect(await findSession(db, again.sessionId)).toBeUndefined()
  })

  test('is found before the queue is looked at', async () => {
    const job = newJob({ idempotency, maxQueueDepth: 1 })
    await createRun(db, job)
    expect(await createRun(db, { ...job, runId: 'other' })).toMatchObject({ created: false, runId: job.runId })
  })

  test('belongs to its user and component', async () => {
    const given = [{}, { userId: 'ada' }, { userId: 'eve' }, { componentId: 'other' }]
    for (const part of given) {
      expect(await createRun(db, newRun({ idempotency, ...part }))).toMatchObject({ created: true })
      expect(await createRun(db, newRun({ idempotency, ...part }))).toMatchObject({ created: false })
    }
  })

  test('is free again when its run is gone', async () => {
    const run = newRun({ idempotency })
    await createRun(db, run)
    await deleteSessions(db, [run.sessionId])
    expect(await createRun(db, newRun({ idempotency }))).toMatchObject({ created: true })
  })

  test('does not hide other conflicts', async () => {
    const run = newRun()
    await createRun(db, run)
    await expect(createRun(db, newRun({ runId: run.runId, idempotency }))).rejects.toMatchObject({ code: '23505' })
  })
})
