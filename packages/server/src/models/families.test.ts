import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import type { AssistantPart, Message } from '../base/message.ts'
import { NO_USAGE } from '../base/usage.ts'
import { createRedact } from '../base/redact.ts'
import type { Env } from './families.ts'
import type { ModelPart, ModelRequest } from './model.ts'
import { createModels } from './registry.ts'
import { createTransport } from './transport.ts'

type Seen = {
  readonly path: string
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Record<string, unknown>
}

/** A host that answers every call with the next of `answers`, as the provider's own server would. */
async function stub(contentType: string, ...answers: readonly (string | Buffer)[]) {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
    request.on('end', () => {
      seen.push({
        path: request.url ?? '',
        headers: request.headers,
        body: JSON.parse(body) as Record<string, unknown>,
      })
      const answer = answers[seen.length - 1]
      response.writeHead(answer === undefined ? 500 : 200, { 'content-type': contentType }).end(answer)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** A registry whose calls all go to `url`, whatever host they name. */
function openAt(url: string, env: Env) {
  const transport = createTransport({})
  const send: typeof fetch = (input, init) => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input)
    return transport.fetch(`${url}${pathname}${search}`, init)
  }
  const models = createModels({ env, clock: systemClock, redact: createRedact([]), fetch: send })
  return {
    ...models,
    [Symbol.asyncDispose]: async () => {
      await models.close()
      transport.close()
    },
  }
}

const user: Message = { id: 'u', createdAt: 0, role: 'user', content: 'Weather in Oslo?' }
const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}
const request: ModelRequest = {
  messages: [{ id: 's', createdAt: 0, role: 'system', content: 'Be brief' }, user],
  tools: [WEATHER],
  toolChoice: 'auto',
  output: undefined,
  settings: { maxOutputTokens: 2000 },
}

async function call(models: ReturnType<typeof openAt>, name: string, asked = request): Promise<ModelPart[]> {
  const model = await models.resolve(name)
  const parts: ModelPart[] = []
  for await (const part of model.stream(asked, new AbortController().signal)) parts.push(part)
  return parts
}

/** The request after the tool has run, as the loop makes it. */
function after(parts: readonly ModelPart[]): ModelRequest {
  const said: AssistantPart[] = []
  let text = ''
  for (const part of parts) {
    if (part.type === 'text' || part.type === 'reasoning') text += part.text
    else if (part.type === 'tool-call') said.push(part)
    else if (part.type === 'part-end') {
      const { providerMetadata } = part
      said.push({ type: part.part, text, ...(providerMetadata === undefined ? {} : { providerMetadata }) })
      text = ''
    }
  }
  const made = said.find((part) => part.type === 'tool-call')!
  const { toolCallId, toolName, input } = made
  const messages: readonly Message[] = [
    ...request.messages,
    { id: 'a', createdAt: 0, role: 'assistant', parts: said, usage: NO_USAGE },
    {
      id: 't',
      createdAt: 0,
      role: 'tool',
      toolCallId,
      toolName,
      input,
      content: '12 degrees',
      isError: false,
      durationMs: 1,
    },
  ]
  return { ...request, messages }
}

const sse = (...events: readonly object[]) =>
  events
    .map((event) => `${'type' in event ? `event: ${String(event.type)}\n` : ''}data: ${JSON.stringify(event)}\n\n`)
    .join('')

