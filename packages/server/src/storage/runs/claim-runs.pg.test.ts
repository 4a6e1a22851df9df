import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { adoptRun, claimRuns, releaseRuns, type ClaimOptions } from './claim-runs.ts'
import { INDEX_GAP } from './claimed-run.ts'
import { appendEvents, touchFollowed } from './run-events.ts'
import { commitMessages, createRun, findRun, finishRun, listRuns, loadMessages, renewLeases } from './runs.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newJob, newRun, runEnd, storeRun, userMessage } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(() => sql`delete from agentos_sessions`.execute(db))

const claim = (owner: string, given: Partial<ClaimOptions> = {}, on = db) =>
  claimRuns(on, {
    owner,
    leaseMs: 30_000,
    limit: 10,
    backgroundLimit: 10,
    components: [{ type: 'agent', id: 'assistant' }],
    held: [],
    lost: true,
    revision: 'def',
    ...given,
  })

const replicas = Array.from({ length: 20 }, (_, index) => `replica-${index}`)
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test.each(['queued', 'lost'])('gives one %s run to one replica when twenty ask at once', async (origin) => {
  for (let round = 0; round < 10; round++) {
    const run = origin === 'queued' ? newJob() : newRun({ leaseMs: 0 })
    await createRun(db, run)
    await pause(2)
    const claims = (await Promise.all(replicas.map((owner) => claim(owner)))).flat()
    expect(claims).toMatchObject([{ origin, run: { runId: run.runId } }])
    const attempt = origin === 'queued' ? 1 : 2
    expect(await findRun(db, run.runId)).toMatchObject({ attempt, leaseOwner: claims[0]!.run.leaseOwner })
  }
})

test('gives a hundred runs to five replicas, each once', async () => {
  const runs = Array.from({ length: 100 }, () => newJob())
  for (const run of runs) await createRun(db, run)
  const claims = await Promise.all(
    replicas.slice(0, 5).map(async (owner) => {
      const taken: string[] = []
      for (let round = 0; round < 40; round++) {
        taken.push(...(await claim(owner, { limit: 5 })).map(({ run }) => run.runId))
      }
      return taken
    }),
  )
  expect(claims.flat().toSorted()).toEqual(runs.map(({ runId }) => runId).toSorted())
})

test('a claim locks no more than it takes: another one at the same time gets the rest', async () => {
  const runs = [newJob(), newJob(), newRun({ leaseMs: 0 }), newRun({ leaseMs: 0 })]
  for (const run of runs) await createRun(db, run)
  await db.transaction().execute(async (transaction) => {
    const first = await claim('replica-1', { limit: 3 }, transaction)
    const second = await claim('replica-2', { limit: 3 })
    expect(first.map(({ run }) => run.runId)).toEqual([runs[0]!.runId, runs[2]!.runId, runs[3]!.runId])
    expect(second.map(({ run }) => run.runId)).toEqual([runs[1]!.runId])
  })
})

test('sixteen background runs of a session run one at a time and in order, whoever claims them', async () => {
  const { sessionId } = newRun()
  const runs = Array.from({ length: 16 }, (_, index) => newJob({ sessionId, priority: index % 3 }))
  for (const run of runs) await createRun(db, run)
  const order: string[] = []
  let running = 0
  const work = async (owner: string) => {
    while (order.length < runs.length) {
      for (const { run } of await claim(owner)) {
        running++
        expect(running).toBe(1)
        order.push(run.runId)
        await pause(2)
        running--
        // Every third is handed over once, and goes on before the ones behind it.
        const status = order.length % 3 === 0 && run.attempt === 1 ? 'PENDING' : 'COMPLETED'
        if (status === 'PENDING') order.pop()
        await finishRun(db, runEnd(newRun({ runId: run.runId, leaseOwner: owner, attempt: run.attempt }), { status }))
      }
    }
  }
  await Promise.all([work('replica-1'), work('replica-2')])
  expect(order).toEqual(runs.map(({ runId }) => runId))
})

