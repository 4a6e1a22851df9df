import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NO_USAGE } from '../../base/usage.ts'
import { readEvents } from './run-events.ts'
import {
  commitMessages,
  createRun,
  findRun,
  finishRun,
  listRuns,
  loadHistory,
  loadMessages,
  renewLeases,
  requestCancel,
  type NewRun,
} from './runs.ts'
import { findSession } from '../sessions/sessions.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { assistantMessage, newRun, runEnd, storeRun, userMessage } from '../testing/new-run.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

/** What a claim after an expired lease does to the row. */
async function claimAgain(run: NewRun): Promise<void> {
  await sql`update agentos_runs set lease_owner = 'replica-2', attempt = attempt + 1 where run_id = ${run.runId}`.execute(
    db,
  )
}

describe('commitMessages', () => {
  test('appends to the journal, and the same commit again changes nothing', async () => {
    const run = newRun()
    await createRun(db, run)
    const messages = [userMessage('one'), assistantMessage('two \0 three')]
    const commit = { runId: run.runId, owner: 'replica-1', attempt: 1, firstSeq: 0, eventIndex: 3, messages }
    expect(await commitMessages(db, commit)).toBe(true)
    expect(await commitMessages(db, commit)).toBe(true)
    expect(await commitMessages(db, { ...commit, firstSeq: 2, messages: [userMessage('three')] })).toBe(true)
    const journal = (await loadMessages(db, [run.runId])).get(run.runId)!
    expect(journal).toHaveLength(3)
    expect(journal[0]).toEqual(messages[0])
    expect(journal[1]).toMatchObject({ parts: [{ text: 'two \ufffd three' }] })
    expect(journal[2]).toMatchObject({ content: 'three' })
  })

  test('without messages only says whether the run is still held', async () => {
    const run = newRun()
    await createRun(db, run)
    const commit = { runId: run.runId, owner: 'replica-1', attempt: 1, firstSeq: 0, eventIndex: 3, messages: [] }
    expect(await commitMessages(db, commit)).toBe(true)
    await claimAgain(run)
    expect(await commitMessages(db, commit)).toBe(false)
  })

  test.each([
    ['another owner', { owner: 'replica-9' }],
    ['an older attempt', { attempt: 0 }],
    ['an unknown run', { runId: 'nope' }],
  ])('writes nothing for %s', async (_, difference) => {
    const run = newRun()
    await createRun(db, run)
    const commit = {
      runId: run.runId,
      owner: 'replica-1',
      attempt: 1,
      firstSeq: 0,
      eventIndex: 3,
      messages: [userMessage('x')],
    }
    expect(await commitMessages(db, { ...commit, ...difference })).toBe(false)
    expect((await loadMessages(db, [run.runId])).get(run.runId)).toEqual([])
  })

  test('a zombie races the claim that replaces it: its commit is either before it or nowhere', async () => {
    for (let round = 0; round < 20; round++) {
      const run = newRun()
      await createRun(db, run)
      const commit = {
        runId: run.runId,
        owner: 'replica-1',
        attempt: 1,
        firstSeq: 0,
        eventIndex: 3,
        messages: [userMessage('zombie')],
      }
      const seenByClaim = claimAgain(run).then(() => loadMessages(db, [run.runId]))
      const committed = await commitMessages(db, commit)
      const before = (await seenByClaim).get(run.runId)!
      const after = (await loadMessages(db, [run.runId])).get(run.runId)!
      expect(after).toHaveLength(committed ? 1 : 0)
      // What the new owner read after its claim is all there will ever be.
      expect(after).toEqual(before)
    }
  })
})

