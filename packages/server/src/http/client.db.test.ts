/** The client of `wire` against the server it is for. */
import { ApiError, createClient, type Client, type RunEventMessage } from '@agentos/wire/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { AT, COMPLETED, plainAnswer } from './testing/fake-runs.ts'
import { openReplica, paused, type Replica, requirement } from './testing/replica.ts'
import { storeRun } from './testing/stored-run.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }

let database: TestDatabase
let server: Replica
let url: string
let client: Client

beforeAll(async () => {
  database = await openTestDatabase()
  const readiness = () => ({ ready: false, startup: true, reasons: { draining: 'stopping' } })
  server = await openReplica(database, { settings: { securityKey: 'key', readiness } })
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

const eventsOf = async (messages: AsyncIterable<RunEventMessage>) => {
  const seen: string[] = []
  for await (const { id, event } of messages) seen.push(`${id} ${event.event}`)
  return seen
}

test('runs to the end, and streams', async () => {
  server.play = ({ handlers }) => {
    handlers.onEvents(plainAnswer('Echo:', ' héllo'))
    setImmediate(() => handlers.onDone(COMPLETED))
  }
  const input = { message: 'hi & bye', session_id: 's', session_state: { a: [1] }, retries: 2 }
  expect(await client.run('assistant', input)).toMatchObject({ status: 'COMPLETED', content: 'Echo: héllo' })
  expect(server.executor.started.at(-1)?.job).toMatchObject({
    input: 'hi & bye',
    sessionId: 's',
    request: { sessionState: { a: [1] }, retries: 2 },
  })
  let text = ''
  for await (const { event } of client.streamRun('assistant', input)) {
    if (event.event === 'RunContent') text += event.content
  }
  expect(text).toBe('Echo: héllo')
  expect((await eventsOf(client.streamRun('assistant', input))).at(-1)).toBe('6 RunCompleted')
})

test('closes the stream when the loop is left', async () => {
  server.play = ({ handlers }) => handlers.onEvents([{ type: 'content', at: AT, text: 'a' }])
  for await (const { event } of client.streamRun('assistant', { message: 'hi' })) {
    expect(event.event).toBe('RunContent')
    break
  }
  await expect.poll(() => server.executor.started.at(-1)?.cancelReason(), PATIENT).toBeDefined()
})

test('goes on with a run that waits, and reads its events again', async () => {
  server.play = ({ job, handlers }) => handlers.onDone(job.attempt === 1 ? paused(requirement()) : COMPLETED)
  const tools = [{ tool_call_id: 'call_1', confirmed: true }]
  const pause = async () => {
    const run = await client.run('assistant', { message: 'hi' }, { idempotencyKey: crypto.randomUUID() })
    expect(run.status).toBe('PAUSED')
    return { agentId: 'assistant', runId: run.run_id, sessionId: run.session_id }
  }
  expect((await client.continueRun(await pause(), { tools })).status).toBe('COMPLETED')
  const run = await pause()
  expect(await eventsOf(client.streamContinue(run, { tools }))).toEqual(['1 RunContinued', '2 RunCompleted'])
  expect(await eventsOf(client.resumeRun('assistant', run.runId))).toHaveLength(3)
  expect(await eventsOf(client.resumeRun('assistant', run.runId, '1'))).toEqual(['2 RunCompleted'])
  expect(await eventsOf(client.resumeRun('assistant', run.runId, '2'))).toEqual([])
})

test('puts runs into the queue, and lists what is in it', async () => {
  server.play = ({ handlers }) => handlers.onDone(COMPLETED)
  const accepted = await client.enqueueRun('assistant', { message: 'hi', priority: 3 })
  expect(accepted.status).toBe('PENDING')
  await expect.poll(async () => (await client.queue.job(accepted.run_id)).status, PATIENT).toBe('completed')
  expect((await client.queue.stats()).counts).toEqual({ completed: 1 })
  const { data } = await client.queue.jobs({ status: ['completed', 'failed'], session_id: [accepted.session_id] })
  expect(data.map(({ id }) => id)).toEqual([accepted.run_id])
  await expect(client.queue.requeue(accepted.run_id)).rejects.toMatchObject({ errorId: 'JOB_NOT_REQUEUEABLE' })
})

test('decides about approvals', async () => {
  const asked = requirement({ approval: 'required', approvalId: 'a1' })
  server.play = ({ handlers }) => handlers.onDone(paused(asked))
  const run = await client.run('assistant', { message: 'hi' })
  expect((await client.approvals.list({ run_id: run.run_id })).data).toMatchObject([{ id: 'a1', status: 'pending' }])
  expect(await client.approvals.countPending()).toEqual({ count: 1 })
  expect(await client.approvals.resolve('a1', { status: 'rejected' })).toMatchObject({ status: 'rejected' })
  expect(await client.approvals.get('a1')).toMatchObject({ resolved_by: null })
  await client.approvals.delete('a1')
  await expect(client.approvals.get('a1')).rejects.toMatchObject({ status: 404 })
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
  expect((await sessions.list({ user_id: 'ü' })).data).toEqual([])
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
