import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adoptRun, claimRuns, releaseAllRuns, releaseRuns, type ClaimOptions } from './claim-runs.ts'
import { INDEX_GAP } from './claimed-run.ts'
import { appendEvents, readEvents } from './run-events.ts'
import { commitMessages, createRun, findRun, finishRun, loadMessages, type NewRun } from './runs.ts'
import type { Db } from '../tables.ts'
import { ALIVE_MS, heartbeat, removeReplica } from '../replicas.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { assistantMessage, newJob, newRun, runEnd, userMessage } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
// A claim takes whatever there is.
beforeEach(() => sql`delete from agentos_sessions`.execute(db))

const OPTIONS: ClaimOptions = {
  owner: 'replica-2',
  leaseMs: 30_000,
  limit: 100,
  backgroundLimit: 100,
  components: [{ type: 'agent', id: 'assistant' }],
  held: [],
  lost: true,
  revision: 'def',
}

const claim = (given: Partial<ClaimOptions> = {}) => claimRuns(db, { ...OPTIONS, ...given })
const claimIds = async (given: Partial<ClaimOptions> = {}) => (await claim(given)).map(({ run }) => run.runId)

async function store(...runs: NewRun[]): Promise<string[]> {
  for (const run of runs) await createRun(db, run)
  return runs.map(({ runId }) => runId)
}

async function expire(...runIds: string[]): Promise<void> {
  for (const runId of runIds) {
    await sql`update agentos_runs set lease_until = now() - interval '1 second' where run_id = ${runId}`.execute(db)
  }
}

const chunk = (runId: string, firstIndex: number, lastIndex: number, attempt = 1) => ({
  runId,
  attempt,
  firstIndex,
  lastIndex,
  events: Array.from({ length: lastIndex - firstIndex + 1 }, (_, i) => `{"event_index":${firstIndex + i}}`).join('\n'),
})

describe('the queue', () => {
  test('gives a waiting run with its lease, its session and its first index', async () => {
    const [runId] = await store(newJob({ initialSessionState: { mood: 'calm' } }))
    const [claimed] = await claim()
    expect(claimed).toMatchObject({
      origin: 'queued',
      lastIndex: -1,
      firstIndex: 0,
      voided: undefined,
      sessionState: { mood: 'calm' },
      run: { runId, status: 'RUNNING', leaseOwner: 'replica-2', attempt: 1, lostAttempts: 0, revision: 'def' },
    })
    expect(await findRun(db, runId!)).toEqual(claimed!.run)
    expect(claimed!.run.startedAt).toBeInstanceOf(Date)
    expect(claimed!.run.leaseUntil!.getTime() - claimed!.run.startedAt!.getTime()).toBe(30_000)
    expect(await claim()).toEqual([])
  })

  test('is ordered by priority, then age', async () => {
    const [first, second, urgent, later] = await store(
      newJob(),
      newJob(),
      newJob({ priority: 5 }),
      newJob({ priority: -1 }),
    )
    expect(await claimIds({ limit: 2 })).toEqual([urgent, first])
    expect(await claimIds()).toEqual([second, later])
  })

  test('leaves all to replicas that take runs while one serves and lives, then gives lost and handed over inline ones', async () => {
    const [waiting, handedOver, lost] = await store(newJob(), newRun(), newRun())
    await sql`update agentos_runs set status = 'PENDING', lease_owner = null where run_id = ${handedOver}`.execute(db)
    await expire(lost!)
    const left = { backgroundLimit: 0, unlessTakenWithinMs: ALIVE_MS }
    const taker = { replicaId: 'worker', revision: 'abc', takesRuns: true }
    await heartbeat(db, taker)
    expect(await claimIds(left)).toEqual([])
    for (const idle of [{ takesRuns: false }, { revision: null }]) {
      await heartbeat(db, { ...taker, ...idle })
      const claimed = await claimIds(left)
      expect(claimed).toEqual([handedOver, lost])
      await expire(...claimed)
    }
    await heartbeat(db, taker)
    await sql`update agentos_replicas set heartbeat_at = now() - interval '11 seconds'`.execute(db)
    expect(await claimIds(left)).toHaveLength(2)
    expect((await findRun(db, waiting!))?.status).toBe('PENDING')
    await removeReplica(db, 'worker')
  })

  test('gives what is asked for: no more than the limits, only the components, nothing that is held', async () => {
    const [held, a, b] = await store(newJob(), newJob(), newJob())
    await store(newJob({ componentId: 'other' }), newJob({ runType: 'team' }))
    expect(await claimIds({ limit: 0 })).toEqual([])
    expect(await claimIds({ components: [] })).toEqual([])
    expect(await claimIds({ backgroundLimit: 0 })).toEqual([])
    expect(await claimIds({ backgroundLimit: -3 })).toEqual([])
    expect(await claimIds({ components: [{ type: 'workflow', id: 'assistant' }] })).toEqual([])
    expect(await claimIds({ held: [held!], backgroundLimit: 1 })).toEqual([a])
    expect(await claimIds({ held: [held!] })).toEqual([b])
    expect(await claimIds({ held: ['other'] })).toEqual([held])
  })

  test('runs one background run of a session at a time, oldest first, whatever their priorities', async () => {
    const { sessionId } = newRun()
    const [first, second] = await store(newJob({ sessionId }), newJob({ sessionId, priority: 9 }))
    await store(newRun({ sessionId }))
    const [claimed] = await claim()
    expect(claimed?.run.runId).toBe(first)
    expect(await claimIds()).toEqual([])
    await finishRun(db, runEnd(newRun({ runId: first!, leaseOwner: 'replica-2' })))
    expect(await claimIds()).toEqual([second])
  })

  test('runs that were handed over come first, and need no place of a background run', async () => {
    const inline = newRun()
    const [job, runId] = await store(newJob({ priority: 100 }), inline)
    await finishRun(db, runEnd(inline, { status: 'PENDING', eventIndex: 7 }))
    const [claimed] = await claim({ limit: 1 })
    expect(claimed).toMatchObject({ origin: 'queued', lastIndex: 7, firstIndex: 8, run: { runId, attempt: 2 } })
    expect(await claimIds()).toEqual([job])
  })

  test('a handed over background run keeps its turn', async () => {
    const { sessionId } = newRun()
    const [first] = await store(newJob({ sessionId }), newJob({ sessionId }))
    await claim()
    const run = newRun({ runId: first!, leaseOwner: 'replica-2' })
    await finishRun(db, runEnd(run, { status: 'PENDING' }))
    expect(await claimIds()).toEqual([first])
  })
})

