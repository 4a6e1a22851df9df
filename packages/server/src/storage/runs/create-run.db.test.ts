import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { NO_USAGE } from '../../base/usage.ts'
import { createRun, findRun, finishRun, listRuns } from './runs.ts'
import { createSession, deleteSessions, findSession } from '../sessions/sessions.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newJob, newRun, runEnd, storeRun } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => sql`delete from agentos_sessions`.execute(db))

describe('createRun', () => {
  test('makes the session and the leased run together', async () => {
    const run = newRun({ userId: 'ada', initialSessionState: { mood: 'calm' }, defaultName: 'Weather' })
    const { sessionState, createdAt } = await storeRun(db, run)
    expect(sessionState).toEqual({ mood: 'calm' })
    expect(await findSession(db, run.sessionId)).toMatchObject({
      sessionType: 'agent',
      componentId: 'assistant',
      userId: 'ada',
      sessionName: null,
      defaultName: 'Weather',
      usage: NO_USAGE,
    })
    const stored = await findRun(db, run.runId)
    expect(stored).toMatchObject({
      status: 'RUNNING',
      model: { provider: 'demo', id: 'assistant' },
      content: null,
      error: null,
      attempt: 1,
      leaseOwner: 'replica-1',
      createdAt,
      startedAt: createdAt,
      finishedAt: null,
    })
    expect(stored!.leaseUntil!.getTime() - createdAt.getTime()).toBe(30_000)
  })

  test('a run without an owner waits without a lease', async () => {
    const run = newRun({ status: 'PENDING', leaseOwner: null, attempt: 0, model: null, revision: null })
    await createRun(db, run)
    expect(await findRun(db, run.runId)).toMatchObject({
      status: 'PENDING',
      leaseOwner: null,
      leaseUntil: null,
      startedAt: null,
      model: null,
    })
  })

  test('keeps the state of a session, and fills user, component, state and name only where they are empty', async () => {
    const first = newRun({ initialSessionState: { a: 1 }, defaultName: 'first' })
    await createRun(db, first)
    const second = newRun({
      sessionId: first.sessionId,
      userId: 'ada',
      initialSessionState: { b: 2 },
      defaultName: 'second',
    })
    expect((await storeRun(db, second)).sessionState).toEqual({ a: 1 })
    expect(await findSession(db, first.sessionId)).toMatchObject({ userId: 'ada', defaultName: 'first' })

    const created = newRun({ initialSessionState: { b: 2 }, defaultName: 'from the run' })
    await createSession(db, { sessionId: created.sessionId, sessionType: 'agent' })
    expect((await storeRun(db, created)).sessionState).toEqual({ b: 2 })
    expect(await findSession(db, created.sessionId)).toMatchObject({
      componentId: 'assistant',
      defaultName: 'from the run',
    })
  })

  test.each([
    ['another user', { userId: 'eve' }],
    ['another agent', { componentId: 'other' }],
    ['another type', { runType: 'team' }],
  ] as const)('refuses a session of %s and writes nothing', async (_, difference) => {
    const owner = newRun({ userId: 'ada' })
    await createRun(db, owner)
    const before = await findSession(db, owner.sessionId)
    const intruder = newRun({ sessionId: owner.sessionId, userId: 'ada', ...difference })
    await expect(createRun(db, intruder)).rejects.toMatchObject({ code: 'SESSION_TAKEN' })
    expect(await findRun(db, intruder.runId)).toBeUndefined()
    expect(await findSession(db, owner.sessionId)).toEqual(before)
  })

  test('a run without a user may join a session that has one', async () => {
    const owner = newRun({ userId: 'ada' })
    await createRun(db, owner)
    await createRun(db, newRun({ sessionId: owner.sessionId, userId: null }))
    expect(await findSession(db, owner.sessionId)).toMatchObject({ userId: 'ada' })
  })

  test('twenty at once on a new session leave twenty runs', async () => {
    const first = newRun()
    const runs = Array.from({ length: 20 }, () => newRun({ sessionId: first.sessionId }))
    await Promise.all(runs.map((run) => createRun(db, run)))
    expect((await listRuns(db, first.sessionId)).map(({ runId }) => runId).sort()).toEqual(
      runs.map(({ runId }) => runId).sort(),
    )
  })

  test('twenty users at once on a new session: one gets it', async () => {
    const { sessionId } = newRun()
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => createRun(db, newRun({ sessionId, userId: `user-${index}` }))),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await listRuns(db, sessionId)).toHaveLength(1)
  })

  test('stores characters that PostgreSQL cannot hold as replacement characters', async () => {
    const run = newRun({ input: 'a\0b\ud800c', initialSessionState: { 'k\0': 'v\0 \\u0000 \udc00' } })
    expect((await storeRun(db, run)).sessionState).toEqual({ 'k\ufffd': 'v\ufffd \\u0000 \ufffd' })
    expect((await findRun(db, run.runId))!.input).toBe('a\ufffdb\ufffdc')
  })

  test('an id that no index can hold is a bad request, not a broken server', async () => {
    const { promise } = {
      promise: createRun(db, newRun({ sessionId: Array.from({ length: 9_000 }, (_, i) => i).join('') })),
    }
    await expect(promise).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  })
})

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

test('a run keeps the trace context of its request', async () => {
  const traceparent = `00-${'ab'.repeat(16)}-${'cd'.repeat(8)}-01`
  for (const run of [newRun({ traceparent }), newJob({ traceparent })]) {
    await createRun(db, run)
    expect(await findRun(db, run.runId)).toMatchObject({ traceparent })
  }
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
