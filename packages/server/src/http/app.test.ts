import { AgentResponse, Config, Info } from '@agentos/wire'
import fc from 'fast-check'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { AgentOSError } from '../base/errors.ts'
import { AGNO_ORIGINS } from '../base/agno-origins.ts'
import { createLoopbackApp } from './app.ts'
import { COMPLETED, plainAnswer } from './testing/fake-runs.ts'
import { conversation } from './testing/stored-run.ts'
import { ASSISTANT, createTestApp, SECRET, type TestApp } from './testing/test-app.ts'

const LONG_SESSION = `message=hi&session_id=${'x'.repeat(256)}`
const LONG_USER = `message=hi&user_id=${'x'.repeat(256)}`
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }
const run = (server: TestApp, payload: string | Buffer, headers: Record<string, string> = FORM) =>
  server.app.inject({ method: 'POST', url: '/agents/assistant/runs', payload, headers })

describe('the server itself', () => {
  test('answers health, whatever the database does', async () => {
    await using server = await createTestApp()
    const answer = await server.app.inject('/health')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ status: 'ok', instantiated_at: '2026-11-23T04:51:47.522Z' })
  })

  test('says where to look next, and of what it consists', async () => {
    await using server = await createTestApp({ settings: { docsEnabled: true } })
    expect((await server.app.inject('/')).json()).toEqual({
      name: 'Test OS',
      health: '/health',
      info: '/info',
      docs: '/docs',
    })
    const info = (await server.app.inject('/info')).json()
    expect(Info.safeParse(info).error).toBeUndefined()
    expect(info).toMatchObject({ os_id: 'os-1', agent_count: 1, auth_mode: 'none', mcp: { path: null } })
    const config = (await server.app.inject('/config')).json()
    expect(Config.safeParse(config).error).toBeUndefined()
    expect(config).toMatchObject({
      chat: { quick_prompts: { assistant: ['What is new?'] } },
      session: { dbs: [{ db_id: 'agentos', tables: ['agentos_sessions'] }] },
      traces: { dbs: [{ db_id: 'agentos' }] },
      agents: [{ id: 'assistant', model: { id: 'fake-1', provider: 'fake' } }],
    })
    expect((await server.app.inject('/models')).json()).toEqual([
      { id: 'fake-1', provider: 'fake' },
      { id: 'gpt-5-mini', provider: 'openai' },
    ])
  })

  test('describes agents by what differs from the defaults', async () => {
    const bare = {
      ...ASSISTANT,
      id: 'bare',
      tools: [],
      metadata: null,
      markdown: false,
      instructions: null,
      description: null,
      retries: 0,
      exponentialBackoff: false,
    }
    await using server = await createTestApp({ agents: [ASSISTANT, { ...bare, toolCallLimit: 3 }] })
    const [assistant, plain] = (await server.app.inject('/agents')).json()
    expect(AgentResponse.safeParse(assistant).error).toBeUndefined()
    expect(Object.keys(plain)).toEqual([
      'id',
      'name',
      'db_id',
      'filesystem',
      'is_factory',
      'model',
      'sessions',
      'reasoning',
      'is_component',
      'sandboxed',
    ])
    expect((await server.app.inject('/agents/assistant')).json()).toEqual(assistant)
    const missing = await server.app.inject('/agents/nope')
    expect([missing.statusCode, missing.json().detail]).toEqual([404, 'Agent not found'])
  })

  test('sends clients to another connection as long as it is stopping', async () => {
    let isStopping = false
    await using server = await createTestApp({ settings: { isStopping: () => isStopping } })
    const connection = async (path: string) => (await server.app.inject(path)).headers.connection
    expect(await connection('/health')).toBe('keep-alive')
    isStopping = true
    expect([await connection('/health'), await connection('/no/such/route')]).toEqual(['close', 'close'])
  })

  test('is not ready with reasons, and shows hosts and code of broken files only to trusted callers', async () => {
    const files = [{ path: 'bad.ts', outcome: 'error', runnables: [], detail: 'const key = 1' }] as const
    const status = { state: 'failed', error: 'bad.ts: Unexpected token', desired: 'rev-2' } as const
    const reasons = { database: `db.internal:5432 refuses ${SECRET}`, server: 'the server is stopping' }
    const readiness = () => ({ ready: false, startup: false, reasons })
    await using server = await createTestApp({ files, status, settings: { securityKey: 'k', readiness } })
    const answer = await server.app.inject('/health/ready')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({
      ready: false,
      reasons: { database: 'the database does not answer', server: 'the server is stopping' },
      revision: 'rev-1',
      desired: 'rev-2',
      degraded: true,
      files: [{ path: 'bad.ts', outcome: 'error', detail: null }],
    })
    expect(answer.body).not.toContain('Unexpected token')
    const trusted = await server.app.inject({ url: '/health/ready', headers: { authorization: 'Bearer k' } })
    expect(trusted.json()).toMatchObject({
      reasons: { database: 'db.internal:5432 refuses [redacted]' },
      error: 'bad.ts: Unexpected token',
      files: [{ detail: 'const key = 1' }],
    })
    expect((await server.app.inject('/health/startup')).statusCode).toBe(503)
    expect((await server.app.inject('/health')).statusCode).toBe(200)
  })

  test('reloads here, then everywhere', async () => {
    await using server = await createTestApp()
    const answer = await server.app.inject({ method: 'POST', url: '/admin/reload', headers: JSON_TYPE })
    expect(answer.json()).toEqual({ state: 'ready', revision: 'rev-1', desired: 'rev-1', error: null, files: [] })
    expect(server.reloads()).toEqual({ here: 1, everywhere: 1 })
  })

  test('takes the webhook of git-sync on the loopback server', async () => {
    await using server = await createTestApp()
    const loopback = await createLoopbackApp(server.deps)
    const answer = await loopback.inject({
      method: 'POST',
      url: '/reload',
      headers: { 'content-type': 'text/weird' },
      payload: 'x',
    })
    expect(answer.statusCode).toBe(200)
    expect(server.reloads()).toEqual({ here: 1, everywhere: 0 })
    expect((await loopback.inject('/health/ready')).json()).toMatchObject({ ready: true })
    expect((await loopback.inject('/agents')).statusCode).toBe(404)
    await loopback.close()
  })
})

