import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { insertRun } from '../storage/testing/stored-rows.ts'
import { findRun } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { result, scriptExecutor } from './testing/executor.ts'
import { listen, openRuns, request, said } from './testing/open-runs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterEach(async () => {
  // What one test leaves to whoever takes it is not for the next.
  await database.db.deleteFrom('agentos_runs').execute()
})
afterAll(() => database.close())

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const soon = () => AbortSignal.timeout(10_000)
const find = (runId: string) => findRun(database.db, runId)

describe('a run', () => {
  test('that takes too long ends as an error that says so', async () => {
    await using runs = openRuns(database, scriptExecutor(), { runTimeoutMs: 50 })
    const run = await runs.begin()
    const { heard } = listen(run)
    expect(await run.finished).toMatchObject({ status: 'ERROR', result: { error: { code: 'RUN_TIMEOUT' } } })
    expect(heard).toEqual(['0 run-error'])
  })

  test('that takes too long and whose worker is stuck ends with what it had committed', async () => {
    const executor = scriptExecutor(() => {}, { isStuck: true })
    await using runs = openRuns(database, executor, { runTimeoutMs: 100 })
    const run = await runs.begin()
    const { handlers, cancelReason } = executor.started[0]!
    await handlers.onCommit([said('hi')], { set: { kept: true }, unset: [] })
    await expect.poll(cancelReason).toBe('The run took longer than 100 ms')
    handlers.onLost('it did not answer')
    expect(await run.finished).toMatchObject({
      status: 'ERROR',
      sessionState: { kept: true },
      messages: [{ content: 'hi' }],
    })
    expect(await find(run.runId)).toMatchObject({ status: 'ERROR', error: { code: 'RUN_TIMEOUT' }, lostAttempts: 0 })
  })

  test('that says too much ends as an error, and what it says after that is dropped', async () => {
    const executor = scriptExecutor(() => {}, { isStuck: true })
    await using runs = openRuns(database, executor, { maxEventBytes: 50 })
    const run = await runs.begin()
    const { heard } = listen(run)
    const { handlers, cancelReason } = executor.started[0]!
    for (let event = 0; event < 9; event++) handlers.onEvents([{ type: 'content', at: 1, text: 'x' }])
    expect(cancelReason()).toBe('The run sent more than 50 bytes of events')
    handlers.onDone(result({ status: 'CANCELLED' }))
    expect(await run.finished).toMatchObject({ status: 'ERROR', result: { error: { code: 'EVENTS_TOO_LARGE' } } })
    expect(heard).toEqual(['0 content', '1 content', '2 content', '3 run-error'])
  })

  test('that completed before it could be stopped has completed', async () => {
    const executor = scriptExecutor(() => {}, { isStuck: true })
    await using runs = openRuns(database, executor, { runTimeoutMs: 50 })
    const run = await runs.begin()
    await expect.poll(executor.started[0]!.cancelReason).toBeDefined()
    executor.started[0]?.handlers.onDone(result())
    expect(await run.finished).toMatchObject({ status: 'COMPLETED' })
  })

  test('without an event for a while has its first event all the same', async () => {
    const executor = scriptExecutor()
    await using runs = openRuns(database, executor)
    const run = await runs.begin()
    executor.started[0]?.handlers.onEvents([])
    await pause(150)
    executor.started[0]?.handlers.onEvents([{ type: 'content', at: 1, text: 'x' }])
    await pause(150)
    executor.started[0]?.handlers.onDone(result())
    await run.finished
    const following = await runs.follow(run.runId, -1)
    expect(following?.missed.map(({ index, json }) => `${index} ${json}`)).toEqual([
      '0 {"event":"content"}',
      '1 {"event":"run-end"}',
    ])
  })
})

