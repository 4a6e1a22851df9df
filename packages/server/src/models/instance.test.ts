import type { LanguageModelV2, LanguageModelV2CallOptions, LanguageModelV2StreamPart } from '@ai-sdk/provider'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import type { ModelInstance } from '@agentos/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createRedact } from '../base/redact.ts'
import { startFakeProvider, type FakeProvider } from './fake-provider.ts'
import type { ModelPart, ModelRequest } from './model.ts'
import { createModels } from './registry.ts'
import { createTransport } from './transport.ts'

let provider: FakeProvider
beforeAll(async () => {
  provider = await startFakeProvider()
})
afterAll(() => provider[Symbol.asyncDispose]())

const models = createModels({ env: {}, clock: systemClock, redact: createRedact([]) })
const request: ModelRequest = {
  messages: [{ id: 'u', createdAt: 0, role: 'user', content: 'Hi' }],
  tools: [{ name: 't', description: 'd', parameters: { type: 'object' } }],
  toolChoice: 'auto',
  output: undefined,
  settings: { temperature: 1 },
}

async function collect(instance: ModelInstance, signal = new AbortController().signal): Promise<ModelPart[]> {
  const model = await models.resolve(instance)
  const parts: ModelPart[] = []
  for await (const part of model.stream(request, signal)) parts.push(part)
  return parts
}

/** A version 2 model that streams `parts`. */
function version2(parts: readonly LanguageModelV2StreamPart[]) {
  const calls: LanguageModelV2CallOptions[] = []
  const instance: LanguageModelV2 = {
    specificationVersion: 'v2',
    provider: 'older.chat',
    modelId: 'old-1',
    supportedUrls: {},
    doGenerate: () => Promise.reject(new Error('not used')),
    doStream: (options) => {
      calls.push(options)
      return Promise.resolve({ stream: ReadableStream.from(parts) })
    },
  }
  return { instance, calls }
}

describe('model instances', () => {
  test('an instance of today is called as it is, under its own name', async () => {
    const transport = createTransport({})
    const mine = createOpenAICompatible({
      name: 'mine',
      baseURL: provider.baseUrl,
      apiKey: 'k',
      fetch: transport.fetch,
    })
    const instance = mine('fake:tokens=2')
    expect((await models.resolve(instance)).name).toEqual({ provider: 'mine', id: 'fake:tokens=2' })
    const parts = await collect(instance)
    transport.close()
    expect(parts.at(-1)).toMatchObject({ type: 'finish', reason: 'stop' })
  })

  test.each([
    ['v2', { inputTokens: 1, outputTokens: 2, totalTokens: 9 }, 'stop'],
    ['v3', { inputTokens: { total: 1 }, outputTokens: { total: 2 } }, { unified: 'stop', raw: 'stop' }],
    ['v4', { inputTokens: { total: 1 }, outputTokens: { total: 2 } }, { unified: 'stop', raw: 'stop' }],
  ])('version %s is read', async (specificationVersion, usage, finishReason) => {
    const parts = [
      { type: 'stream-start', warnings: [] },
      { type: 'text-start', id: '0' },
      { type: 'text-delta', id: '0', delta: 'Hello' },
      { type: 'text-end', id: '0' },
      { type: 'tool-call', toolCallId: 'c', toolName: 't', input: '{"a":1}' },
      { type: 'finish', usage, finishReason },
    ]
    const { instance, calls } = version2(parts as never)
    const said = await collect({ ...instance, specificationVersion })
    expect(said).toMatchObject([
      { type: 'text', text: 'Hello' },
      { type: 'part-end', part: 'text' },
      { type: 'tool-call', input: { a: 1 } },
      { type: 'finish', reason: 'stop', usage: { inputTokens: 1, outputTokens: 2 } },
    ])
    expect(calls[0]).toMatchObject({
      prompt: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      tools: [{ type: 'function', name: 't', description: 'd', inputSchema: { type: 'object' } }],
      toolChoice: { type: 'auto' },
      temperature: 1,
    })
  })

  test.each(['v1', 'v5', undefined as never])('version %s is refused by name', async (specificationVersion) => {
    const { instance } = version2([])
    await expect(models.resolve({ ...instance, specificationVersion })).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
      message: expect.stringContaining('v2, v3, v4 can be called: update its provider package') as string,
    })
  })

  test('an abort ends an instance that does not look at its signal', async () => {
    const { instance } = version2([])
    let cancelled = false
    const stuck = {
      ...instance,
      doStream: () => Promise.resolve({ stream: new ReadableStream({ cancel: () => void (cancelled = true) }) }),
    }
    const controller = new AbortController()
    const reading = collect(stuck, controller.signal)
    setTimeout(() => controller.abort(new Error('stop')), 20)
    await expect(reading).rejects.toThrow('stop')
    expect(cancelled).toBe(true)
  })

  test('an abort ends a call that has not begun to stream, and its late stream is cancelled', async () => {
    const { instance } = version2([])
    const late = Promise.withResolvers<{ stream: ReadableStream }>()
    const controller = new AbortController()
    const reading = collect({ ...instance, doStream: () => late.promise }, controller.signal)
    setTimeout(() => controller.abort(new Error('stop')), 20)
    await expect(reading).rejects.toThrow('stop')
    const cancelled = Promise.withResolvers<void>()
    late.resolve({ stream: new ReadableStream({ cancel: () => cancelled.resolve() }) })
    await cancelled.promise
  })

  test('what an instance throws is a model error with its provider', async () => {
    const { instance } = version2([])
    const broken = {
      ...instance,
      doStream: (): Promise<never> => {
        throw new Error('no such region')
      },
    }
    await expect(collect(broken)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: 'older failed: no such region',
    })
  })

  test.each(['error', { unified: 'error', raw: 'MALFORMED' }, { unified: 'interrupted', raw: 'MALFORMED' }])(
    'an answer that finishes with %j is a failure',
    async (finishReason) => {
      const parts = [
        { type: 'text-delta', id: '0', delta: 'Hel' },
        { type: 'finish', usage: {}, finishReason },
      ]
      const error: unknown = await collect(version2(parts as never).instance).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
      expect(String(error)).toMatch(/older ended its answer with an error( \(MALFORMED\))?$/)
    },
  )

  test('a stream without finish is a failure', async () => {
    await expect(collect(version2([{ type: 'text-delta', id: '0', delta: 'Hel' }]).instance)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
    })
    await expect(collect(version2([]).instance)).rejects.toMatchObject({ code: 'MODEL_BAD_ANSWER', retryable: true })
  })
})
