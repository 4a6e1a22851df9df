/** The client of `wire` against the server it is for. */
import { ApiError, createClient, type Client } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { AT, plainAnswer } from './testing/fake-runs.ts'
import { storeRun } from './testing/stored-run.ts'
import { createTestApp, type TestApp } from './testing/test-app.ts'

let database: TestDatabase
let server: TestApp
let url: string
let client: Client

beforeAll(async () => {
  database = await openTestDatabase()
  const readiness = () => ({ ready: false, startup: true, reasons: { draining: 'stopping' } })
  server = await createTestApp({ database, settings: { securityKey: 'key', readiness } })
  url = await server.listen()
  client = createClient({ baseUrl: `${url}/`, key: 'key' })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

test('reads what the server is', async () => {
  expect((await client.health()).status).toBe('ok')
  expect((await client.info()).auth_mode).toBe('security_key')
  expect((await client.config()).agents).toHaveLength(1)
  expect(await client.models()).toHaveLength(2)
  expect((await client.agents()).map(({ id }) => id)).toEqual(['assistant'])
  expect((await client.agent('assistant')).name).toBe('Assistant')
  expect((await client.reload()).state).toBe('ready')
})

test('gives readiness also when the answer is 503', async () => {
  expect(await client.ready()).toMatchObject({ ready: false, reasons: { draining: 'stopping' } })
})

test('runs to the end, and streams', async () => {
  server.runs.play = (run) => {
    run.emit(...plainAnswer('Echo:', ' héllo'))
    setImmediate(() => run.finish())
  }
  const input = { message: 'hi & bye', session_id: 's', session_state: { a: [1] }, retries: 2 }
  expect(await client.run('assistant', input)).toMatchObject({ status: 'COMPLETED', content: 'Echo: héllo' })
  expect(server.runs.requests.at(-1)).toMatchObject({
    message: 'hi & bye',
    sessionId: 's',
    options: { sessionState: { a: [1] }, retries: 2 },
  })
  let text = ''
  let last = ''
  for await (const { id, event } of client.streamRun('assistant', input)) {
    if (event.event === 'RunContent') text += event.content
    last = `${id} ${event.event}`
  }
  expect([text, last]).toEqual(['Echo: héllo', '6 RunCompleted'])
})

test('closes the stream when the loop is left', async () => {
  server.runs.play = (run) => run.emit({ type: 'content', at: AT, text: 'a' })
  for await (const { event } of client.streamRun('assistant', { message: 'hi' })) {
    expect(event.event).toBe('RunContent')
    break
  }
  await expect.poll(() => server.runs.started.at(-1)?.disconnects()).toBe(1)
})

test('makes, reads, changes and deletes sessions', async () => {
  await storeRun(database.db, { runId: 'r1', sessionId: 'a/b?c#d%', userId: 'ü' })
  const { sessions } = client
  expect(await sessions.runs('a/b?c#d%')).toMatchObject([{ run_id: 'r1' }])
  expect(await sessions.getRun('a/b?c#d%', 'r1')).toMatchObject({ run_id: 'r1' })
  expect(await client.getRun('assistant', 'r1', 'a/b?c#d%')).toMatchObject({ run_id: 'r1', content: 'Echo: héllo' })
  expect(await client.listRuns('assistant', 'a/b?c#d%')).toHaveLength(1)
  await client.cancelRun('assistant', 'r1')
  const made = await sessions.create({ session_name: 'N', agent_id: 'assistant' })
  const id = made.session_id
  expect((await sessions.rename(id, 'M')).session_name).toBe('M')
  expect(await sessions.update(id, { metadata: { x: 1 } })).toMatchObject({ session_name: 'M', metadata: { x: 1 } })
  expect((await sessions.list({ user_id: 'ü' })).data).toHaveLength(1)
  expect((await sessions.list({ session_name: 'M', limit: 1 })).meta.total_count).toBe(1)
  await sessions.delete(id)
  await sessions.deleteMany({ session_ids: ['a/b?c#d%'], session_types: ['agent'] })
  expect((await sessions.list()).data).toEqual([])
})

test('says what failed, with its code, its fields and the request', async () => {
  const failure = await client.sessions.get('nope').catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ApiError)
  expect(failure).toMatchObject({
    message: "Session with id 'nope' not found",
    status: 404,
    errorId: 'SESSION_NOT_FOUND',
    requestId: expect.any(String),
  })
  await expect(client.run('assistant', { message: '' })).rejects.toMatchObject({
    status: 422,
    message: 'body.message: Field required',
    fields: [{ type: 'missing' }],
  })
  await expect(createClient({ baseUrl: url }).agents()).rejects.toMatchObject({ status: 401, errorId: 'UNAUTHORIZED' })
  const proxy = async () => new Response('<h1>Bad gateway</h1>', { status: 502 })
  await expect(createClient({ baseUrl: url, fetch: proxy }).agents()).rejects.toMatchObject({
    status: 502,
    message: 'The server answered 502',
    errorId: '',
  })
})
