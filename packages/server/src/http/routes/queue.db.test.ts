import { QueueJob, QueueJobPage, QueueStats } from '@agentos/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { COMPLETED } from '../testing/fake-runs.ts'
import { openReplica, type Replica } from '../testing/replica.ts'
import { storeRun } from '../testing/stored-run.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
  await storeRun(database.db, { runId: 'done', sessionId: 'a', background: true, userId: 'ada' })
  await storeRun(database.db, { runId: 'failed', sessionId: 'b', background: true, status: 'ERROR' })
  await storeRun(database.db, { runId: 'stopped', sessionId: 'c', background: true, status: 'CANCELLED' })
  await storeRun(database.db, { runId: 'inline', sessionId: 'a', userId: 'ada' })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const get = async (url: string) => (await server.app.inject(url)).json()
const idsOf = async (query: string): Promise<string[]> =>
  (await get(`/queue/jobs?${query}`)).data.map(({ id }: { id: string }) => id).toSorted()

test('counts background runs by status', async () => {
  const stats = await get('/queue/stats')
  expect(QueueStats.safeParse(stats).error).toBeUndefined()
  expect(stats).toEqual({ counts: { completed: 1, failed: 1, cancelled: 1 }, oldest_queued_age_seconds: null })
})

test('shows a background run as a job, and no other run', async () => {
  const job = await get('/queue/jobs/failed')
  expect(QueueJob.safeParse(job).error).toBeUndefined()
  expect(job).toMatchObject({
    id: 'failed',
    component_type: 'agent',
    component_id: 'assistant',
    session_id: 'b',
    job_type: 'run',
    status: 'failed',
    payload: { input: 'hi' },
    error: 'model said no',
    locked_by: null,
    completed_at: expect.any(Number),
  })
  for (const id of ['inline', 'nope']) {
    const answer = await server.app.inject(`/queue/jobs/${id}`)
    expect([answer.statusCode, answer.json().detail]).toEqual([404, `Job queue job ${id} not found`])
  }
})

test('lists jobs by status, session and user, each as often as it is named', async () => {
  const page = await get('/queue/jobs?limit=2')
  expect(QueueJobPage.safeParse(page).error).toBeUndefined()
  expect(page.meta).toMatchObject({ page: 1, limit: 2, total_pages: 2, total_count: 3 })
  expect(await idsOf('status=failed')).toEqual(['failed'])
  expect(await idsOf('status=failed&status=cancelled')).toEqual(['failed', 'stopped'])
  expect(await idsOf('session_id=a&session_id=c')).toEqual(['done', 'stopped'])
  expect(await idsOf('user_id=ada')).toEqual(['done'])
  expect((await get('/queue/jobs?sort_by=status&sort_order=asc')).data[0].status).toBe('cancelled')
  for (const query of ['status=lost', 'session_id=', 'limit=0', 'limit=1001', 'sort_order=up']) {
    expect(`${query} ${(await server.app.inject(`/queue/jobs?${query}`)).statusCode}`).toBe(`${query} 422`)
  }
})

test('gives a failed or cancelled run another try, and no other', async () => {
  const requeue = (id: string) => server.app.inject({ method: 'POST', url: `/queue/jobs/${id}/requeue` })
  server.play = ({ handlers }) => handlers.onDone(COMPLETED)
  for (const id of ['failed', 'stopped']) {
    const answer = await requeue(id)
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { id, status: 'queued', error: null }])
    await expect.poll(async () => (await get(`/queue/jobs/${id}`)).status, PATIENT).toBe('completed')
  }
  const done = await requeue('done')
  expect([done.statusCode, done.json().detail]).toEqual([409, 'Job done is completed and cannot be requeued'])
  for (const id of ['inline', 'nope']) expect((await requeue(id)).statusCode).toBe(404)
})
