import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import type { UserMessage } from '../base/message.ts'
import { createRedact } from '../base/redact.ts'
import { startFakeProvider, type FakeProvider } from './fake-provider.ts'
import type { Env } from './families.ts'
import { ModelError, type Model, type ModelPart, type ModelRequest } from './model.ts'
import { chooseDefaultModel, createModels, parseModelName, type ModelsOptions } from './registry.ts'

const KEY = 'secret-key-of-the-tests'

let provider: FakeProvider
beforeAll(async () => {
  provider = await startFakeProvider()
})
beforeEach(() => provider.reset())
afterAll(() => provider[Symbol.asyncDispose]())

function open(env: Env, more: Partial<ModelsOptions> = {}) {
  const models = createModels({ env, clock: systemClock, redact: createRedact([]), ...more })
  return { ...models, [Symbol.asyncDispose]: models.close }
}

function compatible(more: Partial<ModelsOptions> = {}) {
  return open({ OPENAI_COMPATIBLE_BASE_URL: provider.baseUrl, OPENAI_COMPATIBLE_API_KEY: KEY }, more)
}

const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

function ask(content: string, more: Partial<ModelRequest> = {}): ModelRequest {
  const user: UserMessage = { id: 'm1', createdAt: 0, role: 'user', content }
  return { messages: [user], tools: [], toolChoice: 'auto', output: undefined, settings: {}, ...more }
}

async function collect(
  model: Model,
  request = ask('Hello'),
  signal = new AbortController().signal,
): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of model.stream(request, signal)) parts.push(part)
  return parts
}

async function failure(model: Model, request?: ModelRequest): Promise<ModelError> {
  const error: unknown = await collect(model, request).then(
    () => undefined,
    (caught: unknown) => caught,
  )
  if (!(error instanceof ModelError)) throw new Error(`not a ModelError: ${String(error)}`)
  return error
}

const text = (parts: readonly ModelPart[]) => parts.map((part) => (part.type === 'text' ? part.text : '')).join('')

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 3000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('did not happen within 3 s')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

describe('names', () => {
  test('a bare id is unknown and the message suggests the full name', async () => {
    await using models = open({})
    await expect(models.resolve('gpt-5')).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
      message: 'Model "gpt-5" does not name provider and id; write openai:gpt-5',
    })
    await expect(models.resolve('openai/gpt-5')).rejects.toThrow('write openai:gpt-5')
    await expect(models.resolve('llama')).rejects.toThrow('write provider:id')
    await expect(models.resolve('openai:')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
    await expect(models.resolve('')).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' })
  })

  test('an unknown provider lists the known ones and the nearest', () => {
    expect(() => parseModelName('bedrock:nova')).toThrow(
      'Model "bedrock:nova": provider "bedrock" is not known, only openai, anthropic, google, azure, amazon-bedrock, ' +
        'mistral, groq, openai-compatible, demo; did you mean amazon-bedrock:nova?',
    )
    expect(() => parseModelName('constructor:x')).toThrow('is not known')
  })

  test('an id may hold colons', () => {
    expect(parseModelName('openai-compatible:llama3:8b')).toEqual({ provider: 'openai-compatible', id: 'llama3:8b' })
  })

  test('the demo provider has one model', () => {
    expect(parseModelName('demo:assistant')).toEqual({ provider: 'demo', id: 'assistant' })
    expect(() => parseModelName('demo:gpt')).toThrow('demo:assistant')
  })

  test.each([
    [{}, 'demo:assistant'],
    [{ OPENAI_API_KEY: '  ' }, 'demo:assistant'],
    [{ OPENAI_API_KEY: 'k' }, 'openai:gpt-5-mini'],
    [{ ANTHROPIC_API_KEY: 'k' }, 'anthropic:claude-sonnet-4-5'],
    [{ GOOGLE_GENERATIVE_AI_API_KEY: 'k' }, 'google:gemini-2.5-flash'],
    [{ OPENAI_BASE_URL: 'http://localhost:11434/v1' }, 'openai-compatible:auto'],
    [{ OPENAI_BASE_URL: 'http://localhost:11434/v1', OPENAI_API_KEY: 'k' }, 'openai-compatible:auto'],
    [{ OPENAI_BASE_URL: 'https://api.openai.com/v1', OPENAI_API_KEY: 'k' }, 'openai:gpt-5-mini'],
  ])('%o makes %s the default', (env, model) => {
    expect(chooseDefaultModel(env)).toBe(model)
    expect(() => parseModelName(model)).not.toThrow()
  })
})

