import { DayUsage, UsageRefresh, UsageRefreshStatus, UsageReport } from '@agentos/wire'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { COMPLETED } from '../testing/fake-runs.ts'
import { openReplica, type Replica } from '../testing/replica.ts'

let database: TestDatabase
let server: Replica
beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await database?.close()
})

const get = async (url: string) => {
  const answer = await server.app.inject(url)
  return { status: answer.statusCode, body: answer.json() }
}
const post = async (url: string) => {
  const answer = await server.app.inject({ method: 'POST', url })
  return { status: answer.statusCode, body: answer.json() }
}
const today = () => new Date().toISOString().slice(0, 10)

async function ask(userId: string, message = 'Hi'): Promise<void> {
  const payload = { message, stream: false, user_id: userId }
  const answer = await server.app.inject({ method: 'POST', url: '/agents/assistant/runs', payload })
  expect(answer.json()).toMatchObject({ status: 'COMPLETED' })
}

test('has nothing to tell before anything ran', async () => {
  expect(await get('/metrics')).toEqual({ status: 200, body: { metrics: [], updated_at: null } })
  expect((await get('/metrics/refresh/status')).body).toEqual({
    status: 'idle',
    started_at: null,
    finished_at: null,
    error: null,
  })
})

test('tells the usage of a day as soon as a run has ended', async () => {
  await ask('ada')
  await ask('bob')
  const { body } = await get('/metrics')
  expect(UsageReport.safeParse(body).error).toBeUndefined()
  const { inputTokens, outputTokens, totalTokens } = COMPLETED.metrics.usage
  expect(body.metrics).toEqual([
    {
      id: `${today()}_daily`,
      agent_runs_count: 2,
      agent_sessions_count: 2,
      team_runs_count: 0,
      team_sessions_count: 0,
      workflow_runs_count: 0,
      workflow_sessions_count: 0,
      users_count: 2,
      token_metrics: {
        input_tokens: 2 * inputTokens,
        output_tokens: 2 * outputTokens,
        total_tokens: 2 * totalTokens,
        audio_total_tokens: 0,
        audio_input_tokens: 0,
        audio_output_tokens: 0,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
      },
      model_metrics: [{ model_id: 'fake-1', model_provider: 'fake', count: 2 }],
      date: `${today()}T00:00:00Z`,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    },
  ])
  expect(body.updated_at).toBe(body.metrics[0].updated_at)
  expect((await get('/metrics?user_id=ada')).body.metrics).toMatchObject([{ agent_runs_count: 1, users_count: 1 }])
  expect((await get('/metrics?ending_date=2020-01-01')).body.metrics).toEqual([])
  expect((await get(`/metrics?starting_date=${today()}&ending_date=${today()}`)).body.metrics).toHaveLength(1)
})

test('refuses what is no day', async () => {
  for (const query of ['starting_date=yesterday', 'ending_date=2026-02-30', 'starting_date=2026-1-1']) {
    expect({ query, status: (await get(`/metrics?${query}`)).status }).toEqual({ query, status: 422 })
  }
})

test('refreshes at once, or in the background', async () => {
  await ask('cyd')
  const { status, body } = await post('/metrics/refresh')
  expect([status, body]).toMatchObject([200, [{ agent_runs_count: 3, users_count: 3 }]])
  expect(DayUsage.array().safeParse(body).error).toBeUndefined()
  const started = await post('/metrics/refresh?background=true')
  expect(started).toEqual({
    status: 202,
    body: { status: 'started', message: 'Metrics refresh started in background' },
  })
  expect(UsageRefresh.safeParse(started.body).error).toBeUndefined()
  await vi.waitFor(async () => {
    const state = (await get('/metrics/refresh/status')).body
    expect(UsageRefreshStatus.safeParse(state).error).toBeUndefined()
    expect(state).toMatchObject({ status: 'completed', finished_at: expect.any(String), error: null })
  })
})
