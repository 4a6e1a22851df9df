/**
 * JSON Schema as the demo model reads it: one plain object schema at a time, with references and alternatives resolved.
 * Pure.
 * @module
 */
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'

export type SchemaView = {
  readonly schema: JsonObject
  /** The first type named that is not `null`; derived from other keywords where there is none. */
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object' | 'null' | 'any'
  readonly description: string
}

const TYPES: readonly SchemaView['type'][] = ['string', 'number', 'integer', 'boolean', 'array', 'object', 'null']

/**
 * @param schema a JSON Schema, or `true` or nothing for anything
 * @param root the document that local references point into
 */
export function viewOf(schema: Json | undefined, root: JsonObject): SchemaView {
  const resolved = resolveSchema(isJsonObject(schema) ? schema : {}, root, 0)
  const { description, title } = resolved
  return { schema: resolved, type: typeOf(resolved), description: asText(description ?? title ?? '') }
}

/** Names and schemas of the properties of an object schema. */
export function propertiesOf({ schema }: SchemaView): readonly (readonly [string, Json])[] {
  return isJsonObject(schema['properties']) ? Object.entries(schema['properties']) : []
}

export function requiredOf({ schema }: SchemaView): ReadonlySet<string> {
  const { required } = schema
  return new Set(Array.isArray(required) ? required.filter((name) => typeof name === 'string') : [])
}

/** A number keyword of the schema. */
export function limitOf({ schema }: SchemaView, keyword: string): number | undefined {
  const value = schema[keyword]
  return typeof value === 'number' ? value : undefined
}

/** A value as words: texts as they are, everything else as JSON. */
export function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function resolveSchema(schema: JsonObject, root: JsonObject, depth: number): JsonObject {
  // A reference to itself would never end; 32 levels are more than any schema of a tool has.
  if (depth > 32) return {}
  const { $ref, allOf, anyOf, oneOf, ...own } = schema
  let merged: JsonObject = own
  if (typeof $ref === 'string') merged = merge(resolveSchema(pointTo($ref, root), root, depth + 1), merged)
  for (const part of listOf(allOf)) merged = merge(merged, resolveSchema(part, root, depth + 1))
  for (const choices of [listOf(anyOf), listOf(oneOf)]) {
    const options = choices.map((choice) => resolveSchema(choice, root, depth + 1))
    const chosen = options.find((option) => typeOf(option) !== 'null') ?? options[0]
    if (chosen !== undefined) merged = merge(merged, chosen)
  }
  return merged
}

function listOf(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function merge(a: JsonObject, b: JsonObject): JsonObject {
  const properties = { ...(a['properties'] as JsonObject | undefined), ...(b['properties'] as JsonObject | undefined) }
  const required = [a['required'], b['required']].flatMap((list) => (Array.isArray(list) ? (list as Json[]) : []))
  return {
    ...a,
    ...b,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
  }
}

/** What a local reference names; `{}` when there is no such place. */
export function pointTo(reference: string, root: JsonObject): JsonObject {
  if (!reference.startsWith('#')) return {}
  let at: Json = root
  for (const step of reference.slice(1).split('/').filter(Boolean)) {
    const key = decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~')
    const next: Json | undefined = isJsonObject(at) ? at[key] : undefined
    if (next === undefined) return {}
    at = next
  }
  return isJsonObject(at) ? at : {}
}

function typeOf(schema: JsonObject): SchemaView['type'] {
  const named = Array.isArray(schema['type']) ? schema['type'] : [schema['type']]
  const type = named.find((name) => name !== 'null' && name !== undefined) ?? named[0]
  const known = TYPES.find((candidate) => candidate === type)
  if (known !== undefined) return known
  if (schema['properties'] !== undefined) return 'object'
  if (schema['items'] !== undefined || schema['prefixItems'] !== undefined) return 'array'
  return 'any'
}