describe('keys', () => {
  test.each([
    ['openai:gpt-5', 'openai needs OPENAI_API_KEY, which is not set'],
    ['anthropic:claude', 'anthropic needs ANTHROPIC_API_KEY, which is not set'],
    ['google:gemini', 'google needs GOOGLE_GENERATIVE_AI_API_KEY, which is not set'],
    ['mistral:m', 'mistral needs MISTRAL_API_KEY, which is not set'],
    ['groq:m', 'groq needs GROQ_API_KEY, which is not set'],
    ['azure:d', 'azure needs AZURE_API_KEY, which is not set'],
    [
      'amazon-bedrock:nova',
      'amazon-bedrock needs AWS_BEARER_TOKEN_BEDROCK, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; they are not set',
    ],
    ['openai-compatible:m', 'openai-compatible needs OPENAI_COMPATIBLE_BASE_URL or OPENAI_BASE_URL, neither is set'],
  ])('%s without a key resolves, warns and fails only when called', async (name, problem) => {
    await using models = open({})
    expect(models.keyProblem(name)).toBe(problem)
    const error = await failure(await models.resolve(name))
    expect(error).toMatchObject({ code: 'MODEL_KEY_MISSING', message: problem, retryable: false })
  })

  test('a base URL that is none is told without its value', async () => {
    await using models = open({ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'user:pass@host' })
    expect(models.keyProblem('openai:m')).toBe('openai needs OPENAI_BASE_URL to be an http or https URL')
  })

  test('the demo model and model instances need none', async () => {
    await using models = open({})
    expect(models.keyProblem('demo:assistant')).toBeUndefined()
  })

  test('the keys of Azure and Bedrock come with a place', async () => {
    await using models = open({ AZURE_API_KEY: 'k', AWS_BEARER_TOKEN_BEDROCK: 'k' })
    expect(models.keyProblem('azure:m')).toContain('AZURE_RESOURCE_NAME')
    expect(models.keyProblem('amazon-bedrock:m')).toContain('AWS_REGION')
  })
})

describe('calls through a real connection', () => {
  test.each([
    ['openai-compatible', { OPENAI_COMPATIBLE_BASE_URL: '', OPENAI_COMPATIBLE_API_KEY: KEY }, 'authorization'],
    ['openai', { OPENAI_BASE_URL: '', OPENAI_API_KEY: KEY }, 'authorization'],
    ['groq', { GROQ_BASE_URL: '', GROQ_API_KEY: KEY }, 'authorization'],
    ['mistral', { MISTRAL_BASE_URL: '', MISTRAL_API_KEY: KEY }, 'authorization'],
    ['azure', { AZURE_BASE_URL: '', AZURE_API_KEY: KEY }, 'api-key'],
  ])('%s streams text and a tool call from its base URL with its key', async (family, env, header) => {
    const filled = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, value || provider.baseUrl]))
    await using models = open(filled)
    const said = await collect(await models.resolve(`${family}:fake:tokens=3`))
    expect(text(said)).toBe('the weather in ')
    expect(said.slice(-2)).toMatchObject([
      { type: 'part-end', part: 'text' },
      { type: 'finish', reason: 'stop', usage: { outputTokens: 3 } },
    ])
    const called = await collect(
      await models.resolve(`${family}:fake:tool=get_weather`),
      ask('Hi', { tools: [WEATHER] }),
    )
    expect(called).toMatchObject([
      { type: 'tool-call', toolName: 'get_weather', input: { city: 'Oslo' } },
      { type: 'finish', reason: 'tool-calls' },
    ])
    const [request] = await provider.requests()
    expect(request?.headers[header]).toContain(KEY)
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ model: 'fake:tokens=3', stream: true })
  })

  test('the loop of a tool call comes to an answer', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:tool=get_weather,tokens=2')
    const request = ask('Weather?', { tools: [WEATHER] })
    const call = (await collect(model, request)).find((part) => part.type === 'tool-call')!
    const messages = [
      ...request.messages,
      { id: 'm2', createdAt: 0, role: 'assistant', parts: [call], usage: {} as never } as const,
      {
        id: 'm3',
        createdAt: 0,
        role: 'tool',
        toolCallId: call.toolCallId,
        toolName: call.toolName,
        input: call.input,
        content: 'sunny',
        isError: false,
        durationMs: 1,
      } as const,
    ]
    expect(text(await collect(model, { ...request, messages }))).toBe('the weather ')
  })

  test('the id auto takes the first model the server lists that can chat', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:auto')
    await collect(model)
    await collect(model)
    const requests = await provider.requests()
    expect(requests.map(({ body }) => (JSON.parse(body) as { model: string }).model)).toEqual(['fake', 'fake'])
  })

  test('settings, tool choice and output schema reach the provider', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake')
    const schema = { type: 'object', properties: { a: { type: 'string' } }, required: [], additionalProperties: false }
    await collect(
      model,
      ask('Hi', {
        tools: [WEATHER],
        toolChoice: { tool: 'get_weather' },
        output: { name: 'My Answer!', schema },
        settings: {
          temperature: 0.5,
          maxOutputTokens: 9,
          stopSequences: ['x'],
          providerOptions: { 'openai-compatible': { extra: true } },
        },
      }),
    )
    const [request] = await provider.requests()
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      stream_options: { include_usage: true },
      temperature: 0.5,
      max_tokens: 9,
      stop: ['x'],
      extra: true,
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      response_format: { type: 'json_schema', json_schema: { name: 'My_Answer_', strict: false } },
    })
  })

  test('usage that is missing counts nothing', async () => {
    await using models = compatible()
    const parts = await collect(await models.resolve('openai-compatible:fake:usage=none'))
    expect(parts.at(-1)).toMatchObject({ usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 } })
  })

  test('reasoning streams apart from the text', async () => {
    await using models = compatible()
    const parts = await collect(await models.resolve('openai-compatible:fake:reasoning=2,tokens=1'))
    expect(parts.map((part) => (part.type === 'part-end' ? `end ${part.part}` : part.type))).toEqual([
      'reasoning',
      'reasoning',
      'end reasoning',
      'text',
      'end text',
      'finish',
    ])
  })

  test('arguments that are not JSON come as their raw text', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:fault=bad-args,tool=get_weather')
    const parts = await collect(model, ask('Hi', { tools: [WEATHER] }))
    expect(parts[0]).toMatchObject({ type: 'tool-call', input: '{"city": Oslo' })
  })

  test('a tool that does not exist comes as it was asked for', async () => {
    await using models = compatible()
    const parts = await collect(await models.resolve('openai-compatible:fake:fault=unknown-tool'))
    expect(parts[0]).toMatchObject({ type: 'tool-call', toolName: 'no_such_tool' })
  })

  test('ten megabytes of answer arrive', async () => {
    await using models = compatible()
    const parts = await collect(await models.resolve('openai-compatible:fake:huge=10000000'))
    expect(text(parts)).toHaveLength(10_000_000)
  })
})

