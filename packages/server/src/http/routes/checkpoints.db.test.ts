import { CheckpointList, CheckpointSnapshot } from '@agentos/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { openReplica, paused, type Replica, requirement } from '../testing/replica.ts'
import { storeRun } from '../testing/stored-run.ts'

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
  await storeRun(database.db, { runId: 'r', sessionId: 's', userId: 'ada' })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const ask = (url: string) => server.app.inject(`/agents/assistant${url}`)

test('lists the places a run can be continued from: after the question, after each step, at the end', async () => {
  const list = (await ask('/runs/r/checkpoints?session_id=s')).json()
  expect(CheckpointList.safeParse(list).error).toBeUndefined()
  expect(list).toMatchObject({ run_id: 'r', session_id: 's' })
  expect(list.checkpoints).toMatchObject([
    { checkpoint_id: '1', message_index: 2, continue_from: 2, reason: 'checkpoint', message_role: 'user' },
    { checkpoint_id: '2', message_index: 4, reason: 'checkpoint', message_role: 'tool', is_latest: false },
    { checkpoint_id: '3', message_index: 5, reason: 'end', message_preview: 'Echo: héllo', is_latest: true },
  ])
})

test('lists the end of a run that waits, although a call is open there', async () => {
  server.play = ({ handlers }) => handlers.onDone(paused(requirement()))
  const payload = { message: 'hi', stream: false }
  const run = await server.app.inject({ method: 'POST', url: '/agents/assistant/runs', payload })
  const { run_id, session_id } = run.json()
  const list = (await ask(`/runs/${run_id}/checkpoints?session_id=${session_id}`)).json()
  expect(list.checkpoints).toMatchObject([
    { message_index: 1, status: 'PAUSED', reason: 'checkpoint' },
    { message_index: 2, reason: 'end' },
  ])
  const { snapshot } = (await ask(`/runs/${run_id}/checkpoints/1?session_id=${session_id}`)).json()
  expect(snapshot).not.toHaveProperty('requirements')
  expect(snapshot).not.toHaveProperty('tools')
})

test.each([
  [5, 5, ['get_weather'], '3'],
  [4, 4, ['get_weather'], '2'],
  [3, 2, undefined, null],
  [2, 2, undefined, '1'],
  [0, 0, undefined, null],
])('shows a run as it was after %i messages, never between a call and its result', async (index, kept, tools, id) => {
  const answer = (await ask(`/runs/r/checkpoints/${index}?session_id=s`)).json()
  expect(CheckpointSnapshot.safeParse(answer).error).toBeUndefined()
  expect(answer.checkpoint).toMatchObject({ message_index: index, reason: 'snapshot', checkpoint_id: id })
  expect(answer.snapshot).toMatchObject({ run_id: 'r', last_checkpoint_at_message_index: kept })
  expect(answer.snapshot.messages).toHaveLength(kept)
  expect(answer.snapshot.tools?.map(({ tool_name }: { tool_name: string }) => tool_name)).toEqual(tools)
})

test('refuses places that are not in the transcript, and runs that are not there', async () => {
  for (const index of ['6', '-1']) {
    const answer = await ask(`/runs/r/checkpoints/${index}?session_id=s`)
    expect([answer.statusCode, answer.json().detail]).toEqual([400, 'message_index must be between 0 and 5'])
  }
  expect((await ask('/runs/r/checkpoints/two?session_id=s')).statusCode).toBe(422)
  for (const url of [
    '/runs/r/checkpoints?session_id=x',
    '/runs/x/checkpoints?session_id=s',
    '/runs/r/checkpoints/1?session_id=x',
  ])
    expect((await ask(url)).statusCode).toBe(404)
})

test('copies a session with the runs that have ended', async () => {
  const fork = (url: string) => server.app.inject({ method: 'POST', url: `/agents/assistant${url}` })
  const answer = (await fork('/sessions/s/fork')).json()
  expect(answer).toEqual({ session_id: expect.any(String), forked_from_session_id: 's' })
  const runs = (await server.app.inject(`/sessions/${answer.session_id}/runs`)).json()
  expect(runs).toMatchObject([{ content: 'Echo: héllo', forked_from_session_id: 's', status: 'COMPLETED' }])
  expect(runs[0].run_id).not.toBe('r')
  expect(runs[0].messages).toHaveLength(5)
  for (const url of ['/sessions/nope/fork', '/sessions/s/fork?user_id=bob']) {
    const refused = await fork(url)
    expect([refused.statusCode, refused.json().error_id]).toEqual([400, 'INVALID_REQUEST'])
  }
  const unknown = await server.app.inject({ method: 'POST', url: '/agents/nope/sessions/s/fork' })
  expect([unknown.statusCode, unknown.json().detail]).toEqual([404, 'Agent not found'])
})