test('a commit that races the claim of its run is either settled by it or nowhere', async () => {
  let committed = 0
  for (let round = 0; round < 60; round++) {
    const run = newRun({ leaseMs: 0 })
    await createRun(db, run)
    await pause(round % 3)
    const fence = { runId: run.runId, owner: 'replica-1', attempt: 1 }
    const [isCommitted, claims] = await Promise.all([
      commitMessages(db, { ...fence, firstSeq: 0, messages: [userMessage('zombie')], eventIndex: 7 }),
      claim('replica-2'),
    ])
    // The claim skips a run that is locked.
    const [claimed] = claims.length === 0 ? await claim('replica-2') : claims
    expect((await loadMessages(db, [run.runId])).get(run.runId)).toHaveLength(isCommitted ? 1 : 0)
    const from = isCommitted ? 8 : 0
    expect(claimed).toMatchObject({ voided: { from, to: from + INDEX_GAP - 1 }, firstIndex: from + INDEX_GAP })
    if (isCommitted) committed++
  }
  expect(committed).toBeGreaterThan(0)
})

test('a claim whose moment came before a commit that it waited for settles that commit', async () => {
  const run = newRun()
  await createRun(db, run)
  await sql`update agentos_runs set lease_until = now() - interval '1 second' where run_id = ${run.runId}`.execute(db)
  let adopted: ReturnType<typeof adoptRun> | undefined
  await db.transaction().execute(async (transaction) => {
    const fence = { runId: run.runId, owner: 'replica-1', attempt: 1 }
    await commitMessages(transaction, { ...fence, firstSeq: 0, messages: [userMessage('hi')], eventIndex: 7 })
    adopted = adoptRun(db, run.runId, { owner: 'replica-2', leaseMs: 30_000 })
    await pause(100)
  })
  expect(await adopted).toMatchObject({ lastIndex: 7, voided: { from: 8, to: 7 + INDEX_GAP } })
})

test('twenty requests with one key at once make one run and one session', async () => {
  const key = { key: 'order-7', requestHash: 'h' }
  const runs = Array.from({ length: 20 }, (_, index) => newJob({ idempotency: key, background: index % 2 === 0 }))
  const created = await Promise.all(runs.map((run) => createRun(db, run)))
  const winner = runs[created.findIndex((result) => result.created)]!
  const others = created.filter((result) => !result.created)
  expect(others).toHaveLength(19)
  const { runId, sessionId } = winner
  for (const other of others)
    expect(other).toEqual({ created: false, runId, sessionId, requestHash: 'h', status: 'PENDING' })
  const { rows } = await sql`select from agentos_sessions`.execute(db)
  expect(rows).toHaveLength(1)
  expect(await listRuns(db, sessionId)).toHaveLength(1)
})

test('a run that waited for its session is younger than what it waited for', async () => {
  const { sessionId } = newRun()
  await createRun(db, newRun({ sessionId }))
  let waiting: ReturnType<typeof storeRun> | undefined
  let releasedAt = new Date(0)
  await db.transaction().execute(async (transaction) => {
    await storeRun(transaction, newRun({ sessionId }))
    waiting = storeRun(db, newRun({ sessionId }))
    await pause(50)
    const { rows } = await sql<{ at: Date }>`select clock_timestamp() as at`.execute(transaction)
    releasedAt = rows[0]!.at
  })
  expect((await waiting)!.createdAt.getTime()).toBeGreaterThanOrEqual(releasedAt.getTime())
})

test('renewing, following, releasing, storing events and ending the same runs at once never stop each other', async () => {
  const { sessionId } = newRun()
  const runs = Array.from({ length: 40 }, () => newRun({ sessionId }))
  for (const run of runs) await createRun(db, run)
  const ids = runs.map(({ runId }) => runId)
  const shuffled = () => ids.toSorted(() => Math.random() - 0.5)
  const chunks = (first: number) =>
    shuffled().map((runId) => ({ runId, attempt: 1, firstIndex: first, lastIndex: first, events: '{}' }))
  const rounds = Array.from({ length: 30 }, (_, round) => round)
  await Promise.all([
    ...rounds.map(() => renewLeases(db, 'replica-1', shuffled(), 30_000)),
    ...rounds.map(() => touchFollowed(db, shuffled())),
    ...rounds.map((round) => appendEvents(db, 'replica-1', chunks(round))),
    ...runs.slice(0, 20).map((run) => finishRun(db, runEnd(run))),
    releaseRuns(db, 'replica-1', shuffled().slice(0, 20), { lost: false }),
    ...rounds.map((round) => claim(`replica-${round}`)),
  ])
  const statuses = (await listRuns(db, sessionId)).map(({ status }) => status)
  expect(new Set(statuses)).toEqual(new Set(['RUNNING', 'COMPLETED']))
})
