import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  appendEvents,
  prepareEventPartitions,
  readEvents,
  tailEvents,
  touchFollowed,
  wasFollowed,
} from './run-events.ts'
import { claimRuns, createRun, finishRun, requestCancel } from './runs.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, runEnd } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
  await prepareEventPartitions(db)
})
afterAll(() => database?.close())

const chunk = (runId: string, firstIndex: number, lastIndex: number) => ({
  runId,
  firstIndex,
  lastIndex,
  events: Array.from({ length: lastIndex - firstIndex + 1 }, (_, i) => `{"event_index":${firstIndex + i}}`).join('\n'),
})
const append = (...chunks: ReturnType<typeof chunk>[]) =>
  appendEvents(
    db,
    'replica-1',
    chunks.map((given) => ({ ...given, attempt: 1 })),
  )

async function start(): Promise<string> {
  const run = newRun()
  await createRun(db, run)
  return run.runId
}

test('gives what is new of many runs, each with where it stands, and nothing of runs that are gone', async () => {
  const [fresh, half, cancelled] = [await start(), await start(), await start()]
  await append(chunk(half, 0, 4), chunk(half, 5, 8), chunk(half, 9, 9), chunk(cancelled, 0, 0))
  await requestCancel(db, cancelled)
  const cursor = { afterIndex: -1, chunkFirst: -1 }
  const tailed = await tailEvents(db, [
    { runId: fresh, ...cursor },
    { runId: half, afterIndex: 6, chunkFirst: 5 },
    { runId: cancelled, ...cursor },
    { runId: 'gone', ...cursor },
  ])
  const running = { status: 'RUNNING', attempt: 1, cancelRequested: false, voidEvents: [] }
  expect(new Map(tailed.map((run) => [run.runId, run]))).toEqual(
    new Map([
      [fresh, { ...running, runId: fresh, chunks: [] }],
      [half, { ...running, runId: half, chunks: [chunk(half, 5, 8), chunk(half, 9, 9)] }],
      [cancelled, { ...running, runId: cancelled, cancelRequested: true, chunks: [chunk(cancelled, 0, 0)] }],
    ]),
  )
  expect(await tailEvents(db, [])).toEqual([])
})

test('sees that the chunk it read last has become longer, and none before it', async () => {
  const runId = await start()
  await append(chunk(runId, 0, 4), chunk(runId, 5, 6))
  const after = { runId, afterIndex: 6, chunkFirst: 5 }
  expect(await tailEvents(db, [after])).toMatchObject([{ chunks: [] }])
  await append(chunk(runId, 5, 9), chunk(runId, 0, 20))
  expect(await tailEvents(db, [after])).toMatchObject([{ chunks: [chunk(runId, 5, 9)] }])
})

test('has all events of a run that it calls ended, and the void ranges of one that was lost', async () => {
  const run = newRun()
  await createRun(db, run)
  const { runId } = run
  await append(chunk(runId, 0, 4))
  const cursor = { runId, afterIndex: 4, chunkFirst: 0 }
  await finishRun(db, runEnd(run, { events: chunk(runId, 5, 6) }))
  expect(await tailEvents(db, [cursor])).toMatchObject([{ status: 'COMPLETED', chunks: [chunk(runId, 5, 6)] }])

  const lost = await start()
  await sql`update agentos_runs set lease_until = now() - interval '1 second' where run_id = ${lost}`.execute(db)
  const components = [{ type: 'agent', id: 'assistant' }] as const
  const options = { leaseMs: 30_000, limit: 9, backgroundLimit: 9, held: [], lost: true, revision: 'def' }
  const [claimed] = await claimRuns(db, { owner: 'replica-2', components, ...options })
  const { from, to } = claimed!.voided!
  expect(await tailEvents(db, [{ ...cursor, runId: lost }])).toMatchObject([{ attempt: 2, voidEvents: [[from, to]] }])
})

test('a chunk that was stored before midnight and again after it is read once, by everybody', async () => {
  const run = newRun()
  await createRun(db, run)
  const { runId } = run
  await append(chunk(runId, 0, 4), chunk(runId, 5, 7))
  await sql`update agentos_runs set created_at = created_at - interval '1 day' where run_id = ${runId}`.execute(db)
  await sql`update agentos_run_events set day = day - 1 where run_id = ${runId}`.execute(db)
  await append(chunk(runId, 5, 7))
  await finishRun(db, runEnd(run, { events: chunk(runId, 5, 9) }))
  const { rows } = await sql`select from agentos_run_events where run_id = ${runId}`.execute(db)
  expect(rows).toHaveLength(3)
  const chunks = [chunk(runId, 0, 4), chunk(runId, 5, 9)]
  expect(await readEvents(db, runId, -1)).toEqual(chunks)
  expect(await tailEvents(db, [{ runId, afterIndex: -1, chunkFirst: -1 }])).toMatchObject([{ chunks }])
  expect(await tailEvents(db, [{ runId, afterIndex: 7, chunkFirst: 5 }])).toMatchObject([{ chunks: chunks.slice(1) }])
})

test.each([
  ['another owner', { owner: 'replica-9' }],
  ['an older attempt', { attempt: 0 }],
])('stores no events for %s', async (_, { owner = 'replica-1', attempt = 1 }: { owner?: string; attempt?: number }) => {
  const runId = await start()
  await appendEvents(db, owner, [{ ...chunk(runId, 0, 1), attempt }])
  expect(await readEvents(db, runId, -1)).toEqual([])
})

test('stores no events for a run that has ended or was given up', async () => {
  const run = newRun()
  await createRun(db, run)
  await finishRun(db, runEnd(run))
  const other = await start()
  await append(chunk(run.runId, 0, 1), chunk(other, 0, 1))
  expect(await readEvents(db, run.runId, -1)).toEqual([])
  expect(await readEvents(db, other, -1)).toHaveLength(1)
})

test('a run is followed for as long as somebody says so', async () => {
  const runId = await start()
  expect(await wasFollowed(db, runId, 60_000)).toBe(false)
  await touchFollowed(db, [runId, 'gone'])
  expect(await wasFollowed(db, runId, 60_000)).toBe(true)
  expect(await wasFollowed(db, runId, 0)).toBe(false)
  expect(await wasFollowed(db, 'gone', 60_000)).toBe(false)
  await touchFollowed(db, [])
})
