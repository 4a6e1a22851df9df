/**
 * What tokens cost. List prices in US dollars per million tokens, by model; a file of the operator goes first.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { isJsonObject, parseJson } from '../base/json.ts'
import type { ModelName } from '../base/run.ts'
import type { Usage } from '../base/usage.ts'

/** US dollars per million tokens. Tokens of the cache cost as much as other input where no price is given. */
export type Price = {
  readonly input: number
  readonly output: number
  readonly cacheRead?: number
  readonly cacheWrite?: number
}

export type PriceTable = Readonly<Record<string, Price>>

/** US dollars for the tokens of a call; undefined when the model has no price. */
export type CostOf = (model: ModelName, usage: Usage) => number | undefined

/**
 * What the providers' own price lists said in October 2026, for standard processing. By `provider:model`; a name with a
 * date, `-latest` or `-preview` behind it has the same price. Where long prompts cost more, this is the price of short
 * ones; where a provider sells several lifetimes of the cache, that of the shortest.
 */
export const LIST_PRICES: PriceTable = {
  // https://developers.openai.com/api/docs/pricing
  'openai:gpt-6-astra': { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 },
  'openai:gpt-6-sol': { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 },
  'openai:gpt-6-luna': { input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125 },
  'openai:gpt-6.1-sol': { input: 2, output: 10, cacheRead: 0.1 },
  'openai:gpt-6.2-sol': { input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 },
  'openai:gpt-5.5': { input: 5, output: 30, cacheRead: 0.5 },
  'openai:gpt-5.4': { input: 2.5, output: 15, cacheRead: 0.25 },
  'openai:gpt-5.4-mini': { input: 0.75, output: 4.5, cacheRead: 0.075 },
  'openai:gpt-5.4-nano': { input: 0.2, output: 1.25, cacheRead: 0.02 },
  'openai:gpt-5.2': { input: 1.75, output: 14, cacheRead: 0.175 },
  'openai:gpt-5.1': { input: 1.25, output: 10, cacheRead: 0.125 },
  'openai:gpt-5': { input: 1.25, output: 10, cacheRead: 0.125 },
  'openai:gpt-5-mini': { input: 0.25, output: 2, cacheRead: 0.025 },
  'openai:gpt-5-nano': { input: 0.05, output: 0.4, cacheRead: 0.005 },
  'openai:gpt-4.1': { input: 2, output: 8, cacheRead: 0.5 },
  'openai:gpt-4.1-mini': { input: 0.4, output: 1.6, cacheRead: 0.1 },
  'openai:gpt-4.1-nano': { input: 0.1, output: 0.4, cacheRead: 0.025 },
  'openai:gpt-4o': { input: 2.5, output: 10, cacheRead: 1.25 },
  'openai:gpt-4o-mini': { input: 0.15, output: 0.6, cacheRead: 0.075 },
  'openai:o3': { input: 2, output: 8, cacheRead: 0.5 },
  'openai:o4-mini': { input: 1.1, output: 4.4, cacheRead: 0.275 },
  // https://platform.claude.com/docs/en/about-claude/pricing
  'anthropic:claude-fable-5-1': { input: 10, output: 50, cacheRead: 0.25, cacheWrite: 12.5 },
  'anthropic:claude-fable-5': { input: 10, output: 50, cacheRead: 1, cacheWrite: 12.5 },
  'anthropic:claude-opus-5-5': { input: 4, output: 20, cacheRead: 0.2, cacheWrite: 5 },
  'anthropic:claude-opus-5': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic:claude-opus-4-8': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic:claude-opus-4-7': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic:claude-opus-4-6': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic:claude-opus-4-5': { input: 5, output: 25, cacheRead: 0.5, cacheWrite: 6.25 },
  'anthropic:claude-opus-4-1': { input: 15, output: 75, cacheRead: 1.5, cacheWrite: 18.75 },
  'anthropic:claude-sonnet-5-5': { input: 2, output: 10, cacheRead: 0.1, cacheWrite: 2.5 },
  'anthropic:claude-sonnet-5': { input: 2, output: 10, cacheRead: 0.2, cacheWrite: 2.5 },
  'anthropic:claude-sonnet-4-6': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  'anthropic:claude-sonnet-4-5': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  'anthropic:claude-sonnet-4': { input: 3, output: 15, cacheRead: 0.3, cacheWrite: 3.75 },
  'anthropic:claude-haiku-5-5': { input: 0.1, output: 0.5, cacheRead: 0.01, cacheWrite: 0.125 },
  'anthropic:claude-haiku-4-5': { input: 1, output: 5, cacheRead: 0.1, cacheWrite: 1.25 },
  // https://ai.google.dev/gemini-api/docs/pricing
  'google:gemini-3.5-flash': { input: 1.5, output: 9, cacheRead: 0.15 },
  'google:gemini-3.1-pro': { input: 2, output: 12, cacheRead: 0.2 },
  'google:gemini-3-pro': { input: 2, output: 12, cacheRead: 0.2 },
  'google:gemini-3-flash': { input: 0.5, output: 3, cacheRead: 0.05 },
  'google:gemini-2.5-pro': { input: 1.25, output: 10, cacheRead: 0.125 },
  'google:gemini-2.5-flash': { input: 0.3, output: 2.5, cacheRead: 0.03 },
  'google:gemini-2.5-flash-lite': { input: 0.1, output: 0.4, cacheRead: 0.01 },
}

