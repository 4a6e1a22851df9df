/**
 * An answer for an output schema: filled from the tool results where keys match, from the message where it offers
 * something, and with an example elsewhere, so that it always validates. Pure.
 * @module
 */
import { isJsonObject, parseJson, type Json, type JsonObject } from '../../base/json.ts'
import type { ToolMessage } from '../../base/message.ts'
import { fillArguments } from './arguments.ts'
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
    const value = chooseValue(name, viewOf(property, schema), known, required.has(name) ? input[name] : undefined, said)
    const chosen = value ?? fallback
    return chosen === undefined ? [] : [[name, chosen] as const]
  })
  return { ...(isJsonObject(base) ? base : {}), ...Object.fromEntries(entries) }
}

function chooseValue(
  name: string,
  view: SchemaView,
  known: ReadonlyMap<string, Json>,
  filled: Json | undefined,
  said: string,
): Json | undefined {
  const result = known.get(keyOf(name))
  if (result !== undefined && fits(view, result)) return result
  if (view.schema['enum'] !== undefined || view.schema['const'] !== undefined) return filled
  if (view.type === 'string' && FREE_TEXT.test(name)) return fitText(view, said)
  return filled
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

/** Whether a known value has the type, and nothing that a limit could refuse. */
function fits({ schema, type }: SchemaView, value: Json): boolean {
  const limits = ['enum', 'const', 'pattern', 'format', 'multipleOf', 'minimum', 'maximum', 'minLength', 'maxLength']
  if (limits.some((keyword) => schema[keyword] !== undefined)) return false
  if (schema['exclusiveMinimum'] !== undefined || schema['exclusiveMaximum'] !== undefined) return false
  if (type === 'integer') return Number.isInteger(value)
  return type === 'any' || (type !== 'object' && type !== 'array' && typeof value === type)
}
