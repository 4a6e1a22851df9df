import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRun } from '../storage/runs/runs.ts'
import { tailEvents } from '../storage/runs/tail-events.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { breakable } from '../storage/testing/breakable-database.ts'
import { result, scriptExecutor, type ScriptedExecutor } from './testing/executor.ts'
import { openRuns, request, said, type TestRuns } from './testing/open-runs.ts'
import type { Following } from './runs.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const content = (text: string) => [{ type: 'content' as const, at: 1, text }]
/** Events with their text, so that no two are alike. */
const encode: Parameters<typeof openRuns>[3] = {
  encode: (event) => JSON.stringify(event.type === 'content' ? { text: event.text } : { event: event.type }),
}
const soon = () => AbortSignal.timeout(10_000)
const flushed = () => new Promise((resolve) => setTimeout(resolve, 150))
const PATIENT = { timeout: 10_000 }

type Heard = {
  readonly entries: { index: number; json: string }[]
  readonly ended: Promise<void>
  readonly leave: () => void
}

function hear(following: Following | undefined): Heard {
  if (following === undefined) throw new Error('there is no such run')
  const entries = following.missed.map(({ index, json }) => ({ index, json }))
  const end = Promise.withResolvers<void>()
  const leave = following.subscribe({
    onEntries: (more) => void entries.push(...more.map(({ index, json }) => ({ index, json }))),
    onEnd: end.resolve,
  })
  return { entries, ended: end.promise, leave }
}

/** What is stored of a run, void events left out. */
async function storedOf(runId: string) {
  const [run] = await tailEvents(database.db, [{ runId, afterIndex: -1, chunkFirst: -1 }])
  const entries = (run?.chunks ?? []).flatMap(({ firstIndex, events }) =>
    events.split('\n').map((json, offset) => ({ index: firstIndex + offset, json })),
  )
  return entries.filter(({ index }) => !run?.voidEvents.some(([from, to]) => index >= from && index <= to))
}

/** Ends the lease of an attempt, as if its replica had died. */
async function expire(runId: string, attempt: number) {
  await database.db
    .updateTable('agentos_runs')
    .set({ lease_until: new Date(0) })
    .where('run_id', '=', runId)
    .where('attempt', '=', attempt)
    .execute()
}