test.each(['commitMessages', 'finishRun'])(
  '%s waits for a claim that is under way, and then writes nothing',
  async (name) => {
    const run = newRun({ initialSessionState: { a: 1 } })
    await createRun(db, run)
    const messages = [userMessage('zombie')]
    let written: Promise<unknown> | undefined
    await db.transaction().execute(async (transaction) => {
      await sql`update agentos_runs set lease_owner = 'replica-2', attempt = attempt + 1 where run_id = ${run.runId}`.execute(
        transaction,
      )
      written =
        name === 'finishRun'
          ? finishRun(db, runEnd(run, { messages, statePatch: { set: { a: 2 }, unset: [] } }))
          : commitMessages(db, {
              runId: run.runId,
              owner: 'replica-1',
              attempt: 1,
              firstSeq: 0,
              eventIndex: 3,
              messages,
            })
      await new Promise((resolve) => setTimeout(resolve, 100))
    })
    expect(await written).toEqual(name === 'finishRun' ? { finished: false, sessionState: {} } : false)
    expect((await loadMessages(db, [run.runId])).get(run.runId)).toEqual([])
    expect((await findSession(db, run.sessionId))!.sessionState).toEqual({ a: 1 })
  },
)

describe('finishRun', () => {
  test('stores the result, the last messages, the last events and the session together', async () => {
    const run = newRun({ initialSessionState: { keep: 1, drop: 2, change: 3 } })
    await createRun(db, run)
    const usage = { ...NO_USAGE, inputTokens: 10, totalTokens: 12, outputTokens: 2 }
    const metrics = { usage, durationMs: 40, timeToFirstTokenMs: 4 }
    const ended = await finishRun(
      db,
      runEnd(run, {
        messages: [userMessage('hi'), assistantMessage('Sunny.')],
        content: { forecast: 'sunny', odd: '\0' },
        contentType: 'Forecast',
        reasoning: 'because',
        metrics,
        usage,
        statePatch: { set: { change: 4, added: ['x'] }, unset: ['drop', 'never there', 'a"b\\c'] },
        events: { runId: run.runId, firstIndex: 5, lastIndex: 6, events: '{"a":1}\n{"b":2}' },
      }),
    )
    expect(ended).toEqual({ finished: true, sessionState: { keep: 1, change: 4, added: ['x'] } })
    const stored = (await findRun(db, run.runId))!
    expect(stored).toMatchObject({
      status: 'COMPLETED',
      content: { forecast: 'sunny', odd: '\ufffd' },
      contentType: 'Forecast',
      reasoning: 'because',
      metrics,
      leaseOwner: null,
      leaseUntil: null,
    })
    expect(stored.finishedAt).toBeInstanceOf(Date)
    expect((await loadMessages(db, [run.runId])).get(run.runId)).toHaveLength(2)
    expect(await readEvents(db, run.runId, -1)).toEqual([
      { runId: run.runId, firstIndex: 5, lastIndex: 6, events: '{"a":1}\n{"b":2}' },
    ])
    expect((await findSession(db, run.sessionId))!.usage).toEqual(usage)
  })

  test('keeps why a run failed', async () => {
    const run = newRun()
    await createRun(db, run)
    const error = { code: 'MODEL_AUTH', message: 'OpenAI refused the key.' } as const
    await finishRun(db, runEnd(run, { status: 'ERROR', content: null, error }))
    expect(await findRun(db, run.runId)).toMatchObject({ status: 'ERROR', content: null, error })
  })

  test.each([
    ['another owner', { owner: 'replica-9' }],
    ['an older attempt', { attempt: 0 }],
  ])('writes nothing for %s', async (_, difference) => {
    const run = newRun({ initialSessionState: { a: 1 } })
    await createRun(db, run)
    const before = [await findRun(db, run.runId), await findSession(db, run.sessionId)]
    const end = runEnd(run, {
      messages: [userMessage('zombie')],
      statePatch: { set: { a: 2 }, unset: [] },
      events: { runId: run.runId, firstIndex: 0, lastIndex: 0, events: '{}' },
      ...difference,
    })
    expect(await finishRun(db, end)).toEqual({ finished: false, sessionState: {} })
    expect([await findRun(db, run.runId), await findSession(db, run.sessionId)]).toEqual(before)
    expect((await loadMessages(db, [run.runId])).get(run.runId)).toEqual([])
    expect(await readEvents(db, run.runId, -1)).toEqual([])
  })

  test('leaves a run alone that has ended otherwise, and counts that a later release keeps', async () => {
    const run = newRun()
    await createRun(db, run)
    await sql`update agentos_sessions set usage = '{"audioTokens": 5, "inputTokens": 1}' where session_id = ${run.sessionId}`.execute(
      db,
    )
    const other = newRun({ sessionId: run.sessionId })
    await createRun(db, other)
    await finishRun(db, runEnd(other, { usage: { ...NO_USAGE, inputTokens: 2 } }))
    const session = await findSession(db, run.sessionId)
    expect(session!.usage).toEqual({ ...NO_USAGE, inputTokens: 3, audioTokens: 5 })
    await sql`update agentos_runs set status = 'CANCELLED' where run_id = ${run.runId}`.execute(db)
    expect(await finishRun(db, runEnd(run))).toMatchObject({ finished: false })
  })

  test('of two ends of one run the first counts', async () => {
    const run = newRun()
    await createRun(db, run)
    const ends = await Promise.all([
      finishRun(db, runEnd(run, { content: 'one' })),
      finishRun(db, runEnd(run, { content: 'two' })),
    ])
    expect(ends.filter(({ finished }) => finished)).toHaveLength(1)
  })

  test('sixteen runs of a session that end at once all keep their state and usage', async () => {
    const { sessionId } = newRun()
    const runs = Array.from({ length: 16 }, () => newRun({ sessionId }))
    await Promise.all(runs.map((run) => createRun(db, run)))
    const usage = { ...NO_USAGE, inputTokens: 3, outputTokens: 1, totalTokens: 4 }
    const ends = await Promise.all(
      runs.map((run, index) =>
        finishRun(db, runEnd(run, { usage, statePatch: { set: { [`key${index}`]: index }, unset: [] } })),
      ),
    )
    expect(ends.every(({ finished }) => finished)).toBe(true)
    const session = (await findSession(db, sessionId))!
    expect(session.sessionState).toEqual(Object.fromEntries(runs.map((_, index) => [`key${index}`, index])))
    expect(session.usage).toMatchObject({ inputTokens: 48, outputTokens: 16, totalTokens: 64 })
    expect((await listRuns(db, sessionId, { statuses: ['COMPLETED'] })).length).toBe(16)
  })
})

