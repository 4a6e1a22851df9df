import fc from 'fast-check'
import { expect, test } from 'vitest'
import { NO_USAGE } from '../base/usage.ts'
import { createCostOf, LIST_PRICES, parsePrices } from './prices.ts'

const million = { ...NO_USAGE, inputTokens: 1_000_000 }
const named = (name: string) => {
  const [provider = '', ...id] = name.split(':')
  return { provider, id: id.join(':') }
}
const inputPrice = (name: string, prices = LIST_PRICES) => createCostOf(prices)(named(name), million)

test('a million tokens cost what the table says', () => {
  const usage = { ...NO_USAGE, inputTokens: 3_000_000, outputTokens: 1_000_000, cacheReadTokens: 1_000_000 }
  expect(createCostOf(LIST_PRICES)(named('openai:gpt-5-mini'), usage)).toBeCloseTo(2 * 0.25 + 0.025 + 2, 10)
  const written = { ...usage, cacheWriteTokens: 1_000_000 }
  expect(createCostOf(LIST_PRICES)(named('anthropic:claude-haiku-4-5'), written)).toBeCloseTo(1 + 0.1 + 1.25 + 5, 10)
})

test('tokens of the cache cost as much as other input where they have no price', () => {
  const costOf = createCostOf({ 'x:m': { input: 2, output: 3 } })
  const usage = { ...million, cacheReadTokens: 400_000, cacheWriteTokens: 100_000 }
  expect(costOf(named('x:m'), usage)).toBeCloseTo(2, 10)
})

test('a dated name has the price of its model, another model of the family has not', () => {
  for (const name of ['openai:gpt-5-2025-08-07', 'openai:gpt-5', 'openai:gpt-5-latest']) {
    expect([name, inputPrice(name)]).toEqual([name, 1.25])
  }
  expect(inputPrice('anthropic:claude-sonnet-4-5-20250929')).toBe(3)
  expect(inputPrice('google:gemini-2.5-flash-lite')).toBe(0.1)
  for (const name of ['openai:gpt-5-pro', 'openai:gpt-55', 'azure:gpt-5', 'demo:assistant']) {
    expect([name, inputPrice(name)]).toEqual([name, undefined])
  }
})

test('prices of the operator go before list prices, and leave the others', () => {
  const prices = parsePrices('{"openai:gpt-5": {"input": 7, "output": 8}, "bedrock:own": {"input": 0, "output": 0}}')
  expect(inputPrice('openai:gpt-5', prices)).toBe(7)
  expect(inputPrice('bedrock:own', prices)).toBe(0)
  expect(inputPrice('openai:gpt-5-mini', prices)).toBe(0.25)
})

test('a wrong table is refused with the entry that is wrong', () => {
  const refused = {
    '[]': 'not a JSON object',
    '{': 'not a JSON object',
    '{"gpt-5": {"input": 1, "output": 1}}': 'gpt-5: the name must be provider:model',
    '{"openai:x": 3}': 'openai:x: must be an object',
    '{"openai:x": {"input": 1}}': 'openai:x: input and output are required',
    '{"openai:x": {"input": -1, "output": 1}}': 'openai:x: input must be 0 or more, got -1',
    '{"openai:x": {"input": 1, "output": 1, "cache": 1}}': 'openai:x: unknown part cache',
  }
  for (const [text, reason] of Object.entries(refused)) expect(() => parsePrices(text)).toThrow(reason)
})

test('a cost is never negative, and never more than that of the dearest part', () => {
  const tokens = fc.nat({ max: 10_000_000 })
  const usages = fc.record({
    inputTokens: tokens,
    outputTokens: tokens,
    totalTokens: tokens,
    reasoningTokens: tokens,
    cacheReadTokens: tokens,
    cacheWriteTokens: tokens,
  })
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(LIST_PRICES)), usages, (name, usage) => {
      const cost = createCostOf(LIST_PRICES)(named(name), usage) ?? -1
      const dearest = Math.max(...Object.values(LIST_PRICES[name] ?? {}))
      const most = usage.inputTokens + usage.outputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
      expect(cost).toBeGreaterThanOrEqual(0)
      expect(cost).toBeLessThanOrEqual((most * dearest) / 1_000_000 + 1e-6)
    }),
  )
})
