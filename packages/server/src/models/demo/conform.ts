/**
 * Whether a value fits a JSON Schema, for the keywords the demo model works with. What it lets through the server still
 * validates; what it refuses the demo model replaces. Pure.
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'
import { pointTo } from './schema.ts'

/** How texts of a format look; a format that is not here is not judged. */
const FORMAT_LOOKS: Readonly<Record<string, RegExp>> = {
  date: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)$/,
  time: /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z?$/,
  'date-time': /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d)T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z$/,
  duration: /^P(?:\d+[YMWD])+$/,
  email: /^[\w+-]+(?:\.[\w+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}$/,
  uri: /^https?:\/\/[\w.-]+(?::\d+)?(?:[/?#]\S*)?$/,
  url: /^https?:\/\/[\w.-]+(?::\d+)?(?:[/?#]\S*)?$/,
  uuid: /^[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/i,
  hostname: /^(?:[a-z\d](?:[a-z\d-]*[a-z\d])?\.)+[a-z]{2,}$/i,
  ipv4: /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/,
  ipv6: /^(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}$/i,
}

/** @param root the document that local references point into */
export function conforms(schema: Json | undefined, value: Json, root: JsonObject, depth = 0): boolean {
  if (schema === false) return false
  // A schema that only refers to itself says nothing; 32 levels are more than any real one has.
  if (!isJsonObject(schema) || depth > 32) return true
  const fits = (part: Json | undefined) => conforms(part, value, root, depth + 1)
  const { $ref, allOf, anyOf, oneOf, enum: options, const: only, type } = schema
  if (typeof $ref === 'string' && !fits(pointTo($ref, root))) return false
  if (Array.isArray(allOf) && !allOf.every(fits)) return false
  if (Array.isArray(anyOf) && !anyOf.some(fits)) return false
  if (Array.isArray(oneOf) && oneOf.filter(fits).length !== 1) return false
  if (only !== undefined && !same(only, value)) return false
  if (Array.isArray(options) && !options.some((option: Json) => same(option, value))) return false
  if (type !== undefined && !(Array.isArray(type) ? type : [type]).some((name: Json) => isOfType(name, value)))
    return false
  if (typeof value === 'string') return textConforms(schema, value)
  if (typeof value === 'number') return numberConforms(schema, value)
  if (Array.isArray(value)) return listConforms(schema, value as readonly Json[], root, depth)
  return isJsonObject(value) ? objectConforms(schema, value, root, depth) : true
}

function isOfType(type: Json, value: Json): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isJsonObject(value)
  if (type === 'integer') return Number.isInteger(value)
  return typeof value === type
}

function textConforms(schema: JsonObject, text: string): boolean {
  const { length } = Array.from(text)
  const { minLength, maxLength, pattern, format } = schema
  if (typeof minLength === 'number' && length < minLength) return false
  if (typeof maxLength === 'number' && length > maxLength) return false
  const look = typeof format === 'string' ? FORMAT_LOOKS[format] : undefined
  if (look !== undefined && !look.test(text)) return false
  return typeof pattern !== 'string' || matches(pattern, text)
}

function matches(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern, 'u').test(text)
  } catch {
    // A pattern in another dialect cannot be judged here.
    return true
  }
}

function numberConforms(schema: JsonObject, value: number): boolean {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  if (typeof minimum === 'number' && value < minimum) return false
  if (typeof maximum === 'number' && value > maximum) return false
  if (typeof exclusiveMinimum === 'number' && value <= exclusiveMinimum) return false
  if (typeof exclusiveMaximum === 'number' && value >= exclusiveMaximum) return false
  return typeof multipleOf !== 'number' || Number.isInteger(value / multipleOf)
}

function listConforms(schema: JsonObject, list: readonly Json[], root: JsonObject, depth: number): boolean {
  const { minItems, maxItems, uniqueItems, items, prefixItems } = schema
  if (typeof minItems === 'number' && list.length < minItems) return false
  if (typeof maxItems === 'number' && list.length > maxItems) return false
  if (uniqueItems === true && new Set(list.map((item) => JSON.stringify(item))).size < list.length) return false
  const prefix = Array.isArray(prefixItems) ? (prefixItems as readonly Json[]) : []
  if (prefix.length > list.length) return false
  return list.every((item, index) => conforms(prefix[index] ?? items, item, root, depth + 1))
}

function objectConforms(schema: JsonObject, object: JsonObject, root: JsonObject, depth: number): boolean {
  const { required, properties, additionalProperties } = schema
  if (Array.isArray(required) && !required.every((name) => typeof name === 'string' && Object.hasOwn(object, name)))
    return false
  const known = isJsonObject(properties) ? properties : {}
  return Object.entries(object).every(([name, value]) =>
    conforms(Object.hasOwn(known, name) ? known[name] : additionalProperties, value, root, depth + 1),
  )
}

function same(a: Json, b: Json): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
