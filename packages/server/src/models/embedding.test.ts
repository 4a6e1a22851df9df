import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { systemClock } from '../base/clock.ts'
import { isPassing } from '../base/embedding.ts'
import { createIds } from '../base/ids.ts'
import { createRedact } from '../base/redact.ts'
import { chooseDefaultEmbedder, createEmbedders, type EmbeddingCall } from './embedding.ts'
import type { Env } from './families.ts'
import { type FakeProvider, startFakeProvider } from './fake-provider.ts'

let provider: FakeProvider
beforeAll(async () => {
  provider = await startFakeProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())
beforeEach(() => provider.reset())

const never = new AbortController().signal

function open(env: Env = {}, standard?: string) {
  const calls: EmbeddingCall[] = []
  const embedders = createEmbedders({
    env: { OPENAI_COMPATIBLE_BASE_URL: provider.baseUrl, OPENAI_COMPATIBLE_API_KEY: 'secret-key', ...env },
    standard,
    clock: systemClock,
    ids: createIds(systemClock),
    redact: createRedact([]),
    onCall: (call) => calls.push(call),
  })
  return { ...embedders, calls, [Symbol.dispose]: embedders.close }
}

function likeness(a: Float32Array = new Float32Array(), b: Float32Array = new Float32Array()): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0)
}

