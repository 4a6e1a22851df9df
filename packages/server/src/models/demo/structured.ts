/**
 * An answer for an output schema: filled from the tool results where keys match, from the message where it offers
 * something, and with an example elsewhere, so that it always validates. Pure.
 * @module
 */
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../base/json.ts'
import type { ToolMessage } from '../../base/message.ts'
import { fillArguments } from './arguments.ts'
import { conforms } from './conform.ts'
import { exampleOf, fitText } from './example.ts'
import { propertiesOf, requiredOf, viewOf, type SchemaView } from './schema.ts'
import { wordsOf } from './words.ts'

const FREE_TEXT = /summary|answer|text|message|content|description|explanation|reason|comment|note|response|reply/i

/** @param said the answer in words; free texts of the schema carry it */
export function structuredAnswer(
  schema: JsonObject,
  message: string,
  results: readonly ToolMessage[],
  said: string,
): Json {
  const view = viewOf(schema, schema)
  if (view.type !== 'object') return exampleOf(schema, schema, said)
  const base = exampleOf(schema, schema, said)
  const known = knownValues(results)
  const { input } = fillArguments(schema, message, [], '')
  const required = requiredOf(view)
  const entries = propertiesOf(view).flatMap(([name, property]) => {
    const fallback = isJsonObject(base) ? base[name] : undefined
    const filled = required.has(name) ? input[name] : undefined
    const candidates = candidatesFor(name, viewOf(property, schema), known, filled, said)
    const chosen = candidates.find((value) => conforms(property, value, schema)) ?? fallback
    return chosen === undefined ? [] : [[name, chosen] as const]
  })
  return { ...(isJsonObject(base) ? base : {}), ...Object.fromEntries(entries) }
}

/** What the results say of it, then the answer in words where it is a free text, then what the message offers. */
function candidatesFor(
  name: string,
  view: SchemaView,
  known: ReadonlyMap<string, Json>,
  filled: Json | undefined,
  said: string,
): readonly Json[] {
  const isFree = view.type === 'string' && FREE_TEXT.test(name) && view.schema['enum'] === undefined
  const texts = isFree ? [fitText(view, said)] : []
  return [known.get(keyOf(name)), ...texts, filled].filter((value) => value !== undefined)
}

/** Scalar values of the results by their keys, the arguments of the calls included. */
function knownValues(results: readonly ToolMessage[]): ReadonlyMap<string, Json> {
  const known = new Map<string, Json>()
  for (const { input, content, isError } of results) {
    const body = isError ? undefined : parseJson(content)
    for (const source of [input, body]) {
      if (!isJsonObject(source)) continue
      for (const [key, value] of Object.entries(source)) known.set(keyOf(key), value)
    }
  }
  return known
}

/** `temperature_c` and `temperatureC` are the same key. */
function keyOf(name: string): string {
  return wordsOf(name).join('')
}