describe('requests', () => {
  test('keep a fitting id of the caller and get a new one otherwise', async () => {
    await using server = await createTestApp()
    const idOf = async (id: string) =>
      (await server.app.inject({ url: '/health', headers: { 'x-request-id': id } })).headers['x-request-id']
    expect(await idOf('abc-1:2/3')).toBe('abc-1:2/3')
    for (const bad of ['', 'a b', 'é', '<script>', 'x'.repeat(129)]) expect(await idOf(bad)).toMatch(/^[0-9a-f-]{36}$/)
  })

  test.each(AGNO_ORIGINS)('from %s may read answers, also those of failures and streams', async (origin) => {
    await using server = await createTestApp({ settings: { securityKey: 'k' } })
    const preflight = await server.app.inject({
      method: 'OPTIONS',
      url: '/agents/assistant/runs',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,x-foo',
      },
    })
    expect(preflight.statusCode).toBeLessThan(300)
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
      'access-control-allow-headers': 'authorization,x-foo',
    })
    expect(preflight.headers['access-control-allow-methods']).toContain('PATCH')
    const refused = await server.app.inject({ url: '/agents', headers: { origin } })
    expect([refused.statusCode, refused.headers['access-control-allow-origin']]).toEqual([401, origin])
    server.runs.play = (started) => started.finish()
    const stream = await run(server, 'message=hi', { ...FORM, origin, authorization: 'Bearer k' })
    expect(stream.headers).toMatchObject({ 'access-control-allow-origin': origin, vary: 'Origin' })
    expect(stream.headers['access-control-expose-headers']).toContain('x-agentos-revision')
  })

  test('from other origins get no permission', async () => {
    await using server = await createTestApp()
    const answer = await server.app.inject({ url: '/health', headers: { origin: 'https://evil.example' } })
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  })
})