describe('an embedder', () => {
  test('gives one vector for each text, in their order, near for texts that are alike', async () => {
    using embedders = open()
    const embedder = embedders.resolve('openai-compatible:fake-embedding')
    const texts = ['Refunds take five days', 'The cat sleeps on the roof', 'How long does a refund take?']
    const [refunds, cat, question] = await embedder.embed(texts, never)
    expect(refunds).toHaveLength(256)
    expect(embedder.dimensions).toBe(256)
    expect(likeness(refunds, question)).toBeGreaterThan(0.4)
    expect(likeness(cat, question)).toBeLessThan(0.2)
  })

  test('takes vectors as decimal numbers where the server sends them', async () => {
    using embedders = open()
    const text = 'Refunds take five days'
    const [binary] = await embedders.resolve('openai-compatible:fake-embedding').embed([text], never)
    const [decimal] = await embedders.resolve('openai-compatible:fake:floats').embed([text], never)
    expect(decimal).toEqual(binary)
  })

  test('asks for the dimensions of its name, and gives vectors of that length', async () => {
    using embedders = open()
    const embedder = embedders.resolve('openai-compatible:fake-embedding@64')
    expect(embedder).toMatchObject({ name: 'openai-compatible:fake-embedding@64', dimensions: 64 })
    const [vector] = await embedder.embed(['one'], never)
    expect(vector).toHaveLength(64)
  })

  test('parts many texts into calls, a few at a time, and counts what they cost', async () => {
    using embedders = open()
    const texts = Array.from({ length: 300 }, (_, index) => `text number ${index}`)
    const vectors = await embedders.resolve('openai-compatible:fake-embedding').embed(texts, never)
    expect(vectors).toHaveLength(300)
    expect(embedders.calls.map((call) => call.texts).toSorted((a, b) => b - a)).toEqual([64, 64, 64, 64, 44])
    expect(embedders.calls.every(({ ok, tokens }) => ok && tokens > 0)).toBe(true)
    const [last] = await embedders.resolve('openai-compatible:fake-embedding').embed(['text number 299'], never)
    expect(vectors.at(-1)).toEqual(last)
  })

  test('halves a call that is too large for the server', async () => {
    using embedders = open()
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`)
    const vectors = await embedders.resolve('openai-compatible:fake:most=6').embed(texts, never)
    expect(vectors).toHaveLength(20)
  })

  test('waits as long as the server asks, and tries again', async () => {
    using embedders = open()
    const startedAt = performance.now()
    await embedders.resolve('openai-compatible:fake:fail=429,retry=0.3,times=1').embed(['text'], never)
    expect(performance.now() - startedAt).toBeGreaterThan(280)
    expect(embedders.calls.map(({ ok }) => ok)).toEqual([false, true])
  })

  test('gives a query up sooner than a document, and says that it may pass', async () => {
    using embedders = open()
    const embedder = embedders.resolve('openai-compatible:fake:fail=429,retry=10')
    const failure: unknown = await embedder.embed(['text'], never, 'query').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'MODEL_RATE_LIMITED' })
    expect(isPassing(failure)).toBe(true)
  })

  test('does not try a refused key again, and keeps it to itself', async () => {
    using embedders = open()
    const embedder = embedders.resolve('openai-compatible:fake:fail=401')
    const failure: unknown = await embedder.embed(['text'], never).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'MODEL_AUTH' })
    expect(String(failure)).not.toContain('secret-key')
    expect(isPassing(failure)).toBe(false)
    expect(embedders.calls).toHaveLength(1)
  })

  test('refuses an answer with a number that is none, or with too few vectors', async () => {
    using embedders = open()
    const texts = ['one', 'two']
    const embed = (id: string) => embedders.resolve(`openai-compatible:${id}`).embed(texts, never, 'query')
    await expect(embed('fake:fault=nan')).rejects.toThrow('has a vector with a number that is none')
    await expect(embed('fake:fault=fewer')).rejects.toThrow('has 1 vectors for 2 texts')
    await expect(embed('fake:fault=garbage')).rejects.toThrow('the answer is not JSON')
    await expect(embed('fake:fault=nan,times=1')).resolves.toHaveLength(2)
  })

  test('refuses vectors of another length than before', async () => {
    await using server = await answering((count) => ({
      data: Array.from({ length: 2 }, () => ({ embedding: Array.from({ length: 4 + count }, () => 0.5) })),
    }))
    using embedders = open({ OPENAI_COMPATIBLE_BASE_URL: server.url })
    const embedder = embedders.resolve('openai-compatible:changing')
    await embedder.embed(['a', 'b'], never)
    const failure: unknown = await embedder.embed(['a', 'b'], never).catch((error: unknown) => error)
    expect(failure).toMatchObject({
      code: 'MODEL_BAD_ANSWER',
      message: 'Embedder openai-compatible:changing: the answer has vectors of 6 numbers, not of 5',
    })
    expect(isPassing(failure)).toBe(false)
  })

  test('stops when it is told to, also while it waits', async () => {
    using embedders = open()
    const stop = new AbortController()
    const embedding = embedders.resolve('openai-compatible:fake:fault=mute').embed(['text'], stop.signal)
    setTimeout(() => stop.abort(new Error('enough')), 50)
    await expect(embedding).rejects.toThrow('enough')
  })

  test('refuses a blank text before it asks anybody', async () => {
    using embedders = open()
    const embedder = embedders.resolve('openai-compatible:fake-embedding')
    await expect(embedder.embed(['a', ' \n'], never)).rejects.toThrow('text 1 is blank')
    expect(embedders.calls).toEqual([])
  })

  test('tells by name which key is missing, before and at the call', async () => {
    using embedders = open()
    expect(embedders.problem('voyage:voyage-4')).toBe('voyage needs VOYAGE_API_KEY, which is not set')
    expect(embedders.problem('openai-compatible:x')).toBeUndefined()
    await expect(embedders.resolve('voyage:voyage-4').embed(['a'], never)).rejects.toMatchObject({
      code: 'MODEL_KEY_MISSING',
      message: 'voyage needs VOYAGE_API_KEY, which is not set',
    })
  })

  test.each(['gpt', 'anthropic:claude', 'openai:', 'openai:text@0', 'openai:text@99999'])('knows no "%s"', (name) => {
    using embedders = open()
    expect(() => embedders.resolve(name)).toThrow(`Embedder "${name}"`)
  })
})

describe('each provider', () => {
  const SENT: readonly (readonly [string, Env, string, object, object])[] = [
    [
      'openai:text-embedding-3-small@512',
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: '$URL/v1/' },
      '/v1/embeddings',
      { authorization: 'Bearer k' },
      { model: 'text-embedding-3-small', input: ['hello'], dimensions: 512, encoding_format: 'base64' },
    ],
    [
      'azure:my-deployment',
      { AZURE_API_KEY: 'k', AZURE_BASE_URL: '$URL/openai' },
      '/openai/embeddings',
      { 'api-key': 'k' },
      { model: 'my-deployment', input: ['hello'], encoding_format: 'base64' },
    ],
    [
      'google:gemini-embedding-001@768',
      { GOOGLE_API_KEY: 'k', GOOGLE_GENERATIVE_AI_BASE_URL: '$URL/v1beta' },
      '/v1beta/models/gemini-embedding-001:batchEmbedContents',
      { 'x-goog-api-key': 'k' },
      {
        requests: [
          {
            model: 'models/gemini-embedding-001',
            content: { role: 'user', parts: [{ text: 'hello' }] },
            taskType: 'RETRIEVAL_QUERY',
            outputDimensionality: 768,
          },
        ],
      },
    ],
    [
      'mistral:mistral-embed',
      { MISTRAL_API_KEY: 'k', MISTRAL_BASE_URL: '$URL/v1' },
      '/v1/embeddings',
      { authorization: 'Bearer k' },
      { model: 'mistral-embed', input: ['hello'] },
    ],
    [
      'amazon-bedrock:amazon.titan-embed-text-v2:0@256',
      { AWS_BEARER_TOKEN_BEDROCK: 'k', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL_BEDROCK_RUNTIME: '$URL' },
      '/model/amazon.titan-embed-text-v2%3A0/invoke',
      { authorization: 'Bearer k' },
      { inputText: 'hello', dimensions: 256 },
    ],
    [
      'ollama:nomic-embed-text',
      { OLLAMA_BASE_URL: '$URL' },
      '/v1/embeddings',
      {},
      { model: 'nomic-embed-text', input: ['hello'], encoding_format: 'base64' },
    ],
    [
      'voyage:voyage-4@1024',
      { VOYAGE_API_KEY: 'k', VOYAGE_BASE_URL: '$URL/v1' },
      '/v1/embeddings',
      { authorization: 'Bearer k' },
      { model: 'voyage-4', input: ['hello'], output_dimension: 1024, input_type: 'query', encoding_format: 'base64' },
    ],
    [
      'cohere:embed-v4.0',
      { COHERE_API_KEY: 'k', COHERE_BASE_URL: '$URL/compatibility/v1' },
      '/compatibility/v1/embeddings',
      { authorization: 'Bearer k' },
      { model: 'embed-v4.0', input: ['hello'], encoding_format: 'base64' },
    ],
  ]

  test.each(SENT)('is asked in its own words: %s', async (name, env, path, headers, body) => {
    const dimensions = Number(/@(\d+)$/.exec(name)?.[1] ?? 8)
    const vector = Array.from({ length: dimensions }, () => 0.1)
    await using server = await answering(() => ({
      embedding: vector,
      embeddings: [{ values: vector }],
      data: [{ index: 0, embedding: vector }],
      inputTextTokenCount: 2,
    }))
    const own = Object.entries(env).map(([key, value]) => [key, value?.replace('$URL', server.url)] as const)
    using embedders = open(Object.fromEntries(own))
    const vectors = await embedders.resolve(name).embed(['hello'], never, 'query')
    expect(vectors).toEqual([Float32Array.from(vector)])
    expect(server.requests).toEqual([{ path, headers: expect.objectContaining(headers) as object, body }])
  })
})

describe('the standard embedder', () => {
  test.each<readonly [Env, string | undefined]>([
    [{}, undefined],
    [{ ANTHROPIC_API_KEY: 'k' }, undefined],
    [{ OPENAI_API_KEY: 'k' }, 'openai:text-embedding-3-small'],
    [{ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'https://api.openai.com/v1' }, 'openai:text-embedding-3-small'],
    [{ OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://localhost:8080/v1' }, undefined],
    [{ GEMINI_API_KEY: 'k' }, 'google:gemini-embedding-001@1536'],
  ])('follows from the keys that are set: %o', (env, name) => {
    expect(chooseDefaultEmbedder(env)).toBe(name)
  })

  test('is the one that was named', () => {
    using embedders = open({}, 'openai-compatible:fake-embedding')
    expect(embedders.standard).toBe(embedders.resolve('openai-compatible:fake-embedding'))
  })
})

type Sent = { readonly path: string | undefined; readonly headers: object; readonly body: unknown }

/** A server that answers every request with JSON and keeps what it was sent. @param answer by the number of the request, from 1 */
async function answering(answer: (count: number) => object) {
  const requests: Sent[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body: unknown = JSON.parse(Buffer.concat(chunks).toString())
      requests.push({ path: request.url, headers: request.headers, body })
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' })
      response.end(JSON.stringify(answer(requests.length)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server that listens has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
