import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { COMPLETED } from '../http/testing/fake-runs.ts'
import { paused, requirement } from '../http/testing/replica.ts'
import { openScheduling } from '../http/testing/scheduling.ts'
import { listScheduleRuns, type ScheduleRun } from '../storage/schedules/schedule-runs.ts'
import { deleteSchedule, findSchedule, updateSchedule } from '../storage/schedules/schedules.ts'
import { findRun } from '../storage/runs/runs.ts'
import { deleteSessions } from '../storage/sessions/sessions.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import {
  completeRun,
  countByStatus,
  endLeases,
  makeDue,
  removeAll,
  storeLostCall,
  storeSchedule,
  takeAway,
} from '../storage/testing/schedule.ts'
import type { Db } from '../storage/tables.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }
const FAILED = {
  ...COMPLETED,
  status: 'ERROR',
  error: { code: 'MODEL_REJECTED', message: 'the model said no' },
} as const

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => removeAll(db))

/** Oldest first. */
const historyOf = async (scheduleId: string) =>
  (await listScheduleRuns(db, scheduleId, { limit: 100, page: 1 })).runs.toReversed()

async function historyOnce(scheduleId: string, isThere: (runs: ScheduleRun[]) => boolean): Promise<ScheduleRun[]> {
  let runs: ScheduleRun[] = []
  await vi.waitFor(async () => {
    runs = await historyOf(scheduleId)
    if (!isThere(runs)) throw new Error(JSON.stringify(runs.map(({ status, error }) => [status, error])))
  }, PATIENT)
  return runs
}

const haveEnded = (count: number) => (runs: readonly ScheduleRun[]) =>
  runs.length >= count && runs.every(({ completedAt }) => completedAt !== null)

test('starts a background run with the payload, and tells what came out', async () => {
  await using server = await openScheduling(database)
  const payload = { message: 'Report', user_id: 'ada', session_id: 'daily', metadata: { team: 'x' }, stream: true }
  const { scheduleId } = await storeSchedule(db, { payload })
  const [run] = await historyOnce(scheduleId, haveEnded(1))
  expect(run).toMatchObject({ status: 'success', statusCode: 202, sessionId: 'daily', input: 'Report', error: null })
  expect(run).toMatchObject({ content: COMPLETED.content, contentType: 'str', attempt: 1 })
  const stored = await findRun(db, run?.runId ?? '')
  expect(stored).toMatchObject({ userId: 'ada', background: true, streamed: false, sessionId: 'daily' })
  expect(stored?.options.metadata).toEqual({ team: 'x', schedule_id: scheduleId, schedule_run_id: run?.scheduleRunId })
  expect(server.moves).toEqual([
    { type: 'begun', lateMs: expect.any(Number) },
    { type: 'ended', status: 'success' },
  ])
})

test('says why a run failed, and tries again as often as it may', async () => {
  await using server = await openScheduling(database)
  server.play = (run) => run.handlers.onDone(FAILED)
  const { scheduleId } = await storeSchedule(db, { maxRetries: 1, retryDelaySeconds: 1 })
  const [first, second, ...more] = await historyOnce(scheduleId, haveEnded(2))
  expect(more).toEqual([])
  expect(first).toMatchObject({ status: 'failed', error: 'the model said no', attempt: 1 })
  expect(second).toMatchObject({ status: 'failed', attempt: 2, tickAt: first?.tickAt })
  expect(second?.runId).not.toBe(first?.runId)
  expect((second?.triggeredAt?.getTime() ?? 0) - (first?.completedAt?.getTime() ?? 0)).toBeGreaterThanOrEqual(990)
})

test('tells what a paused run waits for, and follows it to its end', async () => {
  await using server = await openScheduling(database)
  const asked = requirement({ approval: 'required', approvalId: 'approval-1' })
  server.play = (run) => run.handlers.onDone(paused(asked))
  const { scheduleId } = await storeSchedule(db, { maxRetries: 3 })
  const [run] = await historyOnce(scheduleId, haveEnded(1))
  expect(run).toMatchObject({ status: 'paused', error: null, requirements: [{ toolName: 'send_mail' }] })
  const { data } = (await server.app.inject(`/approvals?schedule_id=${scheduleId}`)).json()
  expect(data).toMatchObject([{ run_id: run?.runId, schedule_id: scheduleId, schedule_run_id: run?.scheduleRunId }])
  await completeRun(db, run?.runId ?? '')
  await historyOnce(scheduleId, ([found]) => found?.status === 'success' && found.requirements.length === 0)
})

test('cancels a run that takes longer than it may', async () => {
  await using server = await openScheduling(database)
  server.play = () => {}
  const { scheduleId } = await storeSchedule(db, { timeoutSeconds: 1 })
  const [run] = await historyOnce(scheduleId, haveEnded(1))
  expect(run).toMatchObject({ status: 'failed', error: 'The run took longer than 1 s and was cancelled' })
  await vi.waitFor(
    async () => expect(await findRun(db, run?.runId ?? '')).toMatchObject({ status: 'CANCELLED' }),
    PATIENT,
  )
})