describe('reading runs', () => {
  test('lists the runs of a session oldest first, filtered', async () => {
    const first = newRun()
    const runs = [first, newRun({ sessionId: first.sessionId }), newRun({ sessionId: first.sessionId })]
    const createdAt: Date[] = []
    for (const run of runs) createdAt.push((await storeRun(db, run)).createdAt)
    await finishRun(db, runEnd(runs[1]!))
    const ids = (found: readonly { runId: string }[]) => found.map(({ runId }) => runId)
    expect(ids(await listRuns(db, first.sessionId))).toEqual(ids(runs))
    expect(ids(await listRuns(db, first.sessionId, { statuses: ['COMPLETED'] }))).toEqual([runs[1]!.runId])
    expect(ids(await listRuns(db, first.sessionId, { componentId: 'nobody' }))).toEqual([])
    await sql`update agentos_runs set created_at = created_at - interval '1 hour' where run_id = ${first.runId}`.execute(
      db,
    )
    const halfAnHourAgo = new Date(createdAt[0]!.getTime() - 1_800_000)
    expect(ids(await listRuns(db, first.sessionId, { createdAfter: halfAnHourAgo }))).toEqual(ids(runs.slice(1)))
    expect(ids(await listRuns(db, first.sessionId, { createdBefore: halfAnHourAgo }))).toEqual([first.runId])
    expect(await findRun(db, 'nope')).toBeUndefined()
  })

  test('history is the last completed root runs, oldest first, without system messages', async () => {
    const { sessionId } = newRun()
    for (const [index, status] of (['COMPLETED', 'COMPLETED', 'ERROR', 'COMPLETED'] as const).entries()) {
      const run = newRun({ sessionId })
      await createRun(db, run)
      const system = { role: 'system', id: 's', createdAt: 0, content: 'You are kind.' } as const
      const messages = [system, userMessage(`question ${index}`), assistantMessage(`answer ${index}`)]
      await finishRun(db, runEnd(run, { status, messages }))
    }
    const child = newRun({ sessionId })
    await createRun(db, child)
    await finishRun(db, runEnd(child, { messages: [userMessage('for a member')] }))
    const parent = (await listRuns(db, sessionId))[0]!
    await sql`update agentos_runs set parent_run_id = ${parent.runId} where run_id = ${child.runId}`.execute(db)
    await createRun(db, newRun({ sessionId }))

    const texts = async (numRuns: number) =>
      (await loadHistory(db, sessionId, numRuns)).flatMap((message) =>
        message.role === 'user' ? [message.content] : [],
      )
    expect(await texts(2)).toEqual(['question 1', 'question 3'])
    expect(await texts(9)).toEqual(['question 0', 'question 1', 'question 3'])
    expect(await loadHistory(db, sessionId, 9)).toHaveLength(6)
    expect(await loadHistory(db, sessionId, 0)).toEqual([])
  })

  test('journals come by run, empty where there is none', async () => {
    const runs = [newRun(), newRun(), newRun()]
    for (const run of runs) await createRun(db, run)
    for (const run of runs.slice(0, 2)) await finishRun(db, runEnd(run, { messages: [userMessage(run.runId)] }))
    const journals = await loadMessages(
      db,
      runs.map(({ runId }) => runId),
    )
    expect(runs.map(({ runId }) => journals.get(runId)!.length)).toEqual([1, 1, 0])
    expect(await loadMessages(db, [])).toEqual(new Map())
  })
})