describe('anthropic', () => {
  const thinking = sse(
    {
      type: 'message_start',
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        stop_reason: null,
        usage: { input_tokens: 40, cache_read_input_tokens: 10, cache_creation_input_tokens: 5, output_tokens: 1 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'thinking', thinking: '', signature: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'I need the weather.' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'SIGNED' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'content_block_start', index: 1, content_block: { type: 'text', text: '' } },
    { type: 'ping' },
    { type: 'content_block_delta', index: 1, delta: { type: 'text_delta', text: 'Let me look.' } },
    { type: 'content_block_stop', index: 1 },
    {
      type: 'content_block_start',
      index: 2,
      content_block: { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} },
    },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '{"city":' } },
    { type: 'content_block_delta', index: 2, delta: { type: 'input_json_delta', partial_json: '"Oslo"}' } },
    { type: 'content_block_stop', index: 2 },
    { type: 'message_delta', delta: { stop_reason: 'tool_use', stop_sequence: null }, usage: { output_tokens: 30 } },
    { type: 'message_stop' },
  )
  const answer = sse(
    {
      type: 'message_start',
      message: {
        id: 'msg_2',
        type: 'message',
        role: 'assistant',
        model: 'claude',
        content: [],
        stop_reason: null,
        usage: { input_tokens: 60, output_tokens: 1 },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: '12 degrees.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  )

  test('thinks, calls a tool and gets its signature back with the result', async () => {
    await using host = await stub('text/event-stream', thinking, answer)
    await using models = openAt(host.url, { ANTHROPIC_API_KEY: 'anthropic-key' })
    const first = await call(models, 'anthropic:claude-sonnet-4-5')
    expect(first).toMatchObject([
      { type: 'reasoning', text: 'I need the weather.' },
      { type: 'part-end', part: 'reasoning', providerMetadata: { anthropic: { signature: 'SIGNED' } } },
      { type: 'text', text: 'Let me look.' },
      { type: 'part-end', part: 'text' },
      { type: 'tool-call', toolCallId: 'toolu_1', toolName: 'get_weather', input: { city: 'Oslo' } },
      {
        type: 'finish',
        reason: 'tool-calls',
        usage: { inputTokens: 55, outputTokens: 30, cacheReadTokens: 10, cacheWriteTokens: 5 },
      },
    ])
    const settings = {
      ...request.settings,
      providerOptions: { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
    }
    const second = await call(models, 'anthropic:claude-sonnet-4-5', { ...after(first), settings })
    expect(second[0]).toEqual({ type: 'text', text: '12 degrees.' })
    const [one, two] = host.seen
    expect(one).toMatchObject({
      path: '/v1/messages',
      headers: { 'x-api-key': 'anthropic-key', 'anthropic-version': '2023-06-01' },
      body: {
        model: 'claude-sonnet-4-5',
        stream: true,
        max_tokens: 2000,
        system: [{ type: 'text', text: 'Be brief' }],
        messages: [{ role: 'user', content: [{ type: 'text', text: 'Weather in Oslo?' }] }],
        tools: [{ name: 'get_weather', input_schema: WEATHER.parameters }],
      },
    })
    expect(two?.body['messages']).toMatchObject([
      { role: 'user' },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'I need the weather.', signature: 'SIGNED' },
          { type: 'text', text: 'Let me look.' },
          { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Oslo' } },
        ],
      },
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: '12 degrees' }] },
    ])
  })

  test('an error in the stream is told by its kind', async () => {
    const overloaded = sse({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } })
    await using host = await stub('text/event-stream', overloaded)
    await using models = openAt(host.url, { ANTHROPIC_API_KEY: 'anthropic-key' })
    await expect(call(models, 'anthropic:claude-sonnet-4-5')).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('Overloaded') as string,
    })
  })
})

describe('google', () => {
  const chunk = (parts: readonly object[], finishReason?: string) => ({
    candidates: [
      { content: { role: 'model', parts }, ...(finishReason === undefined ? {} : { finishReason }), index: 0 },
    ],
    usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 6, thoughtsTokenCount: 4, totalTokenCount: 30 },
  })

  test('thinks, calls a tool and gets its thought signature back', async () => {
    const first = sse(
      chunk([{ text: 'Weather, then.', thought: true }]),
      chunk([{ functionCall: { name: 'get_weather', args: { city: 'Oslo' } }, thoughtSignature: 'SIGNED' }], 'STOP'),
    )
    await using host = await stub(
      'text/event-stream',
      first,
      sse(chunk([{ text: '12 ' }]), chunk([{ text: 'degrees.' }], 'STOP')),
    )
    await using models = openAt(host.url, { GOOGLE_GENERATIVE_AI_API_KEY: 'google-key' })
    const parts = await call(models, 'google:gemini-2.5-flash')
    expect(parts).toMatchObject([
      { type: 'reasoning', text: 'Weather, then.' },
      { type: 'part-end', part: 'reasoning' },
      {
        type: 'tool-call',
        toolName: 'get_weather',
        input: { city: 'Oslo' },
        providerMetadata: { google: { thoughtSignature: 'SIGNED' } },
      },
      { type: 'finish', reason: 'tool-calls', usage: { inputTokens: 20, outputTokens: 10, reasoningTokens: 4 } },
    ])
    const second = await call(models, 'google:gemini-2.5-flash', after(parts))
    expect(second.map((part) => (part.type === 'text' ? part.text : '')).join('')).toBe('12 degrees.')
    const [one, two] = host.seen
    expect(one).toMatchObject({
      path: '/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
      headers: { 'x-goog-api-key': 'google-key' },
      body: {
        systemInstruction: { parts: [{ text: 'Be brief' }] },
        contents: [{ role: 'user', parts: [{ text: 'Weather in Oslo?' }] }],
        generationConfig: { maxOutputTokens: 2000 },
      },
    })
    expect(JSON.stringify(two?.body['contents'])).toContain('"thoughtSignature":"SIGNED"')
    expect(JSON.stringify(two?.body['contents'])).toContain('"functionResponse"')
  })

  test('other names for its key are known', async () => {
    await using host = await stub('text/event-stream', sse(chunk([{ text: 'Hi' }], 'STOP')))
    await using models = openAt(host.url, { GEMINI_API_KEY: 'gemini-key' })
    await call(models, 'google:gemini-2.5-flash')
    expect(host.seen[0]?.headers['x-goog-api-key']).toBe('gemini-key')
  })
})