test('tries neither a run again that a person has cancelled, nor one that was deleted', async () => {
  await using server = await openScheduling(database)
  server.play = () => {}
  const { scheduleId } = await storeSchedule(db, { maxRetries: 3, overlapPolicy: 'allow' })
  await historyOnce(scheduleId, ([found]) => found?.status === 'running')
  await makeDue(db, scheduleId, 10)
  const [first, second] = await historyOnce(
    scheduleId,
    (runs) => runs.length === 2 && runs.every(({ status }) => status === 'running'),
  )
  await server.runs.cancel(first?.runId ?? '')
  await deleteSessions(db, [second?.sessionId ?? ''])
  expect(await historyOnce(scheduleId, haveEnded(2))).toMatchObject([
    { status: 'cancelled', error: 'The run was cancelled' },
    { status: 'cancelled', error: 'The run was deleted', input: null, content: null },
  ])
})

test('drops a tick while the run before goes on, lets one wait, or runs both', async () => {
  await using server = await openScheduling(database)
  const held: (() => void)[] = []
  server.play = (run) => void held.push(() => run.handlers.onDone(COMPLETED))
  const policies = ['skip', 'queue', 'allow'] as const
  const ids = await Promise.all(
    policies.map(async (overlapPolicy) => (await storeSchedule(db, { overlapPolicy })).scheduleId),
  )
  await Promise.all(ids.map((id) => historyOnce(id, ([first]) => first?.status === 'running')))
  for (const n of [2, 3]) {
    await Promise.all(ids.map((id) => makeDue(db, id, n)))
    await Promise.all(ids.map((id) => historyOnce(id, (runs) => runs.length === n)))
  }
  const statuses = async () => {
    const histories = await Promise.all(ids.map(historyOf))
    return histories.map((runs) => runs.map(({ status }) => status))
  }
  await vi.waitFor(
    async () =>
      expect(await statuses()).toEqual([
        ['running', 'skipped', 'skipped'],
        ['running', 'pending', 'skipped'],
        ['running', 'running', 'running'],
      ]),
    PATIENT,
  )
  server.play = (run) => run.handlers.onDone(COMPLETED)
  held.forEach((end) => end())
  await vi.waitFor(
    async () =>
      expect(await statuses()).toEqual([
        ['success', 'skipped', 'skipped'],
        ['success', 'success', 'skipped'],
        ['success', 'success', 'success'],
      ]),
    PATIENT,
  )
})

test('calls any other route of the server, with its key', async () => {
  await using server = await openScheduling(database, { securityKey: 'a-key-of-the-server' })
  const good = await storeSchedule(db, { endpoint: '/sessions?type=agent', payload: { session_id: 's1' } })
  expect(await historyOnce(good.scheduleId, haveEnded(1))).toMatchObject([
    { status: 'success', statusCode: 201, runId: null, input: null, content: null },
  ])
  expect((await server.app.inject('/sessions')).statusCode).toBe(401)
  const bad = await storeSchedule(db, { endpoint: '/sessions/nope', method: 'GET', payload: null })
  expect(await historyOnce(bad.scheduleId, haveEnded(1))).toMatchObject([
    { status: 'failed', statusCode: 404, error: expect.stringMatching(/^HTTP 404: /) },
  ])
})

test('ends a call that takes longer than it may, and one that is under way when the server stops', async () => {
  const send = (_: unknown, signal?: AbortSignal) =>
    new Promise<never>((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason as Error)))
  const server = await openScheduling(database, { send })
  const slow = await storeSchedule(db, { endpoint: '/health', method: 'GET', timeoutSeconds: 1 })
  expect(await historyOnce(slow.scheduleId, haveEnded(1))).toMatchObject([
    { status: 'failed', error: 'The call took longer than 1 s' },
  ])
  const stopped = await storeSchedule(db, { endpoint: '/health', method: 'GET' })
  await historyOnce(stopped.scheduleId, ([run]) => run?.status === 'running')
  await server[Symbol.asyncDispose]()
  expect(await historyOf(stopped.scheduleId)).toMatchObject([{ status: 'failed', error: 'The server stopped' }])
})

test('lets a call end before the server stops, for so long', async () => {
  const gate = Promise.withResolvers<void>()
  const send = async () => {
    await gate.promise
    return { status: 200, body: '{}' }
  }
  const server = await openScheduling(database, { send })
  const { scheduleId } = await storeSchedule(db, { endpoint: '/health', method: 'GET' })
  await historyOnce(scheduleId, ([run]) => run?.status === 'running')
  await server.schedules.drain(100)
  expect(await historyOf(scheduleId)).toMatchObject([{ status: 'running' }])
  await expect(server.schedules.trigger(scheduleId)).rejects.toThrow('This replica is stopping')
  const drained = server.schedules.drain(10_000)
  gate.resolve()
  await drained
  expect(await historyOf(scheduleId)).toMatchObject([{ status: 'success' }])
  await server[Symbol.asyncDispose]()
})