describe('failures', () => {
  test('that nobody chose to report say nothing but their number, and are logged', async () => {
    await using server = await createTestApp()
    server.runs.play = () => {
      throw new TypeError(`boom ${SECRET} at /home/secret.ts`)
    }
    const answer = await run(server, 'message=hi')
    expect(answer.statusCode).toBe(500)
    expect(answer.json()).toEqual({
      detail: 'Internal Server Error',
      error_id: 'INTERNAL',
      next: expect.any(String),
      request_id: answer.headers['x-request-id'],
    })
    expect(JSON.stringify(server.logged)).toContain('boom [redacted]')
  })

  test('that were chosen say what and what next, without secrets', async () => {
    await using server = await createTestApp()
    server.runs.failure = { code: 'SESSION_TAKEN', message: `Session belongs to ${SECRET}` }
    const answer = await run(server, 'message=hi')
    expect([answer.statusCode, answer.json().detail, answer.json().error_id]).toEqual([
      409,
      'Session belongs to [redacted]',
      'SESSION_TAKEN',
    ])
    for (const code of ['TOO_MANY_RUNS', 'DRAINING', 'NO_REVISION', 'DATABASE_UNAVAILABLE'] as const) {
      server.runs.failure = { code, message: 'later' }
      const later = await run(server, 'message=hi')
      expect(later.json().error_id).toBe(code)
      expect(Number(later.headers['retry-after'])).toBeGreaterThan(0)
    }
  })

  test('keep their code when their prototype was lost between threads', async () => {
    await using server = await createTestApp()
    server.runs.play = () => {
      throw Object.assign(new Error('gone'), { code: new AgentOSError('WORKER_LOST', '').code })
    }
    expect((await run(server, 'message=hi')).json()).toMatchObject({ detail: 'gone', error_id: 'WORKER_LOST' })
  })
})

