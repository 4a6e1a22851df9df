import { afterAll, beforeAll, expect, test } from 'vitest'
import { findSession } from '../storage/sessions/sessions.ts'
import { readEvents } from '../storage/runs/run-events.ts'
import { findRun, loadMessages } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { result, scriptExecutor } from './testing/executor.ts'
import { listen, openRuns, request, said } from './testing/open-runs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

test('a run is stored with its events, messages and state before its listeners hear the end', async () => {
  const executor = scriptExecutor(async ({ handlers }) => {
    handlers.onEvents([{ type: 'content', at: 1, text: 'Hel' }])
    handlers.onEvents([{ type: 'content', at: 2, text: 'lo' }])
    await handlers.onCommit([said('Hi')], undefined)
    handlers.onDone(result({ uncommitted: [said('bye')], statePatch: { set: { seen: 1 }, unset: [] } }))
  })
  await using runs = openRuns(database, executor)
  const run = await runs.begin()
  const { heard, ended } = listen(run)
  let storedAtEnd: string | undefined
  const finished = await run.finished.then(async (value) => {
    storedAtEnd = (await findRun(database.db, run.runId))?.status
    return value
  })
  expect(heard).toEqual(['0 content', '1 content', '2 run-end'])
  expect(ended()).toBe(true)
  expect(storedAtEnd).toBe('COMPLETED')
  expect(finished).toMatchObject({ atRest: true, sessionState: { seen: 1 } })
  const messages = (await loadMessages(database.db, [run.runId])).get(run.runId)
  expect(messages?.map((message) => 'content' in message && message.content)).toEqual(['Hi', 'bye'])
  expect((await findSession(database.db, run.sessionId))?.sessionState).toEqual({ seen: 1 })
  const events = (await readEvents(database.db, run.runId, -1)).flatMap((chunk) => chunk.events.split('\n'))
  expect(events.map((json) => JSON.parse(json))).toEqual([
    { event: 'content' },
    { event: 'content' },
    { event: 'run-end' },
  ])
  expect(runs.running()).toBe(0)
  await expect.poll(executor.retained).toBe(0)
})

test('a run of a session gets the messages of the runs before it', async () => {
  const executor = scriptExecutor(({ handlers, job }) => handlers.onDone(result({ uncommitted: [said(job.input)] })))
  await using runs = openRuns(database, executor)
  const first = await runs.begin({ message: 'one' })
  await first.finished
  const second = await runs.begin({ message: 'two', sessionId: first.sessionId })
  await second.finished
  const bare = await runs.begin({
    message: 'three',
    sessionId: first.sessionId,
    options: { addHistoryToContext: false },
  })
  await bare.finished
  const histories = executor.started.map(({ job }) =>
    job.history.map((message) => 'content' in message && message.content),
  )
  expect(histories).toEqual([[], ['one'], []])
})

test('state that the caller gives wins over what is stored, and is stored with what the run changes', async () => {
  const executor = scriptExecutor(({ handlers }) =>
    handlers.onDone(result({ statePatch: { set: { count: 2 }, unset: ['old'] } })),
  )
  await using runs = openRuns(database, executor)
  const first = await runs.begin({ options: { sessionState: { count: 1, old: true, name: 'a', deep: { a: 1 } } } })
  await first.finished
  const second = await runs.begin({
    sessionId: first.sessionId,
    options: { sessionState: { name: 'b', deep: { b: 2 } } },
  })
  expect(executor.started.map(({ job }) => job.sessionState)).toEqual([
    { count: 1, old: true, name: 'a', deep: { a: 1 } },
    { count: 2, name: 'b', deep: { a: 1, b: 2 } },
  ])
  expect(await second.finished).toMatchObject({ sessionState: { count: 2, name: 'b', deep: { a: 1, b: 2 } } })
  expect((await findSession(database.db, first.sessionId))?.sessionState).toEqual({
    count: 2,
    name: 'b',
    deep: { a: 1, b: 2 },
  })
})

test('an unknown agent, a missing revision and too many runs are refused before anything is stored', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor, { maxRuns: 1 })
  await expect(runs.start(request({ agentId: 'nobody' }))).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' })
  await using empty = openRuns(database, undefined)
  await expect(empty.start(request())).rejects.toMatchObject({ code: 'NO_REVISION' })
  const [held, refused] = await Promise.allSettled([runs.start(request()), runs.start(request())])
  expect(held.status).toBe('fulfilled')
  expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'TOO_MANY_RUNS' } })
  executor.started[0]?.handlers.onDone(result())
  await runs.drain(5000)
})

