import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import type { Message } from '../base/message.ts'
import { findSession } from '../storage/sessions.ts'
import { readEvents } from '../storage/run-events.ts'
import { findRun, loadMessages } from '../storage/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { createLog } from '../telemetry/log.ts'
import { createRuns, type LiveRun, type NewRunRequest, type RunsOptions } from './runs.ts'
import { result, type ScriptedExecutor, scriptExecutor } from './testing/executor.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const ids = createIds(systemClock)
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

function openRuns(executor: ScriptedExecutor | undefined, options: Partial<RunsOptions> = {}) {
  const runs = createRuns(
    {
      replicaId: ids.uuid(),
      maxRuns: 100,
      leaseMs: 30_000,
      runTimeoutMs: 60_000,
      disconnectGraceMs: 0,
      ...options,
    },
    {
      db: database.db,
      background: database.background,
      executor: () => executor,
      clock: systemClock,
      ids,
      log,
      encode: (event) => JSON.stringify({ event: event.type }),
    },
  )
  return { ...runs, [Symbol.asyncDispose]: runs.close }
}

const request = (given: Partial<NewRunRequest> = {}): NewRunRequest => ({
  agentId: 'assistant',
  message: 'Hi',
  sessionId: undefined,
  userId: null,
  options: {},
  streamed: true,
  ...given,
})

const said = (text: string): Message => ({ id: ids.uuid(), createdAt: 1, role: 'user', content: text })

function listen(run: LiveRun) {
  const heard: string[] = []
  let ended = false
  run.feed.subscribe(-1, {
    onEntries: (entries) => heard.push(...entries.map(({ index, event }) => `${index} ${event.type}`)),
    onEnd: () => {
      ended = true
    },
  })
  return { heard, ended: () => ended }
}

test('a run is stored with its events, messages and state before its listeners hear the end', async () => {
  const executor = scriptExecutor(async ({ handlers }) => {
    handlers.onEvents([{ type: 'content', at: 1, text: 'Hel' }])
    handlers.onEvents([{ type: 'content', at: 2, text: 'lo' }])
    await handlers.onCommit([said('Hi')])
    handlers.onDone(result({ uncommitted: [said('bye')], statePatch: { set: { seen: 1 }, unset: [] } }))
  })
  await using runs = openRuns(executor)
  const run = await runs.start(request())
  const { heard, ended } = listen(run)
  let storedAtEnd: string | undefined
  const finished = await run.finished.then(async (value) => {
    storedAtEnd = (await findRun(database.db, run.runId))?.status
    return value
  })
  expect(heard).toEqual(['0 content', '1 content', '2 run-end'])
  expect(ended()).toBe(true)
  expect(storedAtEnd).toBe('COMPLETED')
  expect(finished).toMatchObject({ stored: true, sessionState: { seen: 1 } })
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
  expect(executor.retained()).toBe(0)
})

test('a run of a session gets the messages of the runs before it', async () => {
  const executor = scriptExecutor(({ handlers, job }) => handlers.onDone(result({ uncommitted: [said(job.input)] })))
  await using runs = openRuns(executor)
  const first = await runs.start(request({ message: 'one' }))
  await first.finished
  const second = await runs.start(request({ message: 'two', sessionId: first.sessionId }))
  await second.finished
  const bare = await runs.start(
    request({ message: 'three', sessionId: first.sessionId, options: { addHistoryToContext: false } }),
  )
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
  await using runs = openRuns(executor)
  const first = await runs.start(request({ options: { sessionState: { count: 1, old: true, name: 'a' } } }))
  await first.finished
  const second = await runs.start(request({ sessionId: first.sessionId, options: { sessionState: { name: 'b' } } }))
  expect(executor.started.map(({ job }) => job.sessionState)).toEqual([
    { count: 1, old: true, name: 'a' },
    { count: 2, name: 'b' },
  ])
  expect(await second.finished).toMatchObject({ sessionState: { count: 2, name: 'b' } })
  expect((await findSession(database.db, first.sessionId))?.sessionState).toEqual({ count: 2, name: 'b' })
})

test('an unknown agent, a missing revision and too many runs are refused before anything is stored', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(executor, { maxRuns: 1 })
  await expect(runs.start(request({ agentId: 'nobody' }))).rejects.toMatchObject({ code: 'AGENT_NOT_FOUND' })
  await using empty = openRuns(undefined)
  await expect(empty.start(request())).rejects.toMatchObject({ code: 'NO_REVISION' })
  const [held, refused] = await Promise.allSettled([runs.start(request()), runs.start(request())])
  expect(held.status).toBe('fulfilled')
  expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'TOO_MANY_RUNS' } })
  executor.started[0]?.handlers.onDone(result())
  await runs.drain(5000)
})