describe('openai', () => {
  const item = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name: 'get_weather', arguments: '' }
  const reasoning = { id: 'rs_1', type: 'reasoning', summary: [], encrypted_content: 'SEALED' }
  const usage = {
    input_tokens: 30,
    input_tokens_details: { cached_tokens: 8 },
    output_tokens: 12,
    output_tokens_details: { reasoning_tokens: 5 },
  }
  const created = { type: 'response.created', response: { id: 'resp_1', created_at: 1, model: 'gpt-5-mini' } }

  test('speaks the Responses API, stores nothing there, and sends sealed reasoning back', async () => {
    const first = sse(
      created,
      { type: 'response.output_item.added', output_index: 0, item: { ...reasoning, encrypted_content: null } },
      { type: 'response.output_item.done', output_index: 0, item: reasoning },
      { type: 'response.output_item.added', output_index: 1, item: { ...item, status: 'in_progress' } },
      { type: 'response.function_call_arguments.delta', item_id: 'fc_1', output_index: 1, delta: '{"city":"Oslo"}' },
      {
        type: 'response.output_item.done',
        output_index: 1,
        item: { ...item, arguments: '{"city":"Oslo"}', status: 'completed' },
      },
      { type: 'response.completed', response: { incomplete_details: null, usage } },
    )
    const message = { id: 'msg_1', type: 'message', role: 'assistant' }
    const second = sse(
      created,
      { type: 'response.output_item.added', output_index: 0, item: message },
      { type: 'response.output_text.delta', item_id: 'msg_1', output_index: 0, content_index: 0, delta: '12 degrees.' },
      { type: 'response.output_item.done', output_index: 0, item: { ...message, content: [], status: 'completed' } },
      { type: 'response.completed', response: { incomplete_details: null, usage } },
    )
    await using host = await stub('text/event-stream', first, second)
    await using models = openAt(host.url, { OPENAI_API_KEY: 'openai-key' })
    const parts = await call(models, 'openai:gpt-5-mini')
    expect(parts).toMatchObject([
      { type: 'part-end', part: 'reasoning', providerMetadata: { openai: { reasoningEncryptedContent: 'SEALED' } } },
      { type: 'tool-call', toolCallId: 'call_1', toolName: 'get_weather', input: { city: 'Oslo' } },
      {
        type: 'finish',
        reason: 'tool-calls',
        usage: { inputTokens: 30, outputTokens: 12, reasoningTokens: 5, cacheReadTokens: 8 },
      },
    ])
    expect((await call(models, 'openai:gpt-5-mini', after(parts)))[0]).toEqual({ type: 'text', text: '12 degrees.' })
    const [one, two] = host.seen
    expect(one).toMatchObject({
      path: '/v1/responses',
      headers: { authorization: 'Bearer openai-key' },
      body: { model: 'gpt-5-mini', store: false, stream: true, include: ['reasoning.encrypted_content'] },
    })
    expect(two?.body['input']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ type: 'reasoning', encrypted_content: 'SEALED' }),
        expect.objectContaining({ type: 'function_call', call_id: 'call_1' }),
        expect.objectContaining({ type: 'function_call_output', call_id: 'call_1', output: '12 degrees' }),
      ]) as unknown,
    )
  })

  test('azure speaks the same at its resource', async () => {
    const first = sse(created, { type: 'response.completed', response: { incomplete_details: null, usage } })
    await using host = await stub('text/event-stream', first)
    await using models = openAt(host.url, { AZURE_API_KEY: 'azure-key', AZURE_RESOURCE_NAME: 'mine' })
    await call(models, 'azure:my-deployment')
    expect(host.seen[0]).toMatchObject({
      path: '/openai/v1/responses?api-version=v1',
      headers: { 'api-key': 'azure-key' },
      body: { model: 'my-deployment', store: false },
    })
  })
})

