/**
 * A value that fits a JSON Schema, made without any input: what the demo model falls back to, and what keeps its
 * structured answers valid. Covers the keywords that zod, valibot and arktype emit. Pure.
 * @module
 */
import type { Json, JsonObject } from '../../base/json.ts'
import { conforms } from './conform.ts'
import { synthesize } from './pattern.ts'
import { asText, limitOf, propertiesOf, requiredOf, viewOf, type SchemaView } from './schema.ts'

const FORMATS: Readonly<Record<string, string>> = {
  date: '2026-01-15',
  time: '12:00:00Z',
  'date-time': '2026-01-15T12:00:00Z',
  duration: 'P1D',
  email: 'demo@example.com',
  uri: 'https://example.com/',
  url: 'https://example.com/',
  uuid: '01890000-0000-7000-8000-000000000000',
  hostname: 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
}

/** @param text what free strings say, as far as their limits allow */
export function exampleOf(schema: Json | undefined, root: JsonObject, text: string): Json {
  return example(viewOf(schema, root), root, text, 0)
}

function example(view: SchemaView, root: JsonObject, text: string, depth: number): Json {
  const { schema, type } = view
  if (schema['const'] !== undefined) return schema['const']
  if (Array.isArray(schema['enum']) && schema['enum'].length > 0) return schema['enum'][0] as Json
  if (schema['default'] !== undefined) return schema['default']
  switch (type) {
    case 'string':
      return fitText(view, text)
    case 'number':
    case 'integer':
      return fitNumber(view, 1)
    case 'boolean':
      return true
    case 'null':
      return null
    case 'array':
      return exampleList(view, root, text, depth)
    case 'object':
      return exampleObject(view, root, text, depth)
    case 'any':
      return text
  }
}

function exampleList(view: SchemaView, root: JsonObject, text: string, depth: number): Json {
  const { schema } = view
  const least = limitOf(view, 'minItems') ?? 0
  const prefix = Array.isArray(schema['prefixItems']) ? (schema['prefixItems'] as readonly Json[]) : []
  const length = Math.min(Math.max(least, prefix.length, depth > 6 ? 0 : 1), limitOf(view, 'maxItems') ?? Infinity)
  return Array.from({ length }, (_, index) => {
    const item = viewOf(prefix[index] ?? schema['items'], root)
    const value = example(item, root, text, depth + 1)
    return schema['uniqueItems'] === true && index > 0 ? distinct(item, value, index) : value
  })
}

/** The `index`-th variation of a value, for lists that allow none twice. */
function distinct(view: SchemaView, value: Json, index: number): Json {
  const options = view.schema['enum']
  if (Array.isArray(options)) return (options[index] as Json | undefined) ?? value
  if (typeof value === 'number') return fitNumber(view, value + index * (limitOf(view, 'multipleOf') ?? 1))
  if (typeof value === 'string') return fitText(view, `${index + 1}${value}`)
  return value
}

function exampleObject(view: SchemaView, root: JsonObject, text: string, depth: number): Json {
  const required = requiredOf(view)
  const entries = propertiesOf(view).filter(([name]) => required.has(name) || depth < 3)
  const named = entries.map(([name, schema]) => [name, example(viewOf(schema, root), root, text, depth + 1)] as const)
  const missing = [...required].filter((name) => !entries.some(([known]) => known === name))
  return Object.fromEntries([...named, ...missing.map((name) => [name, text] as const)])
}

/** `text` within the format, pattern and lengths of a string schema. */
export function fitText(view: SchemaView, text: string): string {
  const { schema } = view
  const name = asText(schema['format'] ?? '')
  const pattern = typeof schema['pattern'] === 'string' ? schema['pattern'] : undefined
  const least = limitOf(view, 'minLength') ?? 0
  const most = limitOf(view, 'maxLength') ?? Infinity
  const long = text.length >= least ? text : text.padEnd(least, text === '' ? 'x' : ` ${text}`)
  const candidates = [text, long.slice(0, most), FORMATS[name] ?? '', pattern === undefined ? 'x' : synthesize(pattern)]
  return candidates.find((candidate) => conforms(schema, candidate, {})) ?? candidates.at(-1) ?? ''
}

/** `value` within the limits of a number schema. */
export function fitNumber(view: SchemaView, value: number): number {
  const whole = view.type === 'integer'
  const step = limitOf(view, 'multipleOf') ?? (whole ? 1 : undefined)
  const above = limitOf(view, 'exclusiveMinimum')
  const below = limitOf(view, 'exclusiveMaximum')
  const nudge = step ?? 0.5
  const least = Math.max(limitOf(view, 'minimum') ?? -Infinity, above === undefined ? -Infinity : above + nudge)
  const most = Math.min(limitOf(view, 'maximum') ?? Infinity, below === undefined ? Infinity : below - nudge)
  const clamped = Math.min(Math.max(value, least), most)
  if (step === undefined) return clamped
  const rounded = Math.ceil(clamped / step) * step
  return rounded > most ? Math.floor(clamped / step) * step : rounded
}