test('a cancelled run ends once, with what it had', async () => {
  await using runs = openRuns(database, scriptExecutor())
  const run = await runs.begin()
  const { heard } = listen(run)
  await Promise.all([runs.cancel(run.runId), runs.cancel(run.runId), runs.cancel('unknown')])
  expect(await run.finished).toMatchObject({ status: 'CANCELLED', atRest: true })
  expect(heard).toEqual(['0 run-cancel', '1 run-end'])
  expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'CANCELLED', content: 'so far' })
  await runs.cancel(run.runId)
  expect((await findRun(database.db, run.runId))?.status).toBe('CANCELLED')
})

test('a cancel asked of another replica reaches the owner', async () => {
  await using owner = openRuns(database, scriptExecutor())
  await using other = openRuns(database, scriptExecutor())
  const run = await owner.begin()
  await other.cancel(run.runId)
  expect(await run.finished).toMatchObject({ status: 'CANCELLED' })
})

test('a run whose worker ended goes on from what it had committed', async () => {
  const executor = scriptExecutor(async ({ handlers, job }) => {
    if (job.attempt > 1) return handlers.onDone(result({ uncommitted: [said('again')] }))
    handlers.onEvents([{ type: 'content', at: 1, text: 'Hel' }])
    await handlers.onCommit([said('Hi')], undefined)
    handlers.onEvents([{ type: 'content', at: 1, text: 'lost' }])
    handlers.onLost('the worker ended: out of memory')
  })
  await using runs = openRuns(database, executor)
  const { runId } = await runs.begin()
  expect(await runs.wait(runId, AbortSignal.timeout(5000))).toMatchObject({ status: 'COMPLETED', lostAttempts: 1 })
  expect(executor.started[1]?.job).toMatchObject({ attempt: 2, interrupted: true, journal: [{ content: 'Hi' }] })
  const following = await runs.follow(runId, -1)
  expect(following?.missed.map(({ index, json }) => `${index} ${json}`)).toEqual([
    '0 {"event":"content"}',
    '1000002 {"event":"run-recover"}',
    '1000003 {"event":"run-end"}',
  ])
})

test('what was said before a commit is stored with it, whatever becomes of the replica', async () => {
  const executor = scriptExecutor(async ({ handlers }) => {
    handlers.onEvents([{ type: 'content', at: 1, text: 'Hel' }])
    await handlers.onCommit([said('Hi')], undefined)
  })
  await using runs = openRuns(database, executor)
  const { runId, feed } = await runs.begin()
  await expect.poll(async () => (await loadMessages(database.db, [runId])).get(runId)?.length).toBe(1)
  const stored = await readEvents(database.db, runId, -1)
  expect(stored).toMatchObject([{ firstIndex: 0, lastIndex: 0, events: '{"event":"content"}' }])
  expect(feed.heldFrom()).toBe(1)
  await runs.cancel(runId)
})

test('a worker that ends in a tool counts against the run whose tool it was, not against those beside it', async () => {
  const tool = { toolCallId: 'call_1', toolName: 'grow', input: {}, createdAt: 1, stopAfterToolCall: false }
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  const [first, second, third] = [await runs.begin(), await runs.begin(), await runs.begin()]
  const [growing, beside, done] = executor.started.map(({ handlers }) => handlers)
  growing?.onEvents([{ type: 'tool-start', at: 1, tool }])
  done?.onEvents([
    { type: 'tool-start', at: 1, tool },
    { type: 'tool-end', at: 2, tool },
  ])
  for (const handlers of [beside, growing, done]) handlers?.onLost('the worker ended: out of memory')
  await expect.poll(() => executor.started.length, { timeout: 10_000 }).toBe(6)
  const lost = await Promise.all([first, second, third].map(({ runId }) => findRun(database.db, runId)))
  expect(lost.map((run) => run?.lostAttempts)).toEqual([1, 0, 0])
  await Promise.all([first, second, third].map(({ runId }) => runs.cancel(runId)))
})

test('a run that loses its worker too often fails, and says so', async () => {
  const executor = scriptExecutor(({ handlers }) => handlers.onLost('the worker ended: out of memory'))
  await using runs = openRuns(database, executor, { maxAttempts: 2 })
  const { runId } = await runs.begin()
  expect(await runs.wait(runId, AbortSignal.timeout(5000))).toMatchObject({
    status: 'ERROR',
    error: { code: 'ATTEMPTS_EXHAUSTED' },
  })
  expect(executor.started).toHaveLength(2)
})

test('a replica that lost the lease writes nothing and tells nobody a result', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(database, executor)
  const run = await runs.begin()
  const { heard, ended } = listen(run)
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_owner: 'another', attempt: 2 })
    .where('run_id', '=', run.runId)
    .execute()
  const handlers = executor.started[0]?.handlers
  await expect(handlers?.onCommit([said('late')], undefined)).rejects.toMatchObject({ code: 'WORKER_LOST' })
  handlers?.onDone(result())
  expect(await run.finished).toMatchObject({ atRest: false })
  expect([heard, ended()]).toEqual([[], true])
  expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'RUNNING', leaseOwner: 'another' })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId) ?? []).toEqual([])
})