test('a cancelled run ends once, with what it had', async () => {
  await using runs = openRuns(scriptExecutor())
  const run = await runs.start(request())
  const { heard } = listen(run)
  await Promise.all([runs.cancel(run.runId), runs.cancel(run.runId), runs.cancel('unknown')])
  expect(await run.finished).toMatchObject({ status: 'CANCELLED', stored: true })
  expect(heard).toEqual(['0 run-cancel', '1 run-end'])
  expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'CANCELLED', content: 'so far' })
  await runs.cancel(run.runId)
  expect((await findRun(database.db, run.runId))?.status).toBe('CANCELLED')
})

test('a cancel asked of another replica reaches the owner', async () => {
  await using owner = openRuns(scriptExecutor())
  await using other = openRuns(scriptExecutor())
  const run = await owner.start(request())
  await other.cancel(run.runId)
  expect(await run.finished).toMatchObject({ status: 'CANCELLED' })
})

test('a run that takes too long ends as an error that says so', async () => {
  await using runs = openRuns(scriptExecutor(), { runTimeoutMs: 50 })
  const run = await runs.start(request())
  const { heard } = listen(run)
  expect(await run.finished).toMatchObject({ status: 'ERROR', result: { error: { code: 'RUN_TIMEOUT' } } })
  expect(heard).toEqual(['0 run-error'])
})

test('a run whose worker ended is an error, and never left running', async () => {
  await using runs = openRuns(scriptExecutor(({ handlers }) => handlers.onLost('the worker ended: out of memory')))
  const run = await runs.start(request())
  expect(await run.finished).toMatchObject({ status: 'ERROR', result: { error: { code: 'WORKER_LOST' } } })
  expect(await findRun(database.db, run.runId)).toMatchObject({
    status: 'ERROR',
    error: { code: 'WORKER_LOST', message: 'the worker ended: out of memory' },
  })
})

test('a replica that lost the lease writes nothing and tells nobody a result', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(executor)
  const run = await runs.start(request())
  const { heard, ended } = listen(run)
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_owner: 'another', attempt: 2 })
    .where('run_id', '=', run.runId)
    .execute()
  const handlers = executor.started[0]?.handlers
  await expect(handlers?.onCommit([said('late')])).rejects.toMatchObject({ code: 'WORKER_LOST' })
  handlers?.onDone(result())
  expect(await run.finished).toMatchObject({ stored: false })
  expect([heard, ended()]).toEqual([[], true])
  expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'RUNNING', leaseOwner: 'another' })
  expect((await loadMessages(database.db, [run.runId])).get(run.runId) ?? []).toEqual([])
})

test('a run whose client went away is cancelled after the grace, unless somebody listens again', async () => {
  await using runs = openRuns(scriptExecutor(), { disconnectGraceMs: 50 })
  const left = await runs.start(request())
  const resumed = await runs.start(request())
  left.disconnected()
  resumed.disconnected()
  const { ended } = listen(resumed)
  expect(await left.finished).toMatchObject({ status: 'CANCELLED' })
  expect(ended()).toBe(false)
  await runs.cancel(resumed.runId)
})

test('draining takes no more runs and waits for those in flight, up to its deadline', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(executor)
  const run = await runs.start(request())
  let drained = false
  const draining = runs.drain(10_000).then(() => {
    drained = true
  })
  await expect(runs.start(request())).rejects.toMatchObject({ code: 'DRAINING' })
  expect(drained).toBe(false)
  executor.started[0]?.handlers.onDone(result())
  await draining
  expect(await findRun(database.db, run.runId)).toMatchObject({ status: 'COMPLETED' })
  await runs.drain(0)
})

test('a run that a stop cuts short says so, one that completes after all has completed', async () => {
  const executor = scriptExecutor()
  await using runs = openRuns(executor)
  const cut = await runs.start(request())
  const done = await runs.start(request())
  await runs.drain(20)
  executor.started[0]?.handlers.onLost('the server is stopping')
  executor.started[1]?.handlers.onDone(result())
  expect(await cut.finished).toMatchObject({ status: 'ERROR', result: { error: { code: 'DRAINING' } } })
  expect(await done.finished).toMatchObject({ status: 'COMPLETED' })
})