describe('amazon-bedrock', () => {
  /** A frame of AWS's event stream encoding. */
  function frame(eventType: string, payload: object): Buffer {
    const header = (name: string, value: string) => {
      const length = Buffer.alloc(3)
      length.writeUInt8(7, 0)
      length.writeUInt16BE(value.length, 1)
      return Buffer.concat([Buffer.from([name.length]), Buffer.from(name), length, Buffer.from(value)])
    }
    const headers = Buffer.concat([
      header(':event-type', eventType),
      header(':content-type', 'application/json'),
      header(':message-type', 'event'),
    ])
    const body = Buffer.from(JSON.stringify(payload))
    const prelude = Buffer.alloc(12)
    prelude.writeUInt32BE(16 + headers.length + body.length, 0)
    prelude.writeUInt32BE(headers.length, 4)
    prelude.writeUInt32BE(crc32(prelude.subarray(0, 8)), 8)
    const message = Buffer.concat([prelude, headers, body])
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(message))
    return Buffer.concat([message, sum])
  }
  const answer = Buffer.concat([
    frame('messageStart', { role: 'assistant' }),
    frame('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'Let me look.' } }),
    frame('contentBlockStop', { contentBlockIndex: 0 }),
    frame('contentBlockStart', {
      contentBlockIndex: 1,
      start: { toolUse: { toolUseId: 'tool_1', name: 'get_weather' } },
    }),
    frame('contentBlockDelta', { contentBlockIndex: 1, delta: { toolUse: { input: '{"city":"Oslo"}' } } }),
    frame('contentBlockStop', { contentBlockIndex: 1 }),
    frame('messageStop', { stopReason: 'tool_use' }),
    frame('metadata', { usage: { inputTokens: 9, outputTokens: 4, totalTokens: 13 }, metrics: { latencyMs: 1 } }),
  ])
  const parts = [
    { type: 'text', text: 'Let me look.' },
    { type: 'part-end', part: 'text' },
    { type: 'tool-call', toolCallId: 'tool_1', toolName: 'get_weather', input: { city: 'Oslo' } },
    { type: 'finish', reason: 'tool-calls', usage: { inputTokens: 9, outputTokens: 4, totalTokens: 13 } },
  ]

  test('streams with a bearer token', async () => {
    await using host = await stub('application/vnd.amazon.eventstream', answer)
    await using models = openAt(host.url, { AWS_BEARER_TOKEN_BEDROCK: 'bedrock-key', AWS_REGION: 'eu-north-1' })
    expect(await call(models, 'amazon-bedrock:amazon.nova-lite-v1:0')).toMatchObject(parts)
    expect(host.seen[0]).toMatchObject({
      path: '/model/amazon.nova-lite-v1%3A0/converse-stream',
      headers: { authorization: 'Bearer bedrock-key' },
      body: { system: [{ text: 'Be brief' }], inferenceConfig: { maxTokens: 2000 } },
    })
  })

  test('signs with access key, secret and session token', async () => {
    await using host = await stub('application/vnd.amazon.eventstream', answer)
    await using models = openAt(host.url, {
      AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'example-secret',
      AWS_SESSION_TOKEN: 'example-session',
      AWS_DEFAULT_REGION: 'eu-north-1',
    })
    expect(await call(models, 'amazon-bedrock:amazon.nova-lite-v1:0')).toMatchObject(parts)
    const headers = host.seen[0]?.headers
    expect(headers?.['authorization']).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE\/\d{8}\/eu-north-1\/bedrock\//)
    expect(headers?.['x-amz-security-token']).toBe('example-session')
  })
})