test('makes no call twice: one whose caller was lost has failed', async () => {
  await using server = await openScheduling(database)
  const { scheduleId } = await storeSchedule(db, { endpoint: '/health', method: 'GET' }, -3_600_000)
  for (const age of [5, 25]) await storeLostCall(db, scheduleId, `lost-${age}`, age)
  const [one, other] = await historyOnce(scheduleId, (runs) => runs.some(({ status }) => status === 'failed'))
  expect(new Set([one?.status, other?.status])).toEqual(new Set(['running', 'failed']))
  const error = 'The replica that made the call was lost; what became of it is not known'
  expect([one, other].find((run) => run?.status === 'failed')).toMatchObject({ scheduleRunId: 'lost-25', error })
  expect(server.sent).toEqual([])
})

test('begins one run for a tick, though whoever began it could not say so', async () => {
  const { scheduleId } = await storeSchedule(db)
  // It begins the run and dies.
  const first = await openScheduling(database, {
    isRunning: false,
    send: async (request) => {
      await first.app.inject({
        method: 'POST',
        url: request.endpoint,
        headers: { 'idempotency-key': request.idempotencyKey ?? '' },
        payload: { ...request.payload },
      })
      throw new Error('died')
    },
  })
  await vi.waitFor(() => expect(first.sent).toHaveLength(1), PATIENT)
  await first[Symbol.asyncDispose]()
  expect(await historyOf(scheduleId)).toMatchObject([{ status: 'pending', runId: null }])
  await endLeases(db)
  await using second = await openScheduling(database)
  const [run] = await historyOnce(scheduleId, haveEnded(1))
  expect(second.sent).toEqual(first.sent)
  expect(run).toMatchObject({ status: 'success' })
  expect(await countByStatus(db)).toMatchObject({ named: 1, runs: 1 })
})

test('waits where the server cannot take a run now, and gives up in the end', async () => {
  const answer = { status: 503, body: '{"detail":"This replica is stopping"}' }
  await using server = await openScheduling(database, { send: async () => answer })
  const { scheduleId } = await storeSchedule(db, { timeoutSeconds: 1, retryDelaySeconds: 1 })
  await vi.waitFor(() => expect(server.sent).toHaveLength(1), PATIENT)
  expect(await historyOf(scheduleId)).toMatchObject([{ status: 'pending', error: null }])
  const [run] = await historyOnce(scheduleId, haveEnded(1))
  expect(run).toMatchObject({ status: 'failed', error: 'HTTP 503: This replica is stopping' })
})

test('fires each tick once, with several replicas at it', { timeout: 60_000 }, async () => {
  await using first = await openScheduling(database)
  await using second = await openScheduling(database)
  const schedules = await Promise.all(
    Array.from({ length: 10 }, () => storeSchedule(db, { overlapPolicy: 'allow' }, -300)),
  )
  for (let round = 1; round <= 3; round++) {
    if (round > 1) await Promise.all(schedules.map(({ scheduleId }) => makeDue(db, scheduleId, round)))
    await vi.waitFor(async () => expect(await countByStatus(db)).toMatchObject({ named: 10 * round }), {
      timeout: 20_000,
    })
  }
  const all = { statuses: { success: 30 }, named: 30, runs: 30 }
  await vi.waitFor(async () => expect(await countByStatus(db)).toEqual(all), { timeout: 20_000 })
  expect(first.sent.length + second.sent.length).toBe(30)
})

test('begins nothing that waits once its schedule is disabled, and nothing of one that is deleted', async () => {
  await using server = await openScheduling(database)
  server.play = (run) => run.handlers.onDone(FAILED)
  const { scheduleId } = await storeSchedule(db, { maxRetries: 1, retryDelaySeconds: 2 })
  await historyOnce(scheduleId, (runs) => runs.length === 2)
  await updateSchedule(db, scheduleId, { enabled: false })
  expect(await historyOf(scheduleId)).toMatchObject([
    { status: 'failed' },
    { status: 'cancelled', error: 'The schedule was disabled' },
  ])
  expect(await deleteSchedule(db, scheduleId)).toBe(true)
  expect(await historyOf(scheduleId)).toEqual([])
})

test('disables what has no next time any more', async () => {
  await using server = await openScheduling(database)
  const { scheduleId } = await storeSchedule(db, { timezone: 'Mars/Olympus' })
  await vi.waitFor(async () => expect(await findSchedule(db, scheduleId)).toMatchObject({ enabled: false }), PATIENT)
  expect((await findSchedule(db, scheduleId))?.disabledReason).toContain('Mars/Olympus')
  expect(server.sent).toEqual([])
})

test('goes on when the database comes back', async () => {
  await using server = await openScheduling(database)
  const bringBack = await takeAway(db)
  await new Promise((done) => setTimeout(done, 200))
  await bringBack()
  const { scheduleId } = await storeSchedule(db)
  await historyOnce(scheduleId, haveEnded(1))
  expect(server.sent).toHaveLength(1)
})
