import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { findRun } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
import { result, scriptExecutor } from './testing/executor.ts'
import { openRuns, request, said } from './testing/open-runs.ts'

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

test('draining takes no more runs, and ends with the last one', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  const run = await runs.begin()
  let drained = false
  const draining = runs.drain(10_000).then(() => (drained = true))
  await expect(runs.start(request())).rejects.toMatchObject({ code: 'DRAINING' })
  await expect(runs.start(request({ background: true }))).rejects.toMatchObject({ code: 'DRAINING' })
  expect(drained).toBe(false)
  executor.started[0]?.handlers.onDone(result())
  await draining
  expect(await find(run.runId)).toMatchObject({ status: 'COMPLETED' })
  await runs.drain(0)
  expect(await runs.release()).toBe(0)
})

test('runs that do not end in time are handed over between two steps, and go on elsewhere at no cost', async () => {
  const slow = openRuns(database, scriptExecutor())
  const run = await slow.begin()
  await slow.drain(100)
  expect(await run.finished).toMatchObject({ status: 'PENDING', atRest: false })
  expect(await slow.release()).toBe(0)
  await slow.close()
  const executor = scriptExecutor(({ handlers }) => handlers.onDone(result()))
  await using runs = openRuns(database, executor)
  expect(await runs.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2, lostAttempts: 0 })
  expect(executor.started[0]?.job).toMatchObject({ interrupted: false })
})

test('a run that comes in while runs are handed over is handed over, too', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  await using runs = openRuns(view, executor)
  view.delayAnswers()
  const starting = runs.begin()
  const draining = runs.drain(500)
  await pause(400)
  view.mend()
  const run = await starting
  await draining
  expect(await run.finished).toMatchObject({ status: 'PENDING' })
})

test('runs that are stuck are given away at once, as interrupted, without costing them an attempt', async () => {
  const stuck = scriptExecutor(() => {}, { isStuck: true })
  const slow = openRuns(database, stuck)
  const run = await slow.begin()
  await stuck.started[0]?.handlers.onCommit([said('hi')], undefined)
  await slow.drain(100)
  expect(slow.running()).toBe(1)
  const waiting = slow.wait(run.runId, soon()).catch((error: unknown) => error)
  expect(await slow.release()).toBe(1)
  expect(await waiting).toMatchObject({ code: 'RUN_HANDED_OVER' })
  expect(await run.finished).toMatchObject({ status: 'RUNNING', atRest: false })
  // Too late: somebody else may have it by now.
  stuck.started[0]?.handlers.onDone(result())
  await slow.close()
  expect(await find(run.runId)).toMatchObject({ status: 'RUNNING', leaseOwner: null, lostAttempts: 0 })
  const executor = scriptExecutor(({ handlers }) => handlers.onDone(result()))
  await using runs = openRuns(database, executor)
  expect(await runs.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2, lostAttempts: 0 })
  expect(executor.started[0]?.job).toMatchObject({ interrupted: true, journal: [{ content: 'hi' }] })
})

test('a second stop ends the drain', async () => {
  const slow = openRuns(
    database,
    scriptExecutor(() => {}, { isStuck: true }),
  )
  const { runId } = await slow.begin()
  const draining = slow.drain(60_000)
  const began = performance.now()
  // Twice, when a look that was underway finds it again.
  expect(await slow.release()).toBeGreaterThan(0)
  await draining
  expect(performance.now() - began).toBeLessThan(2000)
  await slow.close()
  expect(await find(runId)).toMatchObject({ status: 'RUNNING', leaseOwner: null })
})

test('a second stop ends the drain also when runs cannot be given away', async () => {
  const view = breakable(database)
  const slow = openRuns(
    view,
    scriptExecutor(() => {}, { isStuck: true }),
  )
  await slow.begin()
  const draining = slow.drain(60_000)
  view.refuse()
  await expect(slow.release()).rejects.toThrow('refused')
  await draining
  await slow.close()
  expect(slow.running()).toBe(0)
})

test('a run that is being accepted while runs are given away is given away, too', async () => {
  const view = breakable(database)
  const late = openRuns(
    view,
    scriptExecutor(() => {}, { isStuck: true }),
  )
  view.delayAnswers()
  const starting = late.begin()
  const releasing = pause(50).then(late.release)
  await pause(200)
  view.mend()
  const run = await starting
  expect(await releasing).toBe(1)
  await late.close()
  expect(await find(run.runId)).toMatchObject({ status: 'RUNNING', leaseOwner: null })
})

test('a run whose end is being stored is left to end', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  const runs = openRuns(view, executor)
  const run = await runs.begin()
  view.delayAnswers()
  executor.started[0]?.handlers.onDone(result())
  const releasing = runs.release()
  await pause(100)
  view.mend()
  expect(await releasing).toBe(0)
  expect(await run.finished).toMatchObject({ status: 'COMPLETED', atRest: true })
  await runs.close()
})

test('a cancel outlives the replica that was asked', async () => {
  const stuck = scriptExecutor(() => {}, { isStuck: true })
  const slow = openRuns(database, stuck)
  const [given, crashed] = [await slow.begin(), await slow.begin()]
  await slow.cancel(given.runId)
  await slow.cancel(crashed.runId)
  stuck.started[1]?.handlers.onLost('it did not answer')
  expect(await crashed.finished).toMatchObject({ status: 'CANCELLED', atRest: true })
  await slow.drain(0)
  expect(await slow.release()).toBe(1)
  await slow.close()
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  expect(await runs.wait(given.runId, soon())).toMatchObject({ status: 'CANCELLED' })
  expect(executor.started).toHaveLength(0)
})

test('a run that is asked to stop while it is handed over ends', async () => {
  const executor = scriptExecutor(() => {}, { isStuck: true })
  await using runs = openRuns(database, executor)
  const run = await runs.begin()
  await runs.cancel(run.runId)
  executor.started[0]?.handlers.onDone(result({ status: 'PENDING', content: 'so far' }))
  expect(await run.finished).toMatchObject({ status: 'CANCELLED', atRest: true })
})