describe('a follower', () => {
  test('gets a run from any event on, wherever it is', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    await using there = openRuns(database, scriptExecutor(), { maxRuns: 0 }, encode)
    const run = await here.begin()
    const { handlers } = executor.started[0]!
    handlers.onEvents([...content('a'), ...content('b')])
    await flushed()
    handlers.onEvents(content('c'))
    const live = [-1, 0, 1, 2].map(async (after) => hear(await here.follow(run.runId, after)))
    const far = [-1, 0, 1].map(async (after) => hear(await there.follow(run.runId, after)))
    const heard = await Promise.all([...live, ...far])
    handlers.onEvents(content('d'))
    handlers.onDone(result())
    await Promise.all(heard.map(({ ended }) => ended))
    const after = await Promise.all([-1, 3, 4, 9].map(async (index) => hear(await there.follow(run.runId, index))))
    const indexes = [...heard, ...after].map(({ entries }) => entries.map(({ index }) => index))
    const from = (first: number) => [0, 1, 2, 3, 4].slice(first)
    expect(indexes).toEqual([...[0, 1, 2, 3, 0, 1, 2].map(from), from(0), from(4), [], []])
    expect(await here.follow('unknown', -1)).toBeUndefined()
  })

  test('of a run at rest has all of it, however close to its end it asks', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    await using there = openRuns(database, scriptExecutor(), { maxRuns: 0 }, encode)
    for (let round = 0; round < 10; round++) {
      const { runId, finished } = await here.begin()
      executor.started.at(-1)?.handlers.onEvents(content('a'))
      executor.started.at(-1)?.handlers.onDone(result())
      const heard = await Promise.all(Array.from({ length: 5 }, async () => hear(await there.follow(runId, -1))))
      await Promise.all([finished, ...heard.map(({ ended }) => ended)])
      for (const { entries } of heard) expect(entries.map(({ index }) => index)).toEqual([0, 1])
    }
  })

  test('misses nothing that is stored, and let go of in memory, while storage is read for it', async () => {
    const executor = scriptExecutor()
    const slow = breakable(database)
    await using here = openRuns({ ...database, db: slow.db }, executor, {}, encode)
    const run = await here.begin()
    const { handlers } = executor.started[0]!
    handlers.onEvents(content('a'))
    await expect.poll(() => run.feed.heldFrom(), PATIENT).toBe(1)
    slow.delayAnswers()
    const following = here.follow(run.runId, -1)
    await flushed()
    handlers.onEvents(content('b'))
    await expect.poll(() => run.feed.heldFrom(), PATIENT).toBe(2)
    slow.mend()
    const heard = hear(await following)
    handlers.onEvents(content('c'))
    handlers.onDone(result())
    await heard.ended
    expect(heard.entries.map(({ index }) => index)).toEqual([0, 1, 2, 3])
  })

  test('of a later attempt hears nothing of an earlier one whose replica has not noticed that it lost the run', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    const run = await here.begin()
    const { handlers } = executor.started[0]!
    const [before, past] = [hear(await here.follow(run.runId, -1)), hear(await here.follow(run.runId, 1_000_002))]
    handlers.onEvents([...content('a'), ...content('b')])
    await flushed()
    handlers.onEvents(content('c'))
    expect([before, past].map(({ entries }) => entries.length)).toEqual([3, 0])
    await here.release()
  })

  test('that leaves hears nothing more, here and elsewhere', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    await using there = openRuns(database, scriptExecutor(), { maxRuns: 0 }, encode)
    const run = await here.begin()
    const heard = [hear(await here.follow(run.runId, -1)), hear(await there.follow(run.runId, -1))]
    for (const { leave } of heard) leave()
    executor.started[0]?.handlers.onEvents(content('a'))
    executor.started[0]?.handlers.onDone(result())
    await run.finished
    await flushed()
    expect(heard.map(({ entries }) => entries)).toEqual([[], []])
  })

  test('that fails harms neither the run nor the others', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    const run = await here.begin()
    const { handlers } = executor.started[0]!
    run.feed.subscribe({
      onEntries: () => {
        throw new Error('broken')
      },
      onEnd: () => {},
    })
    expect(() => handlers.onEvents(content('a'))).toThrow('broken')
    expect(() => handlers.onEvents(content('b'))).toThrow('broken')
    await expect.poll(async () => (await storedOf(run.runId)).map(({ index }) => index), PATIENT).toEqual([0, 1])
    await here.release()
  })

  test('waits for a database that is away, and misses nothing', async () => {
    const executor = scriptExecutor()
    const view = breakable(database)
    await using here = openRuns(database, executor, {}, encode)
    await using there = openRuns(view, scriptExecutor(), { maxRuns: 0 }, encode)
    const run = await here.begin()
    const heard = hear(await there.follow(run.runId, -1))
    executor.started[0]?.handlers.onEvents(content('a'))
    await expect.poll(() => heard.entries.length, { timeout: 5000 }).toBe(1)
    view.lose()
    executor.started[0]?.handlers.onEvents(content('b'))
    executor.started[0]?.handlers.onDone(result())
    await run.finished
    await flushed()
    view.mend()
    await heard.ended
    expect(heard.entries.map(({ index }) => index)).toEqual([0, 1, 2])
  })
})

describe('waiting for a run', () => {
  test('lasts through its moves, and ends when it has ended', async () => {
    const executor = scriptExecutor()
    await using first = openRuns(database, executor, {}, encode)
    const run = await first.begin()
    await using watcher = openRuns(database, scriptExecutor(), { maxRuns: 0 }, encode)
    const waits = [first, watcher].map((runs) => runs.wait(run.runId, soon()))
    await using second = openRuns(database, executor, { queuePollMs: 50 }, encode)
    executor.started[0]?.handlers.onDone(result({ status: 'PENDING' }))
    await expect.poll(() => executor.started.length, { timeout: 5000 }).toBe(2)
    executor.started[1]?.handlers.onDone(result())
    for (const wait of waits) expect(await wait).toMatchObject({ runId: run.runId, status: 'COMPLETED' })
    expect(await second.wait(run.runId, soon())).toMatchObject({ status: 'COMPLETED' })
    await expect(watcher.wait('unknown', soon())).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' })
  })

  test('ends when the client leaves, or the replica stops', async () => {
    const executor = scriptExecutor()
    await using here = openRuns(database, executor, {}, encode)
    const run = await here.begin()
    const stopping = openRuns(database, scriptExecutor(), { maxRuns: 0 }, encode)
    const client = new AbortController()
    const left = here.wait(run.runId, client.signal).catch((error: unknown) => error)
    const stopped = stopping.wait(run.runId, soon()).catch((error: unknown) => error)
    // Before the wait has read anything, and after.
    client.abort(new Error('gone'))
    expect(await left).toMatchObject({ message: 'gone' })
    await flushed()
    await stopping.release()
    expect(await stopped).toMatchObject({ code: 'RUN_HANDED_OVER' })
    await stopping.close()
    await here.cancel(run.runId)
  })
})