/** What may follow the name of a model: a date, or `-latest` and the like. Anything else names another model. */
const SAME_MODEL = /^(-\d{8}|-\d{4}-\d{2}-\d{2}|-\d{2}-\d{2}|-latest|-preview)*$/

const MILLION = 1_000_000

export function createCostOf(prices: PriceTable): CostOf {
  // An operator's price of a dated name goes before that of the plain one.
  const names = Object.keys(prices).toSorted((a, b) => b.length - a.length)
  const priceOf = ({ provider, id }: ModelName): Price | undefined => {
    const asked = `${provider}:${id}`
    const name = names.find((known) => asked.startsWith(known) && SAME_MODEL.test(asked.slice(known.length)))
    return name === undefined ? undefined : prices[name]
  }
  return (model, usage) => {
    const price = priceOf(model)
    if (price === undefined) return undefined
    const { cacheReadTokens, cacheWriteTokens } = usage
    // Input tokens are counted with those of the cache.
    const plain = Math.max(0, usage.inputTokens - cacheReadTokens - cacheWriteTokens)
    const dollars =
      plain * price.input +
      cacheReadTokens * (price.cacheRead ?? price.input) +
      cacheWriteTokens * (price.cacheWrite ?? price.input) +
      usage.outputTokens * price.output
    return dollars / MILLION
  }
}

/**
 * The list prices, with those of `text` laid over them.
 * @param text JSON: `{"provider:model": {"input": 1, "output": 2, "cacheRead"?: 0.1, "cacheWrite"?: 1.25}}`
 * @throws {AgentOSError} CONFIG_INVALID, naming the entry
 */
export function parsePrices(text: string): PriceTable {
  const given = parseJson(text)
  if (!isJsonObject(given))
    throw new AgentOSError('CONFIG_INVALID', 'AGENTOS_MODEL_PRICES: the file is not a JSON object')
  const prices = Object.entries(given).map(([name, price]) => [name, readPrice(name, price)] as const)
  return { ...LIST_PRICES, ...Object.fromEntries(prices) }
}

const PARTS = ['input', 'output', 'cacheRead', 'cacheWrite']

function readPrice(name: string, given: unknown): Price {
  const refuse = (what: string) => new AgentOSError('CONFIG_INVALID', `AGENTOS_MODEL_PRICES: ${name}: ${what}`)
  if (!/^[a-z-]+:.+$/.test(name)) throw refuse('the name must be provider:model')
  if (!isJsonObject(given)) throw refuse('must be an object with input and output')
  for (const [part, value] of Object.entries(given)) {
    if (!PARTS.includes(part)) throw refuse(`unknown part ${part}`)
    if (typeof value !== 'number' || !(value >= 0))
      throw refuse(`${part} must be 0 or more, got ${JSON.stringify(value)}`)
  }
  const { input, output, ...cache } = given
  if (typeof input !== 'number' || typeof output !== 'number') throw refuse('input and output are required')
  // Checked part by part above.
  return { input, output, ...(cache as Pick<Price, 'cacheRead' | 'cacheWrite'>) }
}
