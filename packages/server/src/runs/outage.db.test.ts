import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readEvents } from '../storage/runs/run-events.ts'
import { findRun, loadMessages } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
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
const content = (text: string) => [{ type: 'content' as const, at: 1, text }]
const find = (runId: string) => findRun(database.db, runId)

test('a run outlasts a database that is away while it commits and ends', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  await using runs = openRuns(view, executor)
  const run = await runs.begin()
  const { heard } = listen(run)
  const { handlers } = executor.started[0]!
  handlers.onEvents(content('a'))
  view.lose()
  const committed = handlers.onCommit([said('hi')], { set: { a: 1 }, unset: [] })
  await pause(300)
  expect((await loadMessages(database.db, [run.runId])).get(run.runId)).toEqual([])
  view.mend()
  await committed
  view.lose()
  handlers.onDone(result({ uncommitted: [said('bye')], statePatch: { set: { a: 2 }, unset: [] } }))
  await pause(300)
  expect(heard).toEqual(['0 content'])
  view.mend()
  expect(await run.finished).toMatchObject({ status: 'COMPLETED', atRest: true })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId)).toMatchObject([
    { content: 'hi' },
    { content: 'bye' },
  ])
  const chunks = await readEvents(database.db, run.runId, -1)
  expect(chunks.map(({ events }) => events).join('\n')).toBe('{"event":"content"}\n{"event":"run-end"}')
})

test('writes whose answer got lost are stored once', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  await using runs = openRuns(view, executor)
  const run = await runs.begin()
  const { handlers } = executor.started[0]!
  view.loseAnswers()
  handlers.onEvents(content('a'))
  const committed = handlers.onCommit([said('hi')], undefined)
  await pause(300)
  view.mend()
  await committed
  view.loseAnswers()
  handlers.onDone(result({ uncommitted: [said('bye')] }))
  await pause(300)
  view.mend()
  expect(await runs.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 1 })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId)).toMatchObject([
    { content: 'hi' },
    { content: 'bye' },
  ])
  const following = await runs.follow(run.runId, -1)
  expect(following?.missed.map(({ index }) => index)).toEqual([0, 1])
})

test('a commit that failed leaves no trace in what the end stores', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  await using runs = openRuns(view, executor)
  const run = await runs.begin()
  const { handlers } = executor.started[0]!
  handlers.onEvents(content('said'))
  view.refuse()
  await expect(handlers.onCommit([said('a')], undefined)).rejects.toThrow('refused')
  view.mend()
  handlers.onDone(result({ status: 'ERROR', uncommitted: [said('a'), said('b')] }))
  expect(await run.finished).toMatchObject({ status: 'ERROR', messages: [{ content: 'a' }, { content: 'b' }] })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId)).toMatchObject([
    { content: 'a' },
    { content: 'b' },
  ])
  const following = await runs.follow(run.runId, -1)
  expect(following?.missed.map(({ json }) => json)).toEqual(['{"event":"content"}', '{"event":"run-error"}'])
})

test('a replica that was cut off is dead to the others, and when it wakes it writes nothing', async () => {
  const view = breakable(database)
  const zombie = scriptExecutor()
  await using cut = openRuns(view, zombie, { leaseMs: 1000 })
  const run = await cut.begin()
  const { heard, ended } = listen(run)
  const { handlers } = zombie.started[0]!
  await handlers.onCommit([said('hi')], undefined)
  view.lose()
  const executor = scriptExecutor(({ handlers: to }) =>
    to.onDone(result({ content: 'new', uncommitted: [said('new')] })),
  )
  await using other = openRuns(database, executor, { leaseMs: 1000, queuePollMs: 50 })
  expect(await other.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2, lostAttempts: 1 })
  handlers.onEvents(content('old'))
  const late = handlers.onCommit([said('old')], undefined)
  view.mend()
  await expect(late).rejects.toMatchObject({ code: 'WORKER_LOST' })
  handlers.onDone(result({ content: 'old', uncommitted: [said('old')] }))
  expect(await run.finished).toMatchObject({ atRest: false })
  expect(heard).toEqual(['0 content'])
  expect(ended()).toBe(true)
  expect(await find(run.runId)).toMatchObject({ content: 'new', status: 'COMPLETED' })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId)).toMatchObject([
    { content: 'hi' },
    { content: 'new' },
  ])
  const events = (await readEvents(database.db, run.runId, -1)).map((chunk) => chunk.events).join('\n')
  expect(events).toBe('{"event":"run-recover"}\n{"event":"run-end"}')
})

