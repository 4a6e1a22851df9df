import { afterAll, beforeAll, expect, test } from 'vitest'
import { findRun, loadMessages } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
import { type Started, result, scriptExecutor, type ScriptOptions } from './testing/executor.ts'
import { openRuns, request, said } from './testing/open-runs.ts'
import type { RunsOptions } from './runs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const job = (message: string, given: Parameters<typeof request>[0] = {}) =>
  request({ message, background: true, streamed: false, ...given })
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const soon = () => AbortSignal.timeout(10_000)

/** A replica whose runs end when the test says so, and what they were asked, in the order in which they began. */
function openQueue(options: Partial<RunsOptions> = {}, script: ScriptOptions = {}) {
  const executor = scriptExecutor(() => {}, script)
  const runs = openRuns(database, executor, options)
  const begun = () => executor.started.map(({ job: { input } }) => input)
  const finish = (input: string) =>
    executor.started.findLast(({ job: { input: asked } }) => asked === input)?.handlers.onDone(result())
  return { ...runs, executor, begun, finish }
}

test('a background run waits for nobody and is followed like any other', async () => {
  await using runs = openQueue()
  const { runId, status, live } = await runs.start(job('one'))
  expect([status, live]).toEqual(['PENDING', undefined])
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['one'])
  expect(runs.executor.started[0]?.job).toMatchObject({ attempt: 1, interrupted: false, journal: [] })
  runs.finish('one')
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', background: true, lostAttempts: 0 })
})

test('background runs of a session run one after the other, those of others beside them', async () => {
  await using runs = openQueue()
  const sessionId = crypto.randomUUID()
  for (const message of ['a1', 'a2', 'a3']) await runs.start(job(message, { sessionId }))
  const other = await runs.start(job('b1'))
  // Which of the two sessions begins first, the database may decide either way.
  const begun = () => runs.begun().toSorted()
  await expect.poll(begun, { timeout: 5000 }).toEqual(['a1', 'b1'])
  runs.finish('a1')
  await expect.poll(begun, { timeout: 5000 }).toEqual(['a1', 'a2', 'b1'])
  // One that failed or was cancelled does not hold up the next.
  await runs.cancel(runs.executor.started[2]!.job.runId)
  await expect.poll(begun, { timeout: 5000 }).toEqual(['a1', 'a2', 'a3', 'b1'])
  runs.finish('a3')
  runs.finish('b1')
  await runs.wait(other.runId, soon())
})

test('a run that pauses lets the next of its session go', async () => {
  await using runs = openQueue()
  const sessionId = crypto.randomUUID()
  const { runId } = await runs.start(job('first', { sessionId }))
  const next = await runs.start(job('second', { sessionId }))
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['first'])
  runs.executor.started[0]?.handlers.onDone(result({ status: 'PAUSED', requirements: [] }))
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['first', 'second'])
  runs.finish('second')
  expect(await runs.wait(next.runId, soon())).toMatchObject({ status: 'COMPLETED' })
  await runs.cancel(runId)
})

test('the more important ones go first when there is no room for all', async () => {
  await using runs = openQueue({ maxBackgroundRuns: 1 })
  await runs.start(job('now'))
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['now'])
  for (const [message, priority] of [
    ['low', -1],
    ['normal', 0],
    ['high', 5],
  ] as const) {
    await runs.start(job(message, { priority }))
  }
  const inline = await runs.begin({ message: 'inline' })
  for (const done of ['now', 'high', 'normal', 'low']) {
    await expect.poll(runs.begun, { timeout: 5000 }).toContain(done)
    runs.finish(done)
  }
  expect(runs.begun()).toEqual(['now', 'inline', 'high', 'normal', 'low'])
  runs.finish('inline')
  await inline.finished
})

test('a full replica takes no background run, and does when it has a place again', async () => {
  await using runs = openQueue({ maxRuns: 1 })
  const inline = await runs.begin({ message: 'inline' })
  const { runId } = await runs.start(job('later'))
  await expect(runs.start(request())).rejects.toMatchObject({ code: 'TOO_MANY_RUNS' })
  expect((await findRun(database.db, runId))?.status).toBe('PENDING')
  runs.finish('inline')
  await inline.finished
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['inline', 'later'])
  runs.finish('later')
  await runs.wait(runId, soon())
})

test('a queue that is full refuses more, and a replica without background runs leaves them to others', async () => {
  await using idle = openQueue({ maxBackgroundRuns: 0, maxQueueDepth: 1 })
  const { runId } = await idle.start(job('one'))
  await expect(idle.start(job('two'))).rejects.toMatchObject({ code: 'QUEUE_FULL' })
  expect(idle.begun()).toEqual([])
  await using runs = openQueue()
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['one'])
  runs.finish('one')
  expect(await idle.wait(runId, soon())).toMatchObject({ status: 'COMPLETED' })
})

