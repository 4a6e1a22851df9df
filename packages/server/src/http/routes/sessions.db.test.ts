/** Answers marked `recorded` have the keys, in the order, that Agno 3.1.10 sent for the same rows. */
import { SessionPage } from '@agentos/wire'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { AT, COMPLETED, plainAnswer } from '../testing/fake-runs.ts'
import { storeRun } from '../testing/stored-run.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let database: TestDatabase
let server: TestApp

beforeAll(async () => {
  database = await openTestDatabase()
  server = await createTestApp({ database })
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const get = (url: string) => server.app.inject(url)
const send = (method: 'POST' | 'PATCH' | 'DELETE', url: string, payload?: object) =>
  server.app.inject({ method, url, ...(payload && { payload }) })
const keysOf = (value: object) => Object.keys(value)

test('makes a session, with an id where none is given, and refuses an id twice', async () => {
  const made = await send('POST', '/sessions?type=agent', {
    session_id: 'c1',
    session_name: 'N',
    session_state: { a: 1 },
    metadata: { m: 1 },
    user_id: 'u',
    agent_id: 'assistant',
    team_id: null,
  })
  expect(made.statusCode).toBe(201)
  // recorded
  expect(keysOf(made.json())).toEqual([
    'user_id',
    'agent_session_id',
    'session_id',
    'session_name',
    'session_state',
    'agent_id',
    'metrics',
    'metadata',
    'chat_history',
    'created_at',
    'updated_at',
  ])
  expect(made.json()).toMatchObject({ session_id: 'c1', agent_session_id: 'c1', metrics: {}, chat_history: [] })
  expect(made.json().created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)

  const again = await send('POST', '/sessions', { session_id: 'c1' })
  expect(again.statusCode).toBe(409)
  expect(again.json()).toMatchObject({
    detail: "Session with id 'c1' already exists. Use PATCH /sessions/c1 to update it.",
    error_id: 'SESSION_EXISTS',
  })
  for (const answer of [await send('POST', '/sessions'), await send('POST', '/sessions', {})]) {
    expect(answer.json().session_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.json().session_name).toBe('')
  }
})

test('lists sessions by page, newest first', async () => {
  for (const number of [1, 2, 3])
    await storeRun(database.db, {
      runId: `list-${number}`,
      sessionId: `list-${number}`,
      userId: 'lister',
      input: `Hello ${number}`,
    })
  const page = await get(
    '/sessions?user_id=lister&limit=2&page=1&type=agent&component_id=assistant&db_id=agentos&table=agentos_sessions',
  )
  expect(SessionPage.safeParse(page.json()).error).toBeUndefined()
  expect(page.json().meta).toMatchObject({ page: 1, limit: 2, total_pages: 2, total_count: 3 })
  expect(page.json().data.map((session: { session_name: string }) => session.session_name)).toEqual([
    'Hello 3',
    'Hello 2',
  ])
  // recorded
  expect(keysOf(page.json().data[0])).toEqual([
    'session_id',
    'session_name',
    'session_state',
    'created_at',
    'updated_at',
    'session_type',
    'user_id',
    'agent_id',
    'metrics',
    'total_tokens',
  ])
  const first = await get('/sessions?user_id=lister&limit=2&page=0&sort_by=session_name&sort_order=asc')
  expect(first.json().meta.page).toBe(0)
  expect(first.json().data[0].session_name).toBe('Hello 1')
  expect((await get('/sessions?user_id=lister&session_name=O%203')).json().meta.total_count).toBe(1)
  expect((await get('/sessions?user_id=nobody')).json()).toMatchObject({
    data: [],
    meta: { total_pages: 0, total_count: 0 },
  })
  expect((await get('/sessions?limit=100000&page=1000000000&db_id=')).json()).toMatchObject({
    data: [],
    meta: { limit: 1000 },
  })
})

test('says what is wrong with a query in the words of pydantic', async () => {
  const answer = await get('/sessions?type=foo&limit=abc&page=-1&sort_order=up')
  expect(answer.statusCode).toBe(422)
  // recorded
  expect(answer.json().detail).toEqual(
    expect.arrayContaining([
      {
        type: 'enum',
        loc: ['query', 'type'],
        msg: "Input should be 'agent', 'team' or 'workflow'",
        input: 'foo',
        ctx: { expected: "'agent', 'team' or 'workflow'" },
      },
      {
        type: 'int_parsing',
        loc: ['query', 'limit'],
        msg: 'Input should be a valid integer, unable to parse string as an integer',
        input: 'abc',
      },
      {
        type: 'greater_than_equal',
        loc: ['query', 'page'],
        msg: 'Input should be greater than or equal to 0',
        input: '-1',
        ctx: { ge: 0 },
      },
      {
        type: 'enum',
        loc: ['query', 'sort_order'],
        msg: "Input should be 'asc' or 'desc'",
        input: 'up',
        ctx: { expected: "'asc' or 'desc'" },
      },
    ]),
  )
})

test('knows one database, and says so', async () => {
  const other = await get('/sessions?db_id=nope')
  expect(other.statusCode).toBe(404)
  expect(other.json().detail).toBe("No database found with id 'nope'")
  expect((await get('/sessions?table=agentos_sessions')).statusCode).toBe(400)
  expect((await get('/sessions?db_id=agentos&table=other')).statusCode).toBe(404)
})

test('reads a session with its chat, without instructions and tool results', async () => {
  await storeRun(database.db, { runId: 'd1', sessionId: 'd', input: 'first' })
  await storeRun(database.db, { runId: 'd2', sessionId: 'd', input: 'second', status: 'ERROR', messages: [] })
  const answer = await get('/sessions/d?type=agent&db_id=agentos')
  const detail = answer.json()
  expect(detail).toMatchObject({
    session_name: 'first',
    agent_id: 'assistant',
    total_tokens: 50,
    agent_data: { name: 'Assistant', agent_id: 'assistant', model: { name: 'fake-1', id: 'fake-1', provider: 'fake' } },
    metrics: { input_tokens: 40, output_tokens: 10, total_tokens: 50 },
    session_state: { last: 'd2' },
  })
  expect(detail.chat_history.map(({ role, content }: { role: string; content?: string }) => [role, content])).toEqual([
    ['user', 'first'],
    ['assistant', undefined],
    ['assistant', 'Echo: héllo'],
  ])
  // recorded
  expect(keysOf(detail.chat_history[1])).toEqual([
    'id',
    'from_history',
    'stop_after_tool_call',
    'role',
    'tool_calls',
    'metrics',
    'created_at',
  ])
  expect(detail.chat_history[1].tool_calls).toEqual([
    { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Oslo"}' } },
  ])
  expect(detail).not.toHaveProperty('user_id')

  const missing = await get('/sessions/nope')
  expect(missing.statusCode).toBe(404)
  expect(missing.json().detail).toBe("Session with id 'nope' not found")
  expect((await get('/sessions/d?user_id=other')).statusCode).toBe(404)
})

test('lists the runs of a session as a bare array, oldest first, with what a chat needs', async () => {
  await storeRun(database.db, { runId: 'l1', sessionId: 'l', input: 'one' })
  await storeRun(database.db, { runId: 'l2', sessionId: 'l', input: 'two', status: 'ERROR' })
  const runs = (await get('/sessions/l/runs?type=agent&db_id=agentos')).json()
  expect(runs).toMatchObject([
    {
      run_id: 'l1',
      run_input: 'one',
      content: 'Echo: héllo',
      status: 'COMPLETED',
      parent_run_id: '',
      user_id: '',
      tools: [{ tool_name: 'get_weather', result: 'Sunny in Oslo' }],
    },
    { run_id: 'l2', run_input: 'two', content: 'model said no', status: 'ERROR' },
  ])
  // recorded
  expect(keysOf(runs[0])).toEqual([
    'run_id',
    'parent_run_id',
    'agent_id',
    'user_id',
    'status',
    'run_input',
    'content',
    'run_response_format',
    'reasoning_content',
    'reasoning_steps',
    'metrics',
    'metadata',
    'messages',
    'tools',
    'created_at',
    'references',
    'reasoning_messages',
    'session_state',
    'images',
    'videos',
    'audio',
    'files',
    'input_media',
  ])
  expect((await get('/sessions/l/runs?created_after=4000000000')).json()).toEqual([])
  expect((await get('/sessions/l/runs?created_before=4000000000')).json()).toHaveLength(2)
  expect((await get('/sessions/nope/runs')).statusCode).toBe(404)
})

test('reads one run of a session with its events, but not a run of another session', async () => {
  const tool = {
    toolCallId: 'c',
    toolName: 't',
    input: {},
    createdAt: AT,
    isError: true,
    result: 'no',
    durationMs: 1,
    stopAfterToolCall: false,
  }
  const events = [
    ...plainAnswer('a', 'b'),
    { type: 'tool-end', at: AT, tool } as const,
    { type: 'run-end', at: AT, result: COMPLETED, sessionState: {} } as const,
  ]
  await storeRun(database.db, { runId: 'e1', sessionId: 'e', events })
  const run = (await get('/sessions/e/runs/e1')).json()
  expect(run.events.map(({ event }: { event: string }) => event)).toEqual([
    'RunStarted',
    'ModelRequestStarted',
    'ModelRequestCompleted',
    'RunContentCompleted',
    'ToolCallCompleted',
    'ToolCallError',
    'RunCompleted',
  ])
  const missing = await get('/sessions/d/runs/e1')
  expect(missing.statusCode).toBe(404)
  expect(missing.json().detail).toBe('Run with ID e1 not found in session d')
})

test('renames and changes a session; keys that are null or absent stay', async () => {
  await send('POST', '/sessions', {
    session_id: 'p',
    session_state: { a: 1 },
    metadata: { m: 1 },
    agent_id: 'assistant',
  })
  const renamed = (await send('POST', '/sessions/p/rename?type=agent', { session_name: 'new' })).json()
  // recorded: this route keeps its null keys
  expect(renamed).toMatchObject({
    session_name: 'new',
    user_id: null,
    session_summary: null,
    total_tokens: null,
    agent_data: null,
  })
  const patched = (
    await send('PATCH', '/sessions/p', { session_name: null, session_state: { b: 2 }, metadata: null })
  ).json()
  expect(patched).toMatchObject({ session_name: 'new', session_state: { b: 2 }, metadata: { m: 1 } })
  expect((await send('PATCH', '/sessions/p', {})).json()).toMatchObject({
    session_name: 'new',
    session_state: { b: 2 },
  })
  expect((await send('PATCH', '/sessions/p?user_id=other', {})).statusCode).toBe(404)
  expect((await send('POST', '/sessions/nope/rename', { session_name: 'x' })).statusCode).toBe(404)
  expect((await send('POST', '/sessions/p/rename', {})).json().detail).toEqual([
    { type: 'missing', loc: ['body', 'session_name'], msg: 'Field required', input: null },
  ])
})

test('deletes one session, and again', async () => {
  await send('POST', '/sessions', { session_id: 'x1', user_id: 'owner' })
  expect((await send('DELETE', '/sessions/x1?user_id=other')).statusCode).toBe(204)
  expect((await get('/sessions/x1')).statusCode).toBe(200)
  for (const _ of [1, 2]) {
    const answer = await send('DELETE', '/sessions/x1?db_id=agentos')
    expect(answer.statusCode).toBe(204)
    expect(answer.body).toBe('')
  }
  expect((await get('/sessions/x1')).statusCode).toBe(404)
})

test('deletes several sessions named in the body', async () => {
  for (const session_id of ['y1', 'y2']) await send('POST', '/sessions', { session_id })
  const uneven = await send('DELETE', '/sessions', { session_ids: ['y1', 'y2'], session_types: ['agent'] })
  expect(uneven.statusCode).toBe(400)
  expect(uneven.json().detail).toBe('Session IDs and session types must have the same length')
  const empty = await send('DELETE', '/sessions', { session_ids: [], session_types: ['x'] })
  expect(empty.json().detail).toMatchObject([
    {
      type: 'too_short',
      msg: 'List should have at least 1 item after validation, not 0',
      ctx: { field_type: 'List', min_length: 1, actual_length: 0 },
    },
    { type: 'enum', loc: ['body', 'session_types', 0] },
  ])
  const done = await send('DELETE', '/sessions', { session_ids: ['y1', 'y2'], session_types: ['agent', 'agent'] })
  expect(done.statusCode).toBe(204)
  expect((await get('/sessions/y2')).statusCode).toBe(404)
})

test('describes sessions of teams and workflows in their own shapes', async () => {
  const team = (await send('POST', '/sessions?type=team', { session_id: 't', team_id: 'crew' })).json()
  expect(team).toMatchObject({ session_id: 't', team_id: 'crew', chat_history: [] })
  expect(team).not.toHaveProperty('agent_session_id')
  const workflow = (
    await send('POST', '/sessions?type=workflow', { session_id: 'w', workflow_id: 'flow', session_state: { a: 1 } })
  ).json()
  expect(workflow).toMatchObject({ workflow_id: 'flow', session_data: { session_state: { a: 1 } } })
  expect(workflow).not.toHaveProperty('chat_history')
  expect((await get('/sessions?component_id=crew')).json().data[0]).toMatchObject({
    session_type: 'team',
    team_id: 'crew',
  })
})

test('reads and lists runs under their agent, with null keys in the list', async () => {
  await storeRun(database.db, { runId: 'a1', sessionId: 'a', input: 'one', userId: 'u' })
  await storeRun(database.db, { runId: 'a2', sessionId: 'a', input: 'two', status: 'CANCELLED' })
  const list = (await get('/agents/assistant/runs?session_id=a')).json()
  expect(list).toMatchObject([
    { run_id: 'a1', events: null, citations: null, followups: null },
    { run_id: 'a2', status: 'CANCELLED' },
  ])
  expect((await get('/agents/assistant/runs?session_id=a&status=COMPLETED')).json()).toHaveLength(1)
  expect((await get('/agents/other/runs?session_id=a')).json()).toEqual([])
  expect((await get('/agents/assistant/runs?session_id=nope')).json().detail).toBe('Session not found')
  expect((await get('/agents/assistant/runs')).json().detail).toEqual([
    { type: 'missing', loc: ['query', 'session_id'], msg: 'Field required', input: null },
  ])

  const run = (await get('/agents/assistant/runs/a1?session_id=a')).json()
  // recorded
  expect(keysOf(run)).toEqual([
    'run_id',
    'agent_id',
    'agent_name',
    'session_id',
    'user_id',
    'content',
    'content_type',
    'model',
    'model_provider',
    'session_state',
    'created_at',
    'status',
    'metrics',
    'messages',
    'metadata',
    'tools',
    'input',
  ])
  expect(run).toMatchObject({
    agent_name: 'Assistant',
    input: { input_content: 'one' },
    created_at: expect.any(Number),
  })
  for (const url of [
    '/agents/assistant/runs/nope?session_id=a',
    '/agents/assistant/runs/a1?session_id=nope',
    '/agents/assistant/runs/a1?session_id=d',
    '/agents/other/runs/a1?session_id=a',
  ]) {
    const missing = await get(url)
    expect(missing.statusCode).toBe(404)
    expect(missing.json().detail).toBe('Run not found')
  }
})

test('lists runs in short, with the filters of the whole list', async () => {
  const long = 'x'.repeat(400)
  await storeRun(database.db, { runId: 'short-1', sessionId: 'short', userId: 'shorty', input: long })
  const previews = await get('/sessions/short/run-previews?user_id=shorty')
  expect(previews.statusCode).toBe(200)
  expect(previews.json()).toEqual([
    {
      run_id: 'short-1',
      agent_id: 'assistant',
      user_id: 'shorty',
      status: expect.any(String),
      run_input: long.slice(0, 280),
      content_preview: 'Echo: héllo',
      created_at: expect.stringMatching(/Z$/),
    },
  ])
  const { status } = previews.json()[0]
  for (const path of ['run-previews', 'runs']) {
    const count = async (query: string) => (await get(`/sessions/short/${path}?${query}`)).json().length
    expect(await count(`status=${status.toLowerCase()}&status=CANCELLED`)).toBe(1)
    expect(await count('status=cancelled')).toBe(0)
    expect(await count('created_after=4102444800')).toBe(0)
    const unknown = await get(`/sessions/short/${path}?status=DONE`)
    expect(unknown.statusCode).toBe(400)
    expect(unknown.json().detail).toContain('Invalid status value "DONE"')
    expect((await get(`/sessions/short/${path}?user_id=somebody-else`)).statusCode).toBe(404)
  }
})
