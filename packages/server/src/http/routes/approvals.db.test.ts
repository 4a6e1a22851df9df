import { Approval, ApprovalPage, ApprovalState } from '@agentos/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { COMPLETED } from '../testing/fake-runs.ts'
import { openReplica, paused, type Replica, requirement } from '../testing/replica.ts'

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const get = async (url: string) => (await server.app.inject(url)).json()
const post = (url: string, payload: Record<string, unknown>) => server.app.inject({ method: 'POST', url, payload })

/** A run that waits for an approval of that id. */
async function pause(approvalId: string, userId: string) {
  const asked = requirement({ approval: 'required', approvalId, toolCallId: `call-${approvalId}` })
  server.play = ({ job, handlers }) => handlers.onDone(job.attempt === 1 ? paused(asked) : COMPLETED)
  const run = await post('/agents/assistant/runs', { message: 'hi', stream: false, user_id: userId })
  return run.json()
}

test('lists what waits for a decision, by all that Agno filters by', async () => {
  const { run_id, session_id } = await pause('one', 'ada')
  await pause('two', 'bob')
  const page = await get('/approvals')
  expect(ApprovalPage.safeParse(page).error).toBeUndefined()
  expect(page.meta).toMatchObject({ page: 1, limit: 100, total_count: 2 })
  const count = async (query: string) => (await get(`/approvals?${query}`)).meta.total_count
  for (const [query, total] of [
    [`run_id=${run_id}`, 1],
    ['user_id=bob', 1],
    ['status=pending', 2],
    ['status=approved', 0],
    ['approval_type=required', 2],
    ['approval_type=audit', 0],
    ['pause_type=confirmation', 2],
    ['pause_type=user_input', 0],
    ['pause_type=other', 0],
    ['agent_id=assistant', 2],
    ['agent_id=other', 0],
    ['team_id=assistant', 0],
    ['agent_id=assistant&team_id=x', 0],
    ['source_type=agent', 2],
    ['source_type=workflow', 0],
    ['source_type=other', 0],
    ['schedule_id=x', 0],
  ] as const) {
    expect(`${query}: ${await count(query)}`).toBe(`${query}: ${total}`)
  }
  expect(await get('/approvals/count')).toEqual({ count: 2 })
  expect(await get('/approvals/count?user_id=ada')).toEqual({ count: 1 })
  const one = await get('/approvals/one')
  expect(Approval.safeParse(one).error).toBeUndefined()
  expect(one).toMatchObject({
    id: 'one',
    run_id,
    session_id,
    status: 'pending',
    source_type: 'agent',
    source_name: 'Assistant',
    agent_id: 'assistant',
    user_id: 'ada',
    tool_name: 'send_mail',
    tool_args: { to: 'ada' },
    pause_type: 'confirmation',
    run_status: 'PAUSED',
    requirements: [{ tool_execution: { approval_id: 'one' } }],
  })
})

test('is resolved once, and the run goes on with what was decided and no tools', async () => {
  const { run_id, session_id } = await pause('three', 'ada')
  const resolve = (status: string) =>
    post('/approvals/three/resolve', { status, resolved_by: 'boss', resolution_data: { note: 'fine' } })
  const answers = await Promise.all([resolve('approved'), resolve('approved')])
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200, 409]))
  const again = await resolve('rejected')
  expect([again.statusCode, again.json().detail]).toEqual([
    409,
    "Approval is already 'approved' and cannot be resolved",
  ])
  const state = await get('/approvals/three/status')
  expect(ApprovalState.safeParse(state).error).toBeUndefined()
  expect(state).toEqual({
    approval_id: 'three',
    status: 'approved',
    run_id,
    resolved_at: expect.any(Number),
    resolved_by: 'boss',
  })
  const answer = await post(`/agents/assistant/runs/${run_id}/continue`, { session_id, stream: false })
  expect(answer.json().status).toBe('COMPLETED')
  expect(server.executor.started.at(-1)?.job.requirements[0]?.answer).toMatchObject({ confirmed: true, note: 'fine' })
  expect(await get('/approvals/three')).toMatchObject({ run_status: 'COMPLETED' })
})

test('keeps its run from going on while it waits', async () => {
  const { run_id, session_id } = await pause('four', 'ada')
  const answer = await post(`/agents/assistant/runs/${run_id}/continue`, { session_id, stream: false })
  expect([answer.statusCode, answer.json().detail]).toEqual([
    403,
    'This run requires admin approval before it can be continued',
  ])
})

test('is deleted, and what is not there is 404', async () => {
  await pause('five', 'ada')
  const remove = () => server.app.inject({ method: 'DELETE', url: '/approvals/five' })
  expect((await remove()).statusCode).toBe(204)
  expect((await remove()).statusCode).toBe(404)
  for (const url of ['/approvals/five', '/approvals/five/status']) {
    expect((await server.app.inject(url)).json()).toMatchObject({ detail: 'Approval not found' })
  }
  expect((await post('/approvals/five/resolve', { status: 'approved' })).statusCode).toBe(404)
  expect((await post('/approvals/four/resolve', { status: 'maybe' })).statusCode).toBe(422)
})