describe('a lost run', () => {
  test('is claimed when its lease has run out, and what nothing has settled is void', async () => {
    const run = newRun()
    const [runId] = await store(run)
    const fence = { runId: runId!, owner: 'replica-1', attempt: 1 }
    await commitMessages(db, { ...fence, firstSeq: 0, messages: [userMessage('hi')], eventIndex: 3 })
    await appendEvents(db, 'replica-1', [chunk(runId!, 0, 5), chunk(runId!, 6, 9)])
    expect(await claim()).toEqual([])
    await expire(runId!)
    expect(await claim({ lost: false })).toEqual([])
    expect(await claim({ held: [runId!] })).toEqual([])
    const [claimed] = await claim()
    expect(claimed).toMatchObject({
      origin: 'lost',
      lastIndex: 9,
      firstIndex: 10 + INDEX_GAP,
      voided: { from: 4, to: 9 + INDEX_GAP },
      run: {
        status: 'RUNNING',
        leaseOwner: 'replica-2',
        attempt: 2,
        lostAttempts: 1,
        voidEvents: [[4, 9 + INDEX_GAP]],
      },
    })
    expect(await findRun(db, runId!)).toEqual(claimed!.run)
    // The old owner wakes up.
    const late = { ...fence, firstSeq: 1, messages: [assistantMessage('late')], eventIndex: 11 }
    expect(await commitMessages(db, late)).toBe(false)
    expect(await commitMessages(db, { ...late, statePatch: { set: { a: 1 }, unset: [] } })).toBe(false)
    await appendEvents(db, 'replica-1', [chunk(runId!, 10, 12)])
    const end = runEnd(run, { events: chunk(runId!, 10, 13), statePatch: { set: { a: 1 }, unset: [] } })
    expect(await finishRun(db, end)).toEqual({ finished: false, sessionState: {} })
    await releaseRuns(db, 'replica-1', [runId!], { lost: true })
    expect(await findRun(db, runId!)).toEqual(claimed!.run)
    expect((await loadMessages(db, [runId!])).get(runId!)).toHaveLength(1)
    expect((await readEvents(db, runId!, -1)).at(-1)!.lastIndex).toBe(9)
  })

  test('without any event begins behind the gap, and once more behind it when that attempt stores nothing either', async () => {
    const [runId] = await store(newRun())
    await expire(runId!)
    expect(await claim()).toMatchObject([
      { firstIndex: INDEX_GAP, lastIndex: -1, voided: { from: 0, to: INDEX_GAP - 1 } },
    ])
    await expire(runId!)
    const second = { firstIndex: 2 * INDEX_GAP, lastIndex: INDEX_GAP - 1, voided: { from: 0, to: 2 * INDEX_GAP - 1 } }
    expect(await claim()).toMatchObject([second])
    await appendEvents(db, 'replica-2', [chunk(runId!, 2 * INDEX_GAP, 2 * INDEX_GAP + 1, 3)])
    await expire(runId!)
    expect(await claim()).toMatchObject([{ lastIndex: 2 * INDEX_GAP + 1, firstIndex: 3 * INDEX_GAP + 2 }])
  })

  test('keeps what a hand-over and a commit without stored events have settled', async () => {
    const run = newRun()
    const [runId] = await store(run)
    await finishRun(db, runEnd(run, { status: 'PENDING', events: chunk(runId!, 0, 4) }))
    expect(await claim()).toMatchObject([{ origin: 'queued', firstIndex: 5, lastIndex: 4 }])
    await expire(runId!)
    const [lost] = await claim()
    expect(lost).toMatchObject({ voided: { from: 5, to: 4 + INDEX_GAP }, firstIndex: 5 + INDEX_GAP })
    const eventIndex = lost!.firstIndex + 6
    const messages = [userMessage('hi')]
    await commitMessages(db, { runId: runId!, owner: 'replica-2', attempt: 3, firstSeq: 0, messages, eventIndex })
    await expire(runId!)
    const voided = { from: eventIndex + 1, to: eventIndex + INDEX_GAP }
    expect(await claim()).toMatchObject([{ lastIndex: eventIndex, firstIndex: voided.to + 1, voided }])
    expect((await findRun(db, runId!))!.voidEvents).toEqual([
      [5, 4 + INDEX_GAP],
      [voided.from, voided.to],
    ])
  })

  test('is claimed at once when it was released, which counts against it only when it says so', async () => {
    const [drained, crashed, kept] = await store(newRun(), newRun(), newRun())
    await releaseRuns(db, 'replica-1', [drained!, 'unknown'], { lost: false })
    await releaseRuns(db, 'replica-1', [crashed!], { lost: true })
    await releaseRuns(db, 'replica-9', [kept!], { lost: true })
    await releaseRuns(db, 'replica-1', [], { lost: true })
    const claimed = await claim()
    expect(claimed.map(({ origin, run }) => [origin, run.runId, run.lostAttempts])).toEqual([
      ['lost', drained, 0],
      ['lost', crashed, 1],
    ])
  })

  test('comes before what waits, background runs within their limit', async () => {
    const lostJob = newJob()
    await store(lostJob)
    await claim()
    const [lost, queued] = await store(newRun(), newJob({ priority: 9 }))
    await expire(lostJob.runId, lost!)
    expect(await claimIds({ backgroundLimit: 0 })).toEqual([lost])
    expect(await claimIds({ backgroundLimit: 1 })).toEqual([lostJob.runId])
    expect(await claimIds({ backgroundLimit: 1 })).toEqual([queued])
  })

  test('is claimed also when no attempt is left', async () => {
    const [runId] = await store(newRun({ maxAttempts: 1 }))
    await expire(runId!)
    expect(await claim()).toMatchObject([{ run: { lostAttempts: 1, maxAttempts: 1 } }])
  })

  test('of an embedded database is whatever runs when it starts', async () => {
    const waiting = newJob()
    const [a, b] = await store(newRun(), newRun(), waiting)
    await releaseRuns(db, 'replica-1', [b!], { lost: true })
    await releaseAllRuns(db)
    const claimed = await claim({ backgroundLimit: 0 })
    expect(claimed.map(({ run }) => [run.runId, run.lostAttempts])).toEqual([
      [a, 1],
      [b, 1],
    ])
    expect((await findRun(db, waiting.runId))!.status).toBe('PENDING')
  })
})