describe('a run whose client went away', () => {
  test('is cancelled after the grace, unless somebody listens', async () => {
    await using runs = openRuns(database, scriptExecutor(), { disconnectGraceMs: 50 })
    const [left, resumed] = [await runs.begin(), await runs.begin()]
    left.disconnected()
    resumed.disconnected()
    const leave = resumed.feed.subscribe({ onEntries: () => {}, onEnd: () => {} })
    expect(await left.finished).toMatchObject({ status: 'CANCELLED' })
    await pause(200)
    expect(runs.running()).toBe(1)
    leave()
    expect(await resumed.finished).toMatchObject({ status: 'CANCELLED' })
  })

  test('is cancelled at once without a grace, and never when there is no end to it', async () => {
    const executor = scriptExecutor()
    await using strict = openRuns(database, executor, { disconnectGraceMs: 0 })
    await using patient = openRuns(database, executor, { disconnectGraceMs: undefined })
    const [one, other] = [await strict.begin(), await patient.begin()]
    one.disconnected()
    other.disconnected()
    expect(await one.finished).toMatchObject({ status: 'CANCELLED' })
    await pause(100)
    expect(patient.running()).toBe(1)
    await patient.cancel(other.runId)
  })

  test('goes on while somebody follows it on another replica', async () => {
    const executor = scriptExecutor()
    await using runs = openRuns(database, executor, { disconnectGraceMs: 100 })
    await using other = openRuns(database, scriptExecutor(), { maxRuns: 0 })
    const run = await runs.begin()
    const following = await other.follow(run.runId, -1)
    const ended = Promise.withResolvers<void>()
    following?.subscribe({ onEntries: () => {}, onEnd: ended.resolve })
    await expect
      .poll(
        async () =>
          (
            await database.db
              .selectFrom('agentos_runs')
              .select('followed_at')
              .where('run_id', '=', run.runId)
              .executeTakeFirst()
          )?.followed_at,
      )
      .not.toBeNull()
    run.disconnected()
    await pause(500)
    expect(runs.running()).toBe(1)
    executor.started[0]?.handlers.onDone(result())
    await ended.promise
    expect(await run.finished).toMatchObject({ status: 'COMPLETED' })
  })
})

describe('a run that nobody takes', () => {
  test('fails after the longest wait, and says so to those who follow it', async () => {
    await using runs = openRuns(database, scriptExecutor(), { queueTimeoutMs: 300, maxBackgroundRuns: 0 })
    const { runId } = await runs.start(request({ background: true }))
    const following = await runs.follow(runId, -1)
    const heard: string[] = []
    following?.subscribe({
      onEntries: (entries) => void heard.push(...entries.map(({ json }) => json)),
      onEnd: () => {},
    })
    expect(await runs.wait(runId, soon())).toMatchObject({ status: 'ERROR', error: { code: 'QUEUE_TIMEOUT' } })
    expect(heard).toEqual(['{"event":"run-error"}'])
  })

  test('fails also when it was lost, and its agent is gone', async () => {
    const lost = {
      status: 'RUNNING' as const,
      lease_owner: 'dead',
      lease_until: new Date(0),
      attempt: 1,
      component_id: 'gone',
    }
    const runId = await insertRun(database.db, lost)
    await using runs = openRuns(database, scriptExecutor(), { queueTimeoutMs: 300 })
    expect(await runs.wait(runId, soon())).toMatchObject({
      status: 'ERROR',
      error: { code: 'QUEUE_TIMEOUT' },
      lostAttempts: 1,
    })
  })
})

test('a lost run that was cancelled, or has no attempt left, ends without being run again', async () => {
  const lost = {
    status: 'RUNNING' as const,
    lease_owner: 'dead',
    lease_until: new Date(0),
    attempt: 3,
    lost_attempts: 2,
  }
  const exhausted = await insertRun(database.db, lost)
  const cancelled = await insertRun(database.db, { ...lost, lost_attempts: 0, cancel_requested_at: new Date() })
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  expect(await runs.wait(exhausted, soon())).toMatchObject({
    status: 'ERROR',
    error: { code: 'ATTEMPTS_EXHAUSTED' },
    attempt: 4,
  })
  expect(await runs.wait(cancelled, soon())).toMatchObject({ status: 'CANCELLED' })
  expect(executor.started).toEqual([])
})

test('a cancel ends a lost run whose replica is gone, wherever it is asked', async () => {
  const lost = {
    status: 'RUNNING' as const,
    lease_owner: 'dead',
    lease_until: new Date(0),
    attempt: 1,
    component_id: 'gone',
  }
  const runId = await insertRun(database.db, lost)
  await using runs = openRuns(database, scriptExecutor())
  await runs.cancel(runId)
  expect(await find(runId)).toMatchObject({ status: 'CANCELLED' })
})