test('a run that another replica has is stopped here within a second', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  const run = await runs.begin()
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_owner: 'another', attempt: 2 })
    .where('run_id', '=', run.runId)
    .execute()
  const began = performance.now()
  expect(await run.finished).toMatchObject({ status: 'RUNNING', atRest: false })
  expect(performance.now() - began).toBeLessThan(2000)
  expect(executor.started[0]?.cancelReason()).toContain("another replica's")
  expect(await find(run.runId)).toMatchObject({ leaseOwner: 'another' })
})

test('an answer about an attempt that has left says nothing about the next one', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  await using runs = openRuns(view, executor, { queuePollMs: 50 })
  const { runId } = await runs.begin()
  const giveTo = (owner: string) =>
    database.db.updateTable('agentos_runs').set({ lease_owner: owner }).where('run_id', '=', runId).execute()
  // The renewal, which comes every second, does not find the run; its answer comes when the next attempt is here.
  view.delayAnswers('returning r.run_id, r.cancel_requested_at')
  await giveTo('another')
  await pause(1200)
  await giveTo(runs.replicaId)
  executor.started[0]?.handlers.onLost('it crashed')
  await expect.poll(() => executor.started.length, { timeout: 5000 }).toBe(2)
  view.mend()
  await pause(200)
  expect(executor.started[1]?.cancelReason()).toBeUndefined()
  executor.started[1]?.handlers.onDone(result())
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2 })
})

test('after trouble with the database nobody is taken for dead for one lease', async () => {
  const view = breakable(database)
  const executor = scriptExecutor(({ handlers }) => handlers.onDone(result()))
  const dead = openRuns(database, scriptExecutor())
  const run = await dead.begin()
  await dead.close()
  await using other = openRuns(view, executor, { queuePollMs: 50, leaseMs: 1500 })
  view.lose()
  await pause(200)
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_until: new Date(0) })
    .where('run_id', '=', run.runId)
    .execute()
  view.mend()
  await pause(700)
  expect(executor.started).toHaveLength(0)
  expect(await other.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', lostAttempts: 1 })
})

test('a lease that could not be renewed makes others doubtful, too', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  const dead = openRuns(database, scriptExecutor())
  const lost = await dead.begin()
  await dead.close()
  // The look is a minute away; only the renewals notice.
  await using other = openRuns(view, executor, { queuePollMs: 60_000 })
  await other.begin()
  view.lose()
  await pause(1300)
  view.mend()
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_until: new Date(0) })
    .where('run_id', '=', lost.runId)
    .execute()
  await other.start(request({ message: 'job', background: true }))
  await expect.poll(() => executor.started.map(({ job }) => job.input), { timeout: 5000 }).toEqual(['Hi', 'job'])
  expect(await find(lost.runId)).toMatchObject({ status: 'RUNNING', attempt: 1 })
})

test('a cancel that cannot be stored stops a run that is here, and is refused for any other', async () => {
  const view = breakable(database)
  await using runs = openRuns(view, scriptExecutor())
  const run = await runs.begin()
  view.lose()
  await runs.cancel(run.runId)
  await expect(runs.cancel('elsewhere')).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' })
  view.mend()
  expect(await run.finished).toMatchObject({ status: 'CANCELLED' })
})

test('a claimed run that cannot be read is given back at once, which costs an attempt', async () => {
  const view = breakable(database)
  const executor = scriptExecutor(({ handlers }) => handlers.onDone(result()))
  await using runs = openRuns(view, executor, { maxAttempts: 3 })
  // Its first look is over.
  await pause(300)
  // The journal.
  view.refuseSome('message from agentos_messages', 1)
  const { runId } = await runs.start(request({ background: true }))
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2, lostAttempts: 1 })
  expect(executor.started).toHaveLength(1)
})

test('closing does not wait for a database that is away', async () => {
  const view = breakable(database)
  const executor = scriptExecutor()
  const runs = openRuns(view, executor)
  const run = await runs.begin()
  view.lose()
  executor.started[0]?.handlers.onDone(result())
  await pause(300)
  // As a server that stops does, it is asked for as long as it may take.
  void runs.release().catch(() => undefined)
  await pause(100)
  const began = performance.now()
  await runs.close()
  expect(performance.now() - began).toBeLessThan(3000)
  expect(await run.finished).toMatchObject({ atRest: false })
})