describe('adopting', () => {
  const adopt = (runId: string) => adoptRun(db, runId, { owner: 'replica-2', leaseMs: 30_000 })

  test('takes what nobody runs, whatever its component and turn', async () => {
    const of = { sessionId: newRun().sessionId, componentId: 'not served here' }
    const paused = newRun()
    const [, waiting, , lost] = await store(newJob(of), newJob(of), paused, newRun())
    await finishRun(db, runEnd(paused, { status: 'PAUSED', eventIndex: 4 }))
    await expire(lost!)
    expect(await adopt(waiting!)).toMatchObject({ origin: 'queued', firstIndex: 0, run: { attempt: 1 } })
    expect(await adopt(paused.runId)).toMatchObject({ origin: 'paused', firstIndex: 5, run: { attempt: 2 } })
    expect(await adopt(lost!)).toMatchObject({ origin: 'lost', firstIndex: INDEX_GAP, run: { lostAttempts: 1 } })
  })

  test('leaves runs alone that have an owner, have ended or never were', async () => {
    const ended = newRun()
    const [running] = await store(newRun(), ended)
    await finishRun(db, runEnd(ended))
    expect(await adopt(running!)).toBeUndefined()
    expect(await adopt(ended.runId)).toBeUndefined()
    expect(await adopt('nope')).toBeUndefined()
  })
})
