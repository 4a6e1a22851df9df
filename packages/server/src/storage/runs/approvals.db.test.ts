import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  countPending,
  deleteApproval,
  findApproval,
  listApprovals,
  resolveApproval,
  type ApprovalQuery,
} from './approvals.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { insertApproval, insertRun } from '../testing/stored-rows.ts'

let database: TestDatabase
let db: Db
let runId: string
beforeAll(async () => {
  database = await openTestDatabase()
  db = database.db
})
afterAll(() => database?.close())
beforeEach(async () => {
  await db.deleteFrom('agentos_sessions').execute()
  runId = await insertRun(db, { status: 'PAUSED' })
})

const hour = (hours: number) => new Date(Date.UTC(2026, 0, 1, hours))
const approved = { status: 'approved' as const, resolvedBy: 'ann', resolutionData: { note: 'fine' } }

const list = async (query: Partial<ApprovalQuery> = {}) => {
  const { approvals, total } = await listApprovals(db, { limit: 10, page: 1, ...query })
  return { ids: approvals.map(({ approvalId }) => approvalId), total }
}

test('an approval tells what was asked, and how its run is doing', async () => {
  const approvalId = await insertApproval(db, { run_id: runId, user_id: 'bo' })
  expect(await findApproval(db, approvalId)).toMatchObject({
    approvalId,
    runId,
    status: 'pending',
    approvalType: 'required',
    pauseKind: 'confirmation',
    componentName: 'Refund desk',
    userId: 'bo',
    toolName: 'refund',
    toolInput: { cents: 500 },
    requirements: [],
    resolvedBy: null,
    resolvedAt: null,
    runStatus: 'PAUSED',
  })
  await db.updateTable('agentos_runs').set({ status: 'CANCELLED' }).execute()
  expect(await findApproval(db, approvalId)).toMatchObject({ runStatus: 'CANCELLED' })
  expect(await findApproval(db, approvalId, { userId: 'somebody else' })).toBeUndefined()
  expect(await findApproval(db, 'nothing')).toBeUndefined()
})

test('the list is newest first, page by page', async () => {
  const made: string[] = []
  for (const hours of [1, 2, 3]) made.push(await insertApproval(db, { run_id: runId, created_at: hour(hours) }))
  expect(await list({ limit: 2 })).toEqual({ ids: [made[2], made[1]], total: 3 })
  expect(await list({ limit: 2, page: 0 })).toEqual(await list({ limit: 2 }))
  expect(await list({ limit: 2, page: 2 })).toEqual({ ids: [made[0]], total: 3 })
  expect(await list({ limit: 2, page: 9 })).toEqual({ ids: [], total: 3 })
})

test('every filter narrows the list', async () => {
  await insertApproval(db, { run_id: runId })
  const odd = await insertApproval(db, {
    run_id: await insertRun(db),
    status: 'rejected',
    approval_type: 'audit',
    pause_kind: 'user-input',
    run_type: 'team',
    component_id: 'desk',
    user_id: 'ann',
  })
  const { runId: oddRun } = (await findApproval(db, odd)) ?? { runId: '' }
  const filters: Partial<ApprovalQuery>[] = [
    { status: 'rejected' },
    { approvalType: 'audit' },
    { pauseKind: 'user-input' },
    { runType: 'team' },
    { componentId: 'desk' },
    { userId: 'ann' },
    { runId: oddRun },
  ]
  for (const filter of filters) expect({ filter, ...(await list(filter)) }).toEqual({ filter, ids: [odd], total: 1 })
  expect(await list({ status: 'rejected', approvalType: 'required' })).toEqual({ ids: [], total: 0 })
})

test('only those that wait count as pending', async () => {
  await insertApproval(db, { run_id: runId, user_id: 'ann' })
  await insertApproval(db, { run_id: runId })
  await insertApproval(db, { run_id: runId, status: 'approved' })
  expect(await countPending(db)).toBe(2)
  expect(await countPending(db, { userId: 'ann' })).toBe(1)
})

test('an answer is stored with who gave it and when', async () => {
  const approvalId = await insertApproval(db, { run_id: runId })
  const answered = await resolveApproval(db, approvalId, approved)
  expect(answered).toMatchObject({ ...approved, runStatus: 'PAUSED' })
  expect(answered?.resolvedAt?.getTime()).toBeGreaterThan(Date.now() - 60_000)
})

test('is answered once when twenty answer at once, and never after that', async () => {
  const approvalId = await insertApproval(db, { run_id: runId })
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      resolveApproval(db, approvalId, {
        status: index % 2 === 0 ? 'approved' : 'rejected',
        resolvedBy: `person-${index}`,
        resolutionData: null,
      }),
    ),
  )
  const winners = answers.filter((answer) => answer !== undefined)
  expect(winners).toHaveLength(1)
  expect(await resolveApproval(db, approvalId, approved)).toBeUndefined()
  expect(await findApproval(db, approvalId)).toEqual(winners[0])
})

test('one that was cancelled with its run, or does not exist, cannot be answered', async () => {
  const cancelled = await insertApproval(db, { run_id: runId, status: 'cancelled' })
  expect(await resolveApproval(db, cancelled, approved)).toBeUndefined()
  expect(await resolveApproval(db, 'nothing', approved)).toBeUndefined()
})

test('deleting takes one away, and its run takes the rest', async () => {
  const first = await insertApproval(db, { run_id: runId })
  const second = await insertApproval(db, { run_id: runId })
  expect(await deleteApproval(db, first)).toBe(true)
  expect(await deleteApproval(db, first)).toBe(false)
  await db.deleteFrom('agentos_runs').execute()
  expect(await findApproval(db, second)).toBeUndefined()
})

test('text that looks like SQL is only text', async () => {
  const approvalId = await insertApproval(db, { run_id: runId })
  const evil = `'; drop table agentos_approvals; --`
  expect(await list({ userId: evil })).toEqual({ ids: [], total: 0 })
  await resolveApproval(db, approvalId, { ...approved, resolvedBy: evil, resolutionData: { [evil]: evil } })
  expect(await findApproval(db, approvalId)).toMatchObject({ resolvedBy: evil, resolutionData: { [evil]: evil } })
})
