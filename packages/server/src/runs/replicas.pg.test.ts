/** Several replicas of one PostgreSQL, each with connections of its own. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { openDatabase } from '../storage/database.ts'
import { heartbeat, removeReplica } from '../storage/replicas.ts'
import { readEvents } from '../storage/runs/run-events.ts'
import { findRun, loadMessages } from '../storage/runs/runs.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
import { result, scriptExecutor, type Started } from './testing/executor.ts'
import { openRuns, request, said, type TestRuns } from './testing/open-runs.ts'
import type { RunsOptions } from './runs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterEach(async () => {
  await database.db.deleteFrom('agentos_runs').execute()
})
afterAll(() => database.close())

const soon = () => AbortSignal.timeout(15_000)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const content = (text: string) => [{ type: 'content' as const, at: 1, text }]

type Replica = TestRuns & {
  readonly executor: ReturnType<typeof scriptExecutor>
  /** Dies as by a power cut: nothing of it reaches the database any more. */
  readonly kill: () => Promise<void>
  readonly freeze: () => void
  readonly wake: () => void
}

async function openReplica(
  act?: (run: Started) => void | Promise<void>,
  options: Partial<RunsOptions> = {},
): Promise<Replica> {
  const own = await openDatabase(database.options, { clock: systemClock })
  const view = breakable({ ...database, ...own })
  const executor = scriptExecutor(act)
  const runs = openRuns(view, executor, options)
  let isClosed = false
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await runs.close()
    await own.close()
  }
  const kill = async () => {
    view.lose()
    await close()
  }
  return { ...runs, executor, kill, freeze: view.lose, wake: view.mend, [Symbol.asyncDispose]: close }
}

/** Two steps with a commit between them, and an end. */
async function work({ handlers, job }: Started): Promise<void> {
  handlers.onEvents(content(`attempt ${job.attempt}`))
  if (job.journal.length === 0) await handlers.onCommit([said('one')], undefined)
  handlers.onDone(result({ uncommitted: [said('two')] }))
}

test('the runs of a replica that was killed end on the others, each once', async () => {
  const options = { leaseMs: 1000, queuePollMs: 100 }
  const victim = await openReplica(async ({ handlers }) => {
    handlers.onEvents(content('lost'))
    await handlers.onCommit([said('one')], undefined)
  }, options)
  const started = await Promise.all(Array.from({ length: 10 }, () => victim.begin()))
  const queued = await Promise.all(Array.from({ length: 10 }, () => victim.start(request({ background: true }))))
  await expect.poll(() => victim.executor.started.length, { timeout: 5000 }).toBe(20)
  await pause(300)
  await using one = await openReplica(work, options)
  await using two = await openReplica(work, options)
  await victim.kill()
  for (const { runId } of [...started, ...queued]) {
    expect(await one.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2, lostAttempts: 1 })
    expect((await loadMessages(database.db, [runId])).get(runId)).toMatchObject([
      { content: 'one' },
      { content: 'two' },
    ])
  }
  expect(one.executor.started.length + two.executor.started.length).toBe(20)
  expect([...one.executor.started, ...two.executor.started].every(({ job }) => job.interrupted)).toBe(true)
})

test('a replica that slept past its leases writes nothing when it wakes, and goes on working', async () => {
  const options = { leaseMs: 1000, queuePollMs: 100 }
  await using zombie = await openReplica(() => {}, options)
  const run = await zombie.begin()
  const { handlers } = zombie.executor.started[0]!
  handlers.onEvents(content('before'))
  await handlers.onCommit([said('one')], undefined)
  zombie.freeze()
  await using other = await openReplica(work, options)
  expect(await other.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2 })
  const before = await findRun(database.db, run.runId)
  const events = await readEvents(database.db, run.runId, -1)
  handlers.onEvents(content('after'))
  const committing = handlers.onCommit([said('late')], { set: { late: true }, unset: [] })
  handlers.onDone(result({ content: 'late' }))
  zombie.wake()
  await expect(committing).rejects.toMatchObject({ code: 'WORKER_LOST' })
  await run.finished
  await pause(300)
  expect(await findRun(database.db, run.runId)).toEqual(before)
  expect(await readEvents(database.db, run.runId, -1)).toEqual(events)
  const next = await zombie.begin()
  zombie.executor.started.at(-1)?.handlers.onDone(result())
  expect(await next.finished).toMatchObject({ status: 'COMPLETED' })
})

