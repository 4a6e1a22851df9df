import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { AssistantMessage, Message, ToolMessage } from '../../base/message.ts'
import type { Requirement } from '../../base/requirement.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { findJob, listExpiredLeases, listJobs, queueStats, requeueRun } from './queue.ts'
import { loadMessages } from './runs.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { assistantMessage, userMessage } from '../testing/new-run.ts'
import { insertMessages, insertRun } from '../testing/stored-rows.ts'
import { jsonText } from '../values.ts'

let database: TestDatabase
let db: Db
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(async () => {
  await db.deleteFrom('agentos_sessions').execute()
})

const hour = (hours: number) => new Date(Date.UTC(2026, 0, 1, hours))

const calling = (...ids: string[]): AssistantMessage => ({
  role: 'assistant',
  id: randomUUID(),
  createdAt: 2,
  parts: ids.map((toolCallId) => ({ type: 'tool-call', toolCallId, toolName: 'act', input: {} })),
  usage: NO_USAGE,
})

const answer = (toolCallId: string): ToolMessage => ({
  role: 'tool',
  id: randomUUID(),
  createdAt: 3,
  toolCallId,
  toolName: 'act',
  input: {},
  content: 'done',
  isError: false,
  durationMs: 1,
})

describe('stats', () => {
  test('of an empty queue are all zero', async () => {
    expect(await queueStats(db)).toEqual({
      counts: { PENDING: 0, RUNNING: 0, PAUSED: 0, COMPLETED: 0, ERROR: 0, CANCELLED: 0, REGENERATED: 0 },
      oldestQueuedAt: null,
    })
  })

  test('count background runs only, and tell since when the oldest waits', async () => {
    const waiting = { background: true, status: 'PENDING' as const, created_at: hour(0) }
    await insertRun(db, { ...waiting, updated_at: hour(9) })
    await insertRun(db, { ...waiting, updated_at: hour(5) })
    await insertRun(db, { background: true, updated_at: hour(1) })
    await insertRun(db, { status: 'PENDING', updated_at: hour(1) })
    const { counts, oldestQueuedAt } = await queueStats(db)
    expect(counts).toMatchObject({ PENDING: 2, COMPLETED: 1, RUNNING: 0 })
    expect(oldestQueuedAt).toEqual(hour(5))
  })
})

describe('jobs', () => {
  test('are the background runs, newest first, page by page', async () => {
    const made: string[] = []
    for (const hours of [1, 2, 3]) made.push(await insertRun(db, { background: true, created_at: hour(hours) }))
    await insertRun(db, { created_at: hour(4) })
    const page = async (number: number) => {
      const { jobs, total } = await listJobs(db, { limit: 2, page: number })
      return { ids: jobs.map(({ runId }) => runId), total }
    }
    expect(await page(1)).toEqual({ ids: [made[2], made[1]], total: 3 })
    expect(await page(0)).toEqual(await page(1))
    expect(await page(2)).toEqual({ ids: [made[0]], total: 3 })
    expect(await page(3)).toEqual({ ids: [], total: 3 })
  })

  test('are filtered by any of several statuses and sessions, and by user', async () => {
    const failed = await insertRun(db, { background: true, status: 'ERROR', session_id: 's1', user_id: 'ann' })
    const cancelled = await insertRun(db, { background: true, status: 'CANCELLED', session_id: 's2', user_id: 'bo' })
    await insertRun(db, { background: true, status: 'COMPLETED', session_id: 's3', user_id: 'ann' })
    const ids = async (query: Partial<Parameters<typeof listJobs>[1]>) => {
      const { jobs } = await listJobs(db, { limit: 10, page: 1, ...query })
      return jobs.map(({ runId }) => runId).toSorted()
    }
    const both = [failed, cancelled].toSorted()
    expect(await ids({ statuses: ['ERROR', 'CANCELLED'] })).toEqual(both)
    expect(await ids({ sessionIds: ['s1', 's2'] })).toEqual(both)
    expect(await ids({ statuses: [], sessionIds: [], userId: 'ann', sortBy: 'status' })).toHaveLength(2)
    expect(await ids({ statuses: ['ERROR'], sessionIds: ['s2'] })).toEqual([])
  })

  test('come in the order asked for', async () => {
    const first = await insertRun(db, { background: true, component_id: 'a', attempt: 9 })
    const second = await insertRun(db, { background: true, component_id: 'b', attempt: 3 })
    const order = async (sortBy: 'component_id' | 'attempt') =>
      (await listJobs(db, { limit: 10, page: 1, sortBy, sortOrder: 'asc' })).jobs.map(({ runId }) => runId)
    expect(await order('component_id')).toEqual([first, second])
    expect(await order('attempt')).toEqual([second, first])
  })

  test('are found by id, inline runs are not', async () => {
    const job = await insertRun(db, { background: true })
    expect(await findJob(db, job)).toMatchObject({ runId: job })
    expect(await findJob(db, await insertRun(db))).toBeUndefined()
    expect(await findJob(db, 'nobody')).toBeUndefined()
  })
})

