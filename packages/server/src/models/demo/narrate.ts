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
const MOST_FACTS = 8
const MOST_ENTRIES = 5
const MOST_TEXT = 600

/** One or two sentences for each result, joined. */
export function narrate(results: readonly ToolMessage[]): string {
  return results.map(sentenceFor).join(' ')
}

function sentenceFor(result: ToolMessage): string {
  const name = wordsOf(result.toolName).join(' ')
  if (result.isError) return `I tried ${result.toolName}, but it failed: ${ended(cut(result.content))}`
  const subject = subjectOf(result.input)
  const json = parseJson(result.content)
  if (json === undefined || typeof json === 'string')
    return fromText(typeof json === 'string' ? json : result.content, name)
  if (json === null) return `${capitalise(name)}${subject === undefined ? '' : ` for ${subject}`} is done.`
  if (typeof json === 'boolean') return `The answer of ${name} is ${json ? 'yes' : 'no'}.`
  if (typeof json === 'number')
    return `${subject === undefined ? `The result of ${name}` : capitalise(subject)} is ${json}.`
  if (Array.isArray(json)) return listed(json as readonly Json[], name)
  return isJsonObject(json) ? described(json, name, subject) : fromText(result.content, name)
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

function described(object: JsonObject, name: string, subject: string | undefined): string {
  const list = Object.entries(object).find(([, value]) => Array.isArray(value))
  const facts = Object.entries(object).filter(
    ([key, value]) => !NOISE.test(key) && value !== null && typeof value !== 'object' && asText(value) !== subject,
  )
  if (list !== undefined && facts.length <= 1) return listed(list[1] as readonly Json[], wordsOf(list[0]).join(' '))
  if (facts.length === 0) return ended(cut(`${capitalise(name)} answered ${JSON.stringify(object)}`))
  if (facts.length === 1 && facts[0] !== undefined) {
    const [key, value] = facts[0]
    const label = wordsOf(key).join(' ')
    if (/^(result|answer|value|output)$/.test(label)) {
      return `${subject === undefined ? 'The result' : capitalise(subject)} is ${ended(valueOf(key, value))}`
    }
    return `The ${labelOf(key)}${subject === undefined ? '' : ` for ${subject}`} is ${ended(valueOf(key, value))}`
  }
  const told = facts.slice(0, MOST_FACTS).map(([key, value]) => `${labelOf(key)} ${valueOf(key, value)}`)
  const last = told.pop() ?? ''
  const lead = subject === undefined ? `${capitalise(name)} reports` : `For ${subject}, ${name} reports`
  return `${lead}: ${told.join(', ')} and ${ended(last)}`
}

function titleOf(entry: Json): string {
  if (!isJsonObject(entry)) return typeof entry === 'string' ? entry : JSON.stringify(entry)
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

/** What the call was about: its first short text or number. */
function subjectOf(input: Json): string | undefined {
  const values = isJsonObject(input) ? Object.values(input) : []
  const value = values.find((candidate) => typeof candidate === 'string' && candidate.length <= 60) ?? values[0]
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined
}

function cut(text: string): string {
  return text.length > MOST_TEXT ? `${text.slice(0, MOST_TEXT)}...` : text
}

function ended(text: string): string {
  return /[.!?…]["')\]]?$/.test(text) ? text : `${text}.`
}