describe('faults of the provider', () => {
  test.each([
    ['fail=401', 'MODEL_AUTH', false, 'openai-compatible refused the key of OPENAI_COMPATIBLE_API_KEY (401)'],
    [
      'fail=403',
      'MODEL_AUTH',
      false,
      'openai-compatible denied access (403): The fake provider was told to answer 403.',
    ],
    ['fail=400', 'MODEL_REJECTED', false, "refused the request (400): Invalid value for 'temperature'"],
    ['fail=404', 'MODEL_REJECTED', false, 'refused the request (404): The model `fake` does not exist'],
    ['fail=422', 'MODEL_REJECTED', false, 'refused the request (422)'],
    ['fail=301', 'MODEL_REJECTED', false, '(301, a redirect: check its base URL)'],
    ['fail=429', 'MODEL_RATE_LIMITED', true, 'limits the rate of requests (429): Rate limit reached'],
    ['fail=500', 'MODEL_UNAVAILABLE', true, 'failed to answer (500): The server had an error'],
    ['fail=503', 'MODEL_UNAVAILABLE', true, 'failed to answer (503)'],
    ['fault=garbage', 'MODEL_BAD_ANSWER', true, "answered with something that is not a model's answer"],
    ['fault=empty', 'MODEL_BAD_ANSWER', true, "answered with something that is not a model's answer"],
    ['fault=sse', 'MODEL_BAD_ANSWER', true, "answered with something that is not a model's answer"],
    ['fault=cut', 'MODEL_UNAVAILABLE', true, 'closed the connection before its answer was complete'],
    ['fault=reset', 'MODEL_UNAVAILABLE', true, 'closed the connection before its answer was complete'],
    ['fault=no-finish', 'MODEL_UNAVAILABLE', true, 'broke off its answer'],
    ['fault=chunk-error', 'MODEL_UNAVAILABLE', true, 'broke off its answer: The server had an error'],
  ])('%s is %s, retryable %s', async (script, code, retryable, message) => {
    await using models = compatible()
    const error = await failure(await models.resolve(`openai-compatible:fake:${script}`))
    expect(error).toMatchObject({ code, retryable })
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/^openai-compatible /)
    expect(error.message).not.toContain(KEY)
  })

  test('a key that the provider repeats is not passed on', async () => {
    await using models = compatible()
    const error = await failure(await models.resolve(`openai-compatible:fake:fail=400,say=You sent ${KEY} as key`))
    expect(error.message).toBe('openai-compatible refused the request (400): You sent [redacted] as key')
  })

  test('a wait that the provider asks for is told in milliseconds', async () => {
    await using models = compatible()
    const seconds = await failure(await models.resolve('openai-compatible:fake:fail=429,retry=3'))
    expect(seconds.retryAfterMs).toBe(3000)
    const date = await failure(await models.resolve('openai-compatible:fake:fail=503,retry=date'))
    expect(date.retryAfterMs).toBeGreaterThan(500)
    expect(date.retryAfterMs).toBeLessThanOrEqual(3000)
    const none = await failure(await models.resolve('openai-compatible:fake:fail=429'))
    expect(none.retryAfterMs).toBeUndefined()
  })

  test('what came before a connection was cut is kept', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:fault=cut,tokens=10,rate=100')
    const parts: ModelPart[] = []
    const reading = (async () => {
      for await (const part of model.stream(ask('Hi'), new AbortController().signal)) parts.push(part)
    })()
    await expect(reading).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' })
    expect(text(parts)).toContain('the weather in')
  })

  test('a provider package does not retry by itself', async () => {
    await using models = compatible()
    await failure(await models.resolve('openai-compatible:fake:fail=500'))
    expect((await provider.stats())['requests']).toBe(1)
  })

  test('nobody listens', async () => {
    await using models = open({ OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' })
    const error = await failure(await models.resolve('openai-compatible:m'))
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    expect(error.message).toBe('openai-compatible refused the connection (ECONNREFUSED)')
  })

  test('an answer that stays away longer than the limit', async () => {
    await using models = compatible({ limits: { connectMs: 1000, firstByteMs: 100, idleMs: 1000 } })
    const error = await failure(await models.resolve('openai-compatible:fake:first=2000'))
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    expect(error.message).toContain('did not answer in time')
    await until(async () => (await provider.stats())['aborted'] === 1)
  })

  test('an answer that falls silent longer than the limit', async () => {
    await using models = compatible({ limits: { connectMs: 1000, firstByteMs: 1000, idleMs: 100 } })
    const error = await failure(await models.resolve('openai-compatible:fake:stall=2000'))
    expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
    await until(async () => (await provider.stats())['aborted'] === 1)
  })

  test('a slow first byte and a pause within the limits are waited for', async () => {
    await using models = compatible()
    const parts = await collect(await models.resolve('openai-compatible:fake:first=150,stall=150,tokens=4'))
    expect(text(parts)).toBe('the weather in Oslo ')
  })
})

