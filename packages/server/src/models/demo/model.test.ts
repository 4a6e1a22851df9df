import { expect, test } from 'vitest'
import type { ModelPart, ModelRequest } from '../model.ts'
import { createDemoModel } from './model.ts'

const request: ModelRequest = {
  messages: [{ id: '0198-aa', createdAt: 0, role: 'user', content: 'Weather in Oslo?' }],
  tools: [],
  toolChoice: 'auto',
  output: undefined,
  settings: {},
}
const WEATHER = {
  name: 'get_weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
}

async function collect(
  delayMs: number,
  asked: ModelRequest,
  signal = new AbortController().signal,
): Promise<ModelPart[]> {
  const parts: ModelPart[] = []
  for await (const part of createDemoModel({ delayMs }).stream(asked, signal)) parts.push(part)
  return parts
}

test('is named demo:assistant', () => {
  expect(createDemoModel({ delayMs: 0 }).name).toEqual({ provider: 'demo', id: 'assistant' })
})

test('streams word by word and finishes with plausible counts', async () => {
  const parts = await collect(0, request)
  const words = parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  expect(words.length).toBeGreaterThan(5)
  expect(words.every((word) => /^\s*\S+$/.test(word))).toBe(true)
  expect(parts.slice(-2)).toMatchObject([
    { type: 'part-end', part: 'text' },
    { type: 'finish', reason: 'stop', usage: { outputTokens: Math.ceil(words.join('').length / 4) } },
  ])
})

test('asks for a tool under an id that is the same on every try', async () => {
  const asked = { ...request, tools: [WEATHER] }
  const parts = await collect(0, asked)
  expect(parts).toMatchObject([
    { type: 'tool-call', toolCallId: 'call_0198aa_0', toolName: 'get_weather', input: { city: 'Oslo' } },
    { type: 'finish', reason: 'tool-calls' },
  ])
  expect(await collect(0, asked)).toEqual(parts)
})

test('waits between words, and an abort ends the wait', async () => {
  const controller = new AbortController()
  const started = performance.now()
  setTimeout(() => controller.abort(new Error('stop')), 30)
  await expect(collect(10_000, request, controller.signal)).rejects.toThrow('stop')
  expect(performance.now() - started).toBeLessThan(5000)
})