test('a job is picked up at once by another replica, and a cancel reaches its owner at once', async () => {
  await using front = await openReplica(() => {}, { maxBackgroundRuns: 0, queuePollMs: 60_000 })
  await using worker = await openReplica(() => {}, { queuePollMs: 60_000 })
  // The first look is over, and the next one is a minute away.
  await pause(300)
  const times: number[] = []
  for (let round = 0; round < 10; round++) {
    const asked = performance.now()
    const { runId } = await front.start(request({ background: true }))
    await expect.poll(() => worker.executor.started.length, { timeout: 5000, interval: 2 }).toBe(round + 1)
    times.push(performance.now() - asked)
    await front.cancel(runId)
    await expect.poll(() => worker.running(), { timeout: 900, interval: 2 }).toBe(0)
  }
  expect(times.toSorted((a, b) => a - b)[5]).toBeLessThan(500)
})

test('a replica that stops hands its runs to the others within moments', async () => {
  await using other = await openReplica(work)
  await pause(300)
  const stopping = await openReplica()
  const runs = await Promise.all(Array.from({ length: 10 }, () => stopping.begin()))
  const asked = performance.now()
  await stopping.drain(100)
  await stopping.release()
  await stopping.kill()
  for (const { runId } of runs) {
    expect(await other.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', lostAttempts: 0, attempt: 2 })
  }
  expect(performance.now() - asked).toBeLessThan(5000)
  expect(other.executor.started.every(({ job }) => !job.interrupted)).toBe(true)
})

test('what a replica leaves that takes none from the queue is taken up by a worker, not by another of its kind', async () => {
  const takesNone = { maxBackgroundRuns: 0, leaseMs: 1000, queuePollMs: 100 }
  await using other = await openReplica(work, takesNone)
  await heartbeat(database.db, { replicaId: 'worker', revision: 'abc', takesRuns: true })
  const killed = await openReplica(() => {}, takesNone)
  const drained = await openReplica(undefined, takesNone)
  const runs = [await killed.begin(), await drained.begin()]
  await killed.kill()
  await drained.drain(100)
  await drained.release()
  await drained.kill()
  // The leases have run out, and it has looked many times.
  await pause(2500)
  expect(other.executor.started).toHaveLength(0)
  await using worker = await openReplica(work, { leaseMs: 1000, queuePollMs: 100 })
  for (const { runId } of runs)
    expect(await other.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2 })
  expect(worker.executor.started).toHaveLength(2)
  expect(other.executor.started).toHaveLength(0)
  await removeReplica(database.db, 'worker')
})

test('without a worker, replicas that take none from the queue go on with the inline runs of each other alone', async () => {
  const takesNone = { maxBackgroundRuns: 0, leaseMs: 1000, queuePollMs: 100 }
  await using other = await openReplica(work, takesNone)
  const killed = await openReplica(() => {}, takesNone)
  const { runId } = await killed.begin()
  const queued = await killed.start(request({ background: true }))
  await killed.kill()
  expect(await other.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2 })
  expect(await findRun(database.db, queued.runId)).toMatchObject({ status: 'PENDING' })
})

test('a hundred jobs are worked off by three replicas, each once', async () => {
  const options = { maxBackgroundRuns: 5, queuePollMs: 100 }
  await using one = await openReplica(work, options)
  await using two = await openReplica(work, options)
  await using three = await openReplica(work, options)
  const replicas = [one, two, three]
  const jobs = await Promise.all(
    Array.from({ length: 100 }, (_, number) =>
      replicas[number % 3]!.start(request({ background: true, sessionId: `session ${number % 40}` })),
    ),
  )
  for (const { runId } of jobs) {
    expect(await one.wait(runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 1, lostAttempts: 0 })
  }
  expect(replicas.reduce((sum, { executor }) => sum + executor.started.length, 0)).toBe(100)
})

test('of twenty who go on with a failed run on two replicas, one goes on with it', async () => {
  const [one, two, three] = [await openReplica(), await openReplica(), await openReplica()]
  const run = await one.begin()
  one.executor.started[0]?.handlers.onDone(result({ status: 'ERROR', uncommitted: [said('one')] }))
  await run.finished
  const asked = {
    agentId: 'assistant',
    runId: run.runId,
    sessionId: run.sessionId,
    userId: null,
    answers: [],
    input: undefined,
    continueFrom: 'end' as const,
    fork: false,
    regenerate: false,
    replaceOriginal: undefined,
    background: false,
    streamed: true,
    mayApprove: false,
    resolvedBy: null,
  }
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, (_, number) => [two, three][number % 2]!.continue(asked)),
  )
  expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const { executor } of [two, three]) executor.started[0]?.handlers.onDone(result())
  expect(await one.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED', attempt: 2 })
  for (const replica of [one, two, three]) await replica[Symbol.asyncDispose]()
})