describe('bodies', () => {
  test('of a run reach it with every option, as a form and as JSON alike', async () => {
    await using server = await createTestApp()
    server.runs.play = (started) => started.finish()
    const body = {
      message: 'hi',
      stream: false,
      session_id: 's',
      user_id: 'u',
      session_state: { a: 1 },
      dependencies: { d: [1] },
      metadata: { m: 'x' },
      output_schema: { type: 'object' },
      add_history_to_context: false,
      add_dependencies_to_context: true,
      add_session_state_to_context: true,
      retries: 3,
      debug_mode: true,
      monitor: false,
      images: [],
      unknown: 'x',
    }
    const texts = Object.entries(body).map(
      ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
    )
    const multipart = texts
      .map(([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join('')
    const answers = [
      await run(server, JSON.stringify(body), JSON_TYPE),
      await run(server, new URLSearchParams(texts.map(([name, value]) => [name, value])).toString()),
      await run(server, `${multipart}--b--\r\n`, { 'content-type': 'multipart/form-data; boundary=b' }),
    ]
    for (const answer of answers)
      expect(answer.json()).toMatchObject({ status: 'COMPLETED', session_id: 's', user_id: 'u' })
    expect(server.runs.requests).toHaveLength(3)
    for (const request of server.runs.requests) {
      expect(request).toEqual({
        traceparent: null,
        agentId: 'assistant',
        message: 'hi',
        sessionId: 's',
        userId: 'u',
        streamed: false,
        background: false,
        priority: 0,
        idempotency: null,
        options: {
          sessionState: { a: 1 },
          dependencies: { d: [1] },
          metadata: { m: 'x' },
          outputSchema: { type: 'object' },
          addHistoryToContext: false,
          addDependenciesToContext: true,
          addSessionStateToContext: true,
          retries: 3,
        },
      })
    }
  })

  test('with an empty session_id begin a new session, and stream by default', async () => {
    await using server = await createTestApp()
    server.runs.play = (started) => started.finish()
    const answer = await run(server, 'message=hi&session_id=&user_id=')
    expect(answer.headers['content-type']).toContain('text/event-stream')
    expect(server.runs.requests[0]).toMatchObject({ sessionId: undefined, userId: null, streamed: true, options: {} })
  })

  const refusedForms: readonly (readonly [form: string, type: string, field: string])[] = [
    ['', 'missing', 'message'],
    ['message=', 'missing', 'message'],
    ['message=hi&stream=maybe', 'bool_parsing', 'stream'],
    ['message=hi&session_state={bad', 'json_invalid', 'session_state'],
    ['message=hi&metadata=[1]', 'dict_type', 'metadata'],
    ['message=hi&output_schema=3', 'dict_type', 'output_schema'],
    ['message=hi&retries=99', 'less_than_equal', 'retries'],
    [LONG_SESSION, 'string_too_long', 'session_id'],
    [LONG_USER, 'string_too_long', 'user_id'],
    ['message=a%00b', 'value_error', 'message'],
    [`message=hi&dependencies=${encodeURIComponent('{"a":"\\u0000"}')}`, 'value_error', 'dependencies'],
    [`message=hi&metadata=${encodeURIComponent('{"a":"\\ud800"}')}`, 'value_error', 'metadata'],
    [`message=hi&metadata=${'['.repeat(9999)}`, 'json_invalid', 'metadata'],
  ]
  test.each(refusedForms.map(([form, type, field]) => ({ form, type, field, shown: form.slice(0, 60) })))(
    'refuse the form $shown with $type',
    async ({ form, type, field }) => {
      await using server = await createTestApp()
      const answer = await run(server, form)
      expect(answer.statusCode).toBe(422)
      expect(answer.json()).toMatchObject({
        detail: [{ type, loc: expect.arrayContaining(['body', field]) }],
        error_id: 'INVALID_FIELDS',
      })
      expect(server.runs.requests).toEqual([])
    },
  )

  test.each([
    ['{bad', 'json_invalid'],
    ['[]', 'model_attributes_type'],
    ['"x"', 'model_attributes_type'],
    ['{"message":3}', 'string_type'],
    ['{}', 'missing'],
    ['', 'missing'],
  ])('refuse the JSON %s with %s', async (json, type) => {
    await using server = await createTestApp()
    const answer = await run(server, json, JSON_TYPE)
    expect(answer.statusCode).toBe(422)
    expect(answer.json().detail[0].type).toBe(type)
  })

  test('that are not UTF-8 are refused, in every form', async () => {
    await using server = await createTestApp()
    const bad = Buffer.from([0x63, 0xc3, 0x28])
    const part = Buffer.concat([
      Buffer.from('--b\r\ncontent-disposition: form-data; name="message"\r\n\r\n'),
      bad,
      Buffer.from('\r\n--b--\r\n'),
    ])
    const answers = [
      await run(server, Buffer.concat([Buffer.from('message='), bad])),
      await run(server, 'message=%FF'),
      await run(server, Buffer.concat([Buffer.from('{"message":"'), bad, Buffer.from('"}')]), JSON_TYPE),
      await run(server, part, { 'content-type': 'multipart/form-data; boundary=b' }),
    ]
    for (const answer of answers)
      expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('is not valid UTF-8')])
  })

  test('with a strange type, a broken boundary or an early end are refused', async () => {
    await using server = await createTestApp()
    expect((await run(server, 'x', { 'content-type': 'text/plain' })).statusCode).toBe(415)
    expect((await run(server, 'x', { 'content-type': 'multipart/form-data' })).statusCode).toBe(400)
    const cut = '--b\r\ncontent-disposition: form-data; name="message"\r\n\r\nhi'
    expect((await run(server, cut, { 'content-type': 'multipart/form-data; boundary=b' })).statusCode).toBe(400)
    // Some parsers neither end nor complain here.
    const silent = '--bcontent-disposition: form-data; name="message"\r\n\r\n\r\n\r\n--b--b'
    expect((await run(server, silent, { 'content-type': 'multipart/form-data; boundary=b' })).statusCode).toBe(400)
    const form = await server.app.inject({ method: 'POST', url: '/sessions', payload: 'session_id=x', headers: FORM })
    expect([form.statusCode, form.json().error_id]).toEqual([415, 'UNSUPPORTED_MEDIA'])
  })

  test('of any bytes are 4xx when they are called multipart', async () => {
    await using server = await createTestApp()
    const line = fc.constantFrom(
      '--b',
      '--b--',
      '\r\n',
      '\r\n\r\n',
      'content-disposition: form-data; name="message"',
      'content-type: x',
      ':',
      'x',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.uint8Array(), async (lines, bytes) => {
        const body = Buffer.concat([Buffer.from(lines.join('')), bytes])
        const answer = await run(server, body, { 'content-type': 'multipart/form-data; boundary=b' })
        expect([400, 413, 422]).toContain(answer.statusCode)
      }),
    )
  })

  test('that ask for what is not served are told so', async () => {
    await using server = await createTestApp()
    const answer = await run(server, 'message=hi&factory_input={"a":1}')
    expect([answer.statusCode, answer.json().error_id]).toEqual([501, 'NOT_SUPPORTED'])
    expect(answer.json().detail).toContain('factory_input')
  })

  test('with filters that are none are refused, and told which part is wrong', async () => {
    await using server = await createTestApp()
    for (const filters of ['{"op":"LIKE","key":"a"}', '[1]', '"a"']) {
      const answer = await run(server, `message=hi&knowledge_filters=${encodeURIComponent(filters)}`)
      expect([answer.statusCode, answer.json().error_id]).toEqual([400, 'INVALID_REQUEST'])
      expect(answer.json().detail).toMatch(/^A filter /)
    }
  })

  test('that are too large are refused, in every form', async () => {
    await using server = await createTestApp({ settings: { bodyLimitBytes: 1000 } })
    const big = 'x'.repeat(2000)
    const answers = [
      await run(server, `message=${big}`),
      await run(server, JSON.stringify({ message: big }), JSON_TYPE),
      await run(server, `--b\r\ncontent-disposition: form-data; name="message"\r\n\r\n${big}\r\n--b--\r\n`, {
        'content-type': 'multipart/form-data; boundary=b',
      }),
    ]
    for (const answer of answers) expect([answer.statusCode, answer.json().error_id]).toEqual([413, 'BODY_TOO_LARGE'])
  })
})