describe('leases', () => {
  test('renewing keeps all runs of an owner and tells which are to be cancelled', async () => {
    const owner = 'renewing-replica'
    const runs = [
      newRun({ leaseOwner: owner, leaseMs: 1_000 }),
      newRun({ leaseOwner: owner, leaseMs: 1_000 }),
      newRun(),
    ]
    const runIds = runs.map(({ runId }) => runId)
    for (const run of runs) await createRun(db, run)
    expect(await requestCancel(db, runs[1]!.runId)).toEqual({ status: 'RUNNING', leaseOwner: owner })
    const renewed = await renewLeases(db, owner, runIds, 60_000)
    expect(renewed.toSorted((a, b) => Number(a.cancelRequested) - Number(b.cancelRequested))).toEqual([
      { runId: runs[0]!.runId, cancelRequested: false },
      { runId: runs[1]!.runId, cancelRequested: true },
    ])
    const stored = (await findRun(db, runs[0]!.runId))!
    expect(stored.leaseUntil!.getTime() - stored.createdAt.getTime()).toBeGreaterThanOrEqual(60_000)
    await finishRun(db, runEnd(runs[0]!))
    expect(await renewLeases(db, owner, runIds, 60_000)).toHaveLength(1)
    // A run that the replica does not know of must become somebody's.
    expect(await renewLeases(db, owner, runIds.slice(0, 1), 60_000)).toEqual([])
    expect(await renewLeases(db, owner, [], 60_000)).toEqual([])
  })

  test('a cancel leaves ended and unknown runs alone, and keeps its first time', async () => {
    const run = newRun()
    await createRun(db, run)
    await requestCancel(db, run.runId)
    const first = (await findRun(db, run.runId))!.cancelRequestedAt
    await requestCancel(db, run.runId)
    expect((await findRun(db, run.runId))!.cancelRequestedAt).toEqual(first)
    const ended = newRun()
    await createRun(db, ended)
    await finishRun(db, runEnd(ended))
    expect(await requestCancel(db, ended.runId)).toEqual({ status: 'COMPLETED', leaseOwner: null })
    expect((await findRun(db, ended.runId))!.cancelRequestedAt).toBeNull()
    expect(await requestCancel(db, 'nope')).toBeUndefined()
  })
})
