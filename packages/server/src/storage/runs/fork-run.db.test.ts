import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findApproval } from './approvals.ts'
import { forkRun } from './fork-run.ts'
import { forkSession } from '../sessions/fork-session.ts'
import { loadEarlierMessages } from './load-history.ts'
import { createRun, findRun, finishRun, listRuns, loadHistory, loadMessages, type NewRun } from './runs.ts'
import { findSession, updateSession } from '../sessions/sessions.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { assistantMessage, newRun, runEnd, userMessage } from '../testing/new-run.ts'
import { fork } from '../testing/continuation.ts'
import { newRequirement } from '../testing/requirement.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())

async function complete(run: NewRun = newRun(), given: Parameters<typeof runEnd>[1] = {}): Promise<NewRun> {
  await createRun(db, run)
  const messages = [userMessage(`question of ${run.runId}`), assistantMessage('answer')]
  await finishRun(db, runEnd(run, { messages, eventIndex: 6, ...given }))
  return run
}

const contents = async (runId: string) =>
  (await loadMessages(db, [runId])).get(runId)!.map((message) => (message.role === 'user' ? message.content : ''))

describe('forkRun', () => {
  test('makes a leased run of the same session with the first messages, and leaves the source as it is', async () => {
    const source = await complete(newRun({ userId: 'ada', options: { sessionState: { a: 1 }, retries: 2 } }))
    const before = await findRun(db, source.runId)
    const wanted = fork(source.runId, { message: userMessage('or else') })
    const forked = (await forkRun(db, wanted))!
    expect(forked).toMatchObject({
      firstIndex: 0,
      lastIndex: -1,
      voided: undefined,
      run: {
        runId: wanted.runId,
        sessionId: source.sessionId,
        componentId: 'assistant',
        userId: 'ada',
        status: 'RUNNING',
        input: source.input,
        revision: 'def',
        model: source.model,
        attempt: 1,
        leaseOwner: 'replica-2',
        content: null,
        metrics: null,
        forkedFromRunId: source.runId,
        forkedFromMessageIndex: 1,
        regeneratedFrom: null,
      },
    })
    expect(forked.run.options).toEqual({ retries: 2 })
    expect(forked.run.createdAt.getTime()).toBeGreaterThanOrEqual(before!.createdAt.getTime())
    expect(forked.run.leaseUntil!.getTime() - forked.run.createdAt.getTime()).toBe(30_000)
    expect(await findRun(db, wanted.runId)).toEqual(forked.run)
    expect(await contents(wanted.runId)).toEqual([`question of ${source.runId}`, 'or else'])
    expect(await findRun(db, source.runId)).toEqual(before)
    expect(await contents(source.runId)).toHaveLength(2)
  })

  test('waits in the queue when nobody owns it', async () => {
    const source = await complete()
    const forked = await forkRun(
      db,
      fork(source.runId, { owner: null, background: true, priority: 4, messageIndex: 0 }),
    )
    expect(forked!.run).toMatchObject({
      status: 'PENDING',
      attempt: 0,
      leaseOwner: null,
      leaseUntil: null,
      startedAt: null,
      background: true,
      priority: 4,
    })
    expect(await contents(forked!.run.runId)).toEqual([])
  })

  test('replaces the original once, also when it is asked twice at once', async () => {
    const source = await complete()
    const wanted = { regenerated: true, replaceOriginal: true }
    const forks = await Promise.all([forkRun(db, fork(source.runId, wanted)), forkRun(db, fork(source.runId, wanted))])
    expect(forks.filter((run) => run !== undefined)).toMatchObject([{ run: { regeneratedFrom: source.runId } }])
    expect((await findRun(db, source.runId))!.status).toBe('REGENERATED')
    expect(await loadHistory(db, source.sessionId, 9)).toEqual([])
    expect(await forkRun(db, fork(source.runId))).toBeDefined()
  })

  test('of a paused run it replaces takes its approvals back', async () => {
    const approvalId = randomUUID()
    const requirements = [newRequirement({ approval: 'required', approvalId })]
    const source = await complete(newRun(), { status: 'PAUSED', requirements })
    expect(await forkRun(db, fork(source.runId))).toBeDefined()
    expect(await findApproval(db, approvalId)).toMatchObject({ status: 'pending' })
    expect(await forkRun(db, fork(source.runId, { replaceOriginal: true }))).toBeDefined()
    expect(await findApproval(db, approvalId)).toMatchObject({ status: 'cancelled' })
  })

  test('is refused for runs that are not at rest or not there', async () => {
    const running = newRun()
    await createRun(db, running)
    const refused = fork(running.runId)
    expect(await forkRun(db, refused)).toBeUndefined()
    expect(await forkRun(db, { ...refused, source: 'nope' })).toBeUndefined()
    expect(await findRun(db, refused.runId)).toBeUndefined()
  })

  test('has the past of its source, and not the source itself', async () => {
    const { sessionId } = newRun()
    const first = await complete(newRun({ sessionId }))
    const source = await complete(newRun({ sessionId }))
    await complete(newRun({ sessionId }))
    const forked = (await forkRun(db, fork(source.runId)))!
    const again = await complete(newRun({ sessionId }))
    const past = async (runId: string) =>
      (await loadEarlierMessages(db, runId, 9)).flatMap((message) => (message.role === 'user' ? [message.content] : []))
    expect(await past(forked.run.runId)).toEqual([`question of ${first.runId}`])
    expect(await past(again.runId)).toHaveLength(3)
  })
})