test('refuses a form whose parts are too large together, when its size is not known before', async () => {
  await using server = await createTestApp({ settings: { bodyLimitBytes: 1000 } })
  const part = `--b\r\ncontent-disposition: form-data; name="message"\r\n\r\n${'x'.repeat(400)}\r\n`
  const answer = await server.app.inject({
    method: 'POST',
    url: '/agents/assistant/runs',
    payload: Readable.from([part, part, part, '--b--\r\n']),
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
  })
  expect([answer.statusCode, answer.json().error_id]).toEqual([413, 'BODY_TOO_LARGE'])
})

describe('runs', () => {
  test('answer as one RunOutput with stream=false', async () => {
    await using server = await createTestApp()
    server.runs.play = (started) => {
      started.emit(...plainAnswer('Echo:'))
      started.finish(COMPLETED, { sessionState: { n: 1 }, messages: conversation('m', 'hi') })
    }
    const answer = await run(server, 'message=hi&stream=false&metadata={"k":1}')
    expect(answer.headers['x-agentos-revision']).toBe('rev-1')
    expect(answer.json()).toMatchObject({
      run_id: 'run-1',
      agent_name: 'Assistant',
      content: 'Echo: héllo',
      status: 'COMPLETED',
      session_state: { n: 1 },
      metadata: { team: 'x', k: 1 },
      tools: [{ tool_call_id: 'call_1', result: 'Sunny in Oslo' }],
      input: { input_content: 'hi' },
      created_at: 1_795_409_561,
    })
    expect(answer.json()).not.toHaveProperty('events')
  })

  test('that fail answer 200 with status ERROR and the message', async () => {
    await using server = await createTestApp()
    server.runs.play = (started) =>
      started.finish({
        ...COMPLETED,
        status: 'ERROR',
        content: '',
        error: { code: 'MODEL_AUTH', message: 'model said no' },
      })
    const answer = await run(server, 'message=hi&stream=false')
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toMatchObject({ status: 'ERROR', content: 'model said no' })
  })

  test('of unknown agents are 404', async () => {
    await using server = await createTestApp()
    const answer = await server.app.inject({
      method: 'POST',
      url: '/agents/nope/runs',
      payload: 'message=hi',
      headers: FORM,
    })
    expect([answer.statusCode, answer.json().detail]).toEqual([404, 'Agent not found'])
  })

  test('are cancelled with 200 and an empty object, known or not', async () => {
    await using server = await createTestApp()
    const answer = await server.app.inject({ method: 'POST', url: '/agents/assistant/runs/nope/cancel' })
    expect([answer.statusCode, answer.body, server.runs.cancelled]).toEqual([200, '{}', ['nope']])
  })
})