test('leases that ran out long ago are listed, the oldest first', async () => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000)
  const running = { status: 'RUNNING' as const, component_id: 'desk' }
  const late = await insertRun(db, { ...running, lease_owner: 'gone', lease_until: ago(60) })
  const released = await insertRun(db, { ...running, lease_owner: null, lease_until: ago(90) })
  await insertRun(db, { ...running, lease_until: ago(-5) })
  await insertRun(db, { ...running, lease_until: ago(10) })
  await insertRun(db, { lease_until: ago(60) })
  const expired = await listExpiredLeases(db, 30_000)
  expect(expired.map(({ runId }) => runId)).toEqual([released, late])
  expect(expired[0]).toMatchObject({ componentId: 'desk' })
})

describe('requeueing', () => {
  const failed = {
    background: true,
    status: 'ERROR' as const,
    attempt: 3,
    lost_attempts: 3,
    max_attempts: 3,
    settled_index: 40,
    content: '"half"',
    content_type: 'str',
    error_code: 'ATTEMPTS_EXHAUSTED' as const,
    error_message: 'lost three times',
    finished_at: hour(1),
    cancel_requested_at: hour(1),
  }
  const rolesAfter = async (journal: readonly Message[], given: object = {}) => {
    const runId = await insertRun(db, { ...failed, ...given })
    await insertMessages(db, runId, journal)
    const run = await requeueRun(db, runId)
    const roles = (await loadMessages(db, [runId])).get(runId)?.map(({ role }) => role)
    return { run, roles }
  }

  test('lets a failed run wait for one more attempt, as if it had not ended', async () => {
    const { run, roles } = await rolesAfter([userMessage('Act.'), calling('a', 'b'), answer('b'), answer('a')])
    expect(roles).toEqual(['user', 'assistant', 'tool', 'tool'])
    expect(run).toMatchObject({
      status: 'PENDING',
      attempt: 3,
      maxAttempts: 4,
      leaseOwner: null,
      leaseUntil: null,
      cancelRequestedAt: null,
      content: null,
      error: null,
      finishedAt: null,
    })
    expect((await queueStats(db)).oldestQueuedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000)
  })

  test('drops the reply that a run ended with', async () => {
    const { run, roles } = await rolesAfter([userMessage('Hi'), assistantMessage('Bad answer')])
    expect(roles).toEqual(['user'])
    expect(run?.status).toBe('PENDING')
  })

  test('leaves a run with calls of unknown outcome as one released in the middle', async () => {
    const journal = [userMessage('Act.'), calling('a'), answer('a'), calling('a', 'b'), answer('b')]
    const { run, roles } = await rolesAfter(journal)
    expect(roles).toHaveLength(5)
    expect(run).toMatchObject({ status: 'RUNNING', leaseOwner: null })
    expect(run?.leaseUntil).not.toBeNull()
  })

  test('keeps answers that were given and forgets questions that were not answered', async () => {
    const requirement = (id: string, answer: Requirement['answer']) => ({ id, answer })
    const given = { confirmed: true, note: null, values: null, selections: null, result: null }
    const runId = await insertRun(db, {
      ...failed,
      status: 'CANCELLED',
      requirements: jsonText([requirement('asked', null), requirement('answered', given)]),
    })
    await requeueRun(db, runId)
    const row = await db.selectFrom('agentos_runs').select('requirements').where('run_id', '=', runId).execute()
    expect(row).toEqual([{ requirements: [{ id: 'answered', answer: given }] }])
  })

  test('leaves alone what runs, waits, completed, is inline or does not exist', async () => {
    for (const status of ['PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'REGENERATED'] as const) {
      const runId = await insertRun(db, { background: true, status })
      expect(await requeueRun(db, runId)).toBeUndefined()
      expect(await findJob(db, runId)).toMatchObject({ status, maxAttempts: 3 })
    }
    expect(await requeueRun(db, await insertRun(db, { ...failed, background: false }))).toBeUndefined()
    expect(await requeueRun(db, 'nobody')).toBeUndefined()
  })

  test('happens once when it is asked for five times at once', async () => {
    const runId = await insertRun(db, failed)
    const answers = await Promise.all(Array.from({ length: 5 }, () => requeueRun(db, runId)))
    expect(answers.filter((run) => run !== undefined)).toHaveLength(1)
    expect(await findJob(db, runId)).toMatchObject({ maxAttempts: 4 })
  })
})