describe('forkSession', () => {
  const options = (sessionId: string) => ({ sessionId, newSessionId: randomUUID(), userId: null, newId: randomUUID })

  test('copies what has ended, with messages, order, state and lineage', async () => {
    const { sessionId } = newRun()
    const first = await complete(newRun({ sessionId, userId: 'ada', initialSessionState: { a: 1 } }))
    const second = await complete(newRun({ sessionId, idempotency: { key: 'k', requestHash: 'h' } }))
    const forked = (await forkRun(db, fork(second.runId)))!.run.runId
    await finishRun(db, runEnd(newRun({ runId: forked, leaseOwner: 'replica-2' }), { status: 'ERROR' }))
    await createRun(db, newRun({ sessionId }))
    await complete(newRun({ sessionId }), { status: 'PAUSED' })
    await updateSession(db, sessionId, { sessionName: 'Refunds', metadata: { m: 1 }, summary: { summary: 's' } })

    const wanted = options(sessionId)
    expect(await forkSession(db, wanted)).toBe(3)
    const source = (await findSession(db, sessionId))!
    const copied = (await findSession(db, wanted.newSessionId))!
    const { createdAt, updatedAt } = copied
    expect(copied).toEqual({ ...source, sessionId: wanted.newSessionId, createdAt, updatedAt })
    expect(copied).toMatchObject({ sessionName: 'Refunds', sessionState: { a: 1 }, userId: 'ada' })
    expect(createdAt).toEqual(updatedAt)

    const runs = await listRuns(db, wanted.newSessionId)
    const originals = [first.runId, second.runId, forked]
    expect(runs.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED', 'ERROR'])
    expect(runs[2]!.forkedFromRunId).toBe(runs[1]!.runId)
    for (const [index, run] of runs.entries()) {
      const original = (await findRun(db, originals[index]!))!
      expect(run).toEqual({
        ...original,
        runId: run.runId,
        sessionId: wanted.newSessionId,
        forkedFromSessionId: sessionId,
        forkedFromRunId: run.forkedFromRunId,
        idempotencyKey: null,
        requestHash: null,
        attemptStarts: [],
        settledIndex: -1,
        updatedAt: run.updatedAt,
      })
      expect(await contents(run.runId)).toEqual(await contents(original.runId))
    }
    // A copy of a copy still names where its runs came from.
    const further = options(wanted.newSessionId)
    expect(await forkSession(db, { ...further, userId: 'bob' })).toBe(3)
    const copies = await listRuns(db, further.newSessionId)
    expect(copies.map((run) => [run.forkedFromSessionId, run.userId])).toEqual(copies.map(() => [sessionId, 'bob']))
    expect((await findSession(db, further.newSessionId))!.userId).toBe('bob')
  })

  test('stores nothing for a session without ended runs, or none at all', async () => {
    const running = newRun()
    await createRun(db, running)
    for (const sessionId of [running.sessionId, 'nope']) {
      const wanted = options(sessionId)
      expect(await forkSession(db, wanted)).toBe(0)
      expect(await findSession(db, wanted.newSessionId)).toBeUndefined()
    }
  })
})