type Step =
  | { readonly type: 'events'; readonly count: number }
  | { readonly type: 'commit' | 'flush' | 'hand-over' | 'crash' | 'expire' }
  | { readonly type: 'follow'; readonly where: 0 | 1; readonly back: number }

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ type: fc.constant('events' as const), count: fc.integer({ min: 1, max: 4 }) }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ type: fc.constantFrom('commit' as const, 'flush', 'hand-over', 'crash', 'expire') }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('follow' as const),
        where: fc.constantFrom(0 as const, 1 as const),
        back: fc.nat({ max: 6 }),
      }),
    },
  ),
  { minLength: 4, maxLength: 14 },
)

/** One run on two replicas, moved about by steps; whoever has it last ends it. */
async function play(replicas: readonly TestRuns[], executor: ScriptedExecutor, script: readonly Step[]) {
  const { runId } = await replicas[0]!.start(request())
  const followers: { heard: Heard; afterIndex: number }[] = []
  let text = 0
  const attempt = () => executor.started.findLast(({ job }) => job.runId === runId)!
  const moved = async (move: () => void) => {
    const before = attempt()
    move()
    await expect.poll(() => attempt() !== before, { timeout: 10_000, interval: 5 }).toBe(true)
  }
  const act = async (step: Step) => {
    const { handlers } = attempt()
    if (step.type === 'events') handlers.onEvents(Array.from({ length: step.count }, () => content(`${text++}`)).flat())
    if (step.type === 'commit') await handlers.onCommit([said('x')], undefined)
    if (step.type === 'flush') await flushed()
    if (step.type === 'hand-over') await moved(() => handlers.onDone(result({ status: 'PENDING' })))
    if (step.type === 'crash') await moved(() => handlers.onLost('it crashed'))
    if (step.type === 'expire') {
      const { attempt: lost } = attempt().job
      // Its owner may renew it once more.
      while (attempt().job.attempt === lost) await expire(runId, lost).then(flushed)
    }
    if (step.type === 'follow') {
      const known = await storedOf(runId)
      const afterIndex = known.at(-step.back)?.index ?? -1
      followers.push({ afterIndex, heard: hear(await replicas[step.where]!.follow(runId, afterIndex)) })
    }
  }
  for (const step of [{ type: 'follow', where: 0, back: 0 }, ...script] as const) await act(step)
  attempt().handlers.onDone(result())
  await Promise.all(followers.map(({ heard }) => heard.ended))
  return { runId, followers }
}

test('whatever becomes of a run, each follower gets every event that counts once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const executor = scriptExecutor()
      const options = { maxAttempts: 100, queuePollMs: 50 }
      await using one = openRuns(database, executor, options, encode)
      await using two = openRuns(database, executor, options, encode)
      const { runId, followers } = await play([one, two], executor, script)
      const stored = await storedOf(runId)
      for (const { heard, afterIndex } of followers) {
        const indexes = heard.entries.map(({ index }) => index)
        expect(indexes).toEqual([...new Set(indexes)].toSorted((a, b) => a - b))
        const counting = heard.entries.filter(({ index }) => stored.some((entry) => entry.index === index))
        expect(counting).toEqual(stored.filter(({ index }) => index > afterIndex))
      }
      expect(await findRun(database.db, runId)).toMatchObject({ status: 'COMPLETED' })
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 120_000)
