/**
 * Tool results as sentences. Pure.
 * @module
 */
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../base/json.ts'
import type { ToolMessage } from '../../base/message.ts'
import { asText } from './schema.ts'
import { capitalise, wordsOf } from './words.ts'

const UNITS: Readonly<Record<string, string>> = {
  c: ' °C',
  celsius: ' °C',
  f: ' °F',
  fahrenheit: ' °F',
  percent: ' %',
  pct: ' %',
  kmh: ' km/h',
  mph: ' mph',
  ms: ' ms',
  seconds: ' s',
  usd: ' USD',
  eur: ' EUR',
  mm: ' mm',
  km: ' km',
}

/** Keys by which a thing is called. */
const TITLES = ['name', 'title', 'label', 'summary', 'text', 'id']
/** Keys that repeat the request or are meant for programs. */
const NOISE = /^(ok|success|status_?code|request_?id|type|kind)$/i
/** Verbs that open the names of tools. */
const VERBS: ReadonlySet<string> = new Set(
  'get fetch read list show search find lookup look query load check'.split(' '),
)
const MOST_FACTS = 8
const MOST_ENTRIES = 5
const MOST_TEXT = 600

/** One or two sentences for each result, joined. */
export function narrate(results: readonly ToolMessage[]): string {
  return results.map(sentenceFor).join(' ')
}

function sentenceFor(result: ToolMessage): string {
  if (result.isError) return `I tried ${result.toolName}, but it failed: ${ended(cut(result.content))}`
  const call = callOf(result)
  const { name, subject } = call
  const json = parseJson(result.content)
  if (json === undefined || typeof json === 'string') return fromText(json ?? result.content, name)
  if (json === null) return `${capitalise(name)}${subject === undefined ? '' : ` for ${subject}`} is done.`
  if (typeof json === 'boolean') return `The answer of ${name} is ${json ? 'yes' : 'no'}.`
  if (typeof json === 'number') return `${subject === undefined ? `The ${name}` : capitalise(subject)} is ${json}.`
  return isJsonObject(json) ? described(json, call) : listed(json, name)
}

type Call = {
  /** The tool's name in words, without its verb: `get_weather` is `weather`. */
  readonly name: string
  /** Its first text or number, when that is short enough to repeat. */
  readonly subject: string | undefined
  /** How a sentence about it begins. */
  readonly lead: string | undefined
  readonly input: Json
}

function callOf({ toolName, input }: ToolMessage): Call {
  const words = wordsOf(toolName)
  const named = words.length > 1 ? words.filter((word, index) => index > 0 || !VERBS.has(word)) : words
  const values = isJsonObject(input) ? Object.entries(input) : []
  const about = values.find(([, value]) => typeof value === 'string') ?? values[0]
  const value = about?.[1]
  const short =
    typeof value === 'number' || (typeof value === 'string' && /^(?:\S+\s?){1,3}$/.test(value) && value.length <= 40)
  const subject = short ? String(value) : undefined
  const isPlace = /city|location|place|town|country|region|where/i.test(about?.[0] ?? '')
  const lead = subject === undefined ? undefined : `${isPlace ? 'In' : 'For'} ${subject}`
  return { name: named.join(' '), subject, lead, input }
}

function fromText(text: string, name: string): string {
  const clean = text.trim()
  if (clean === '') return `${capitalise(name)} is done.`
  return /\s/.test(clean) ? ended(cut(clean)) : `The result of ${name} is ${ended(cut(clean))}`
}

function listed(entries: readonly Json[], name: string): string {
  if (entries.length === 0) return `${capitalise(name)} found nothing.`
  const shown = entries.slice(0, MOST_ENTRIES).map(titleOf)
  const more = entries.length > shown.length ? `, and ${entries.length - shown.length} more` : ''
  const count = entries.length === 1 ? 'one entry' : `${entries.length} entries`
  return `${capitalise(name)} found ${count}: ${shown.join('; ')}${more}.`
}

function described(object: JsonObject, { name, subject, lead, input }: Call): string {
  const list = Object.entries(object).find(([, value]) => Array.isArray(value))
  const facts = Object.entries(object).filter(
    ([key, value]) => !NOISE.test(key) && value !== null && typeof value !== 'object' && !echoes(input, value),
  )
  if (list !== undefined && facts.length <= 1) return listed(list[1] as readonly Json[], wordsOf(list[0]).join(' '))
  const [first] = facts
  if (first === undefined) return ended(cut(`${capitalise(name)} answered ${JSON.stringify(object)}`))
  if (facts.length === 1 && /^(result|answer|value|output)$/i.test(first[0])) {
    return `${subject === undefined ? 'The result' : capitalise(subject)} is ${ended(valueOf(...first))}`
  }
  const told = facts.slice(0, MOST_FACTS).map(([key, value]) => `the ${labelOf(key)} is ${valueOf(key, value)}`)
  const last = told.pop() ?? ''
  const all = told.length === 0 ? last : `${told.join(', ')} and ${last}`
  return ended(lead === undefined ? capitalise(all) : `${lead} ${all}`)
}

/** Whether a value of the result only repeats an argument of the call. */
function echoes(input: Json, value: Json): boolean {
  return isJsonObject(input) && Object.values(input).includes(value)
}

function titleOf(entry: Json): string {
  if (!isJsonObject(entry)) return asText(entry)
  const key = TITLES.find((candidate) => typeof entry[candidate] === 'string' || typeof entry[candidate] === 'number')
  return key === undefined ? cut(JSON.stringify(entry)) : asText(entry[key] ?? null)
}

function labelOf(key: string): string {
  const words = wordsOf(key)
  return words.length > 1 && UNITS[words.at(-1) ?? ''] !== undefined ? words.slice(0, -1).join(' ') : words.join(' ')
}

function valueOf(key: string, value: Json): string {
  const words = wordsOf(key)
  const unit = words.length > 1 && typeof value === 'number' ? (UNITS[words.at(-1) ?? ''] ?? '') : ''
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : `${cut(asText(value))}${unit}`
}

function cut(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text
}

function ended(text: string): string {
  return /[.!?…]["')\]]?$/.test(text) ? text : `${text}.`
}