test('the same request with the same key is the same run; another request is refused', async () => {
  await using runs = openQueue()
  const idempotency = { key: crypto.randomUUID(), requestHash: 'h1' }
  const asked = await Promise.all(Array.from({ length: 10 }, () => runs.start(request({ idempotency }))))
  expect(new Set(asked.map(({ runId }) => runId)).size).toBe(1)
  expect(asked.filter(({ isNew }) => isNew)).toHaveLength(1)
  const again = await runs.start(request({ idempotency }))
  expect(again).toMatchObject({ isNew: false, status: 'RUNNING', runId: asked[0]?.runId, live: { runId: again.runId } })
  const other = { ...idempotency, requestHash: 'h2' }
  await expect(runs.start(request({ idempotency: other }))).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  const queued = { key: crypto.randomUUID(), requestHash: 'h3' }
  const first = await runs.start(job('one', { idempotency: queued }))
  expect(await runs.start(job('one', { idempotency: queued }))).toMatchObject({ isNew: false, runId: first.runId })
  runs.executor.started[0]?.handlers.onDone(result())
  await expect.poll(runs.begun, { timeout: 5000 }).toContain('one')
  runs.finish('one')
  await runs.wait(first.runId, soon())
})

test('a run that waits is cancelled before it starts, and says so to those who follow it', async () => {
  await using runs = openQueue({ maxBackgroundRuns: 0 })
  const { runId } = await runs.start(job('one'))
  const following = await runs.follow(runId, -1)
  const heard: string[] = []
  const ended = new Promise<void>((onEnd) =>
    following?.subscribe({ onEntries: (entries) => void heard.push(...entries.map(({ json }) => json)), onEnd }),
  )
  await runs.cancel(runId)
  await ended
  expect(heard).toEqual(['{"event":"run-cancel"}', '{"event":"run-end"}'])
  expect(await findRun(database.db, runId)).toMatchObject({ status: 'CANCELLED', attempt: 1, leaseOwner: null })
  expect(runs.begun()).toEqual([])
})

test('a failed job gets another try from where it was, and only such a job', async () => {
  await using runs = openQueue({ maxAttempts: 1 })
  const { runId } = await runs.start(job('one'))
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['one'])
  expect(await runs.requeue(runId)).toBeUndefined()
  expect(await runs.requeue('unknown')).toBeUndefined()
  const [first] = runs.executor.started
  await first?.handlers.onCommit([said('one')], undefined)
  first?.handlers.onLost('out of memory')
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'ERROR', error: { code: 'ATTEMPTS_EXHAUSTED' } })
  expect(await runs.requeue(runId)).toMatchObject({ status: 'PENDING', error: null })
  await expect.poll(runs.begun, { timeout: 5000 }).toEqual(['one', 'one'])
  expect(runs.executor.started[1]?.job.journal).toMatchObject([{ content: 'one' }])
  runs.finish('one')
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'COMPLETED' })
  expect((await loadMessages(database.db, [runId])).get(runId)).toHaveLength(1)
})

test('a run for an agent that is not served waits for a replica that serves it', async () => {
  const poet: ScriptOptions = { agentIds: ['poet'], revision: 'r2' }
  await using writer = openQueue({ maxBackgroundRuns: 0 }, poet)
  await using other = openQueue({ queuePollMs: 50 })
  const { runId } = await writer.start(job('ode', { agentId: 'poet' }))
  await other.start(job('prose')).then(({ runId: id }) => {
    return expect
      .poll(other.begun, { timeout: 5000 })
      .toEqual(['prose'])
      .then(() => {
        other.finish('prose')
        return other.wait(id, soon())
      })
  })
  await using reader = openQueue({}, poet)
  await expect.poll(reader.begun, { timeout: 5000 }).toEqual(['ode'])
  reader.finish('ode')
  expect(await writer.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', revision: 'r2' })
  expect(other.begun()).toEqual(['prose'])
})

test('a run goes on with the revision it was claimed for, though another one serves by then', async () => {
  const old = scriptExecutor(finishSoon)
  const current = scriptExecutor(finishSoon, { revision: 'r2', agentIds: ['poet'] })
  const view = breakable(database)
  let serving = old
  await using runs = openRuns({ ...database, background: view.background }, old, {}, { executor: () => serving })
  // The first look is over.
  await pause(300)
  view.delayAnswers()
  const { runId } = await runs.start(job('one'))
  await pause(100)
  serving = current
  view.mend()
  expect(await runs.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', revision: 'r1' })
  await expect.poll(() => [old.retained(), current.retained()]).toEqual([0, 0])
})

function finishSoon({ handlers }: Started): void {
  handlers.onDone(result())
}