describe('the end of a call', () => {
  test('an abort in the stream throws its reason and closes the connection', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:tokens=100,rate=50')
    const controller = new AbortController()
    const reason = new Error('cancelled by the user')
    const reading = (async () => {
      for await (const part of model.stream(ask('Hi'), controller.signal)) {
        if (part.type === 'text') controller.abort(reason)
      }
    })()
    await expect(reading).rejects.toBe(reason)
    await until(async () => (await provider.stats())['aborted'] === 1)
    expect(await provider.stats()).toMatchObject({ open: 0, completed: 0 })
  })

  test('an abort before the first byte closes the connection', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:first=5000')
    const controller = new AbortController()
    const reading = collect(model, ask('Hi'), controller.signal)
    await until(async () => (await provider.stats())['open'] === 1)
    controller.abort(new Error('stop'))
    await expect(reading).rejects.toThrow('stop')
    await until(async () => (await provider.stats())['aborted'] === 1)
  })

  test('a signal that has aborted sends nothing', async () => {
    await using models = compatible()
    const reading = collect(
      await models.resolve('openai-compatible:fake'),
      ask('Hi'),
      AbortSignal.abort(new Error('stop')),
    )
    await expect(reading).rejects.toThrow('stop')
    expect((await provider.stats())['requests']).toBe(0)
  })

  test('a caller that stops reading closes the connection', async () => {
    await using models = compatible()
    const model = await models.resolve('openai-compatible:fake:tokens=100,rate=50')
    for await (const part of model.stream(ask('Hi'), new AbortController().signal)) if (part.type === 'text') break
    await until(async () => (await provider.stats())['aborted'] === 1)
    expect(await provider.stats()).toMatchObject({ open: 0, completed: 0 })
  })

  test('connections are kept for the next call, and closed with the registry', async () => {
    const models = compatible()
    const model = await models.resolve('openai-compatible:fake')
    for (let call = 0; call < 5; call++) await collect(model)
    const { connections: before } = await provider.stats()
    // One is that of the question itself.
    expect(before).toBe(2)
    await models.close()
    await until(async () => (await provider.stats())['connections'] === 1)
  })

  test('a closed registry opens nothing any more', async () => {
    const models = compatible()
    const model = await models.resolve('openai-compatible:fake')
    await models.close()
    expect(await failure(model)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false })
  })
})
