/**
 * Turns the schemas that Kubernetes publishes into ones that refuse what it does not know.
 * @module
 */

/** A JSON schema, as far as it is looked into. */
export type Schema = {
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly [keyword: string]: unknown
}

/** Keywords whose value is a map of schemas by name. */
const MAPS = new Set(['properties', 'definitions', 'patternProperties'])
/** Keywords that say nothing to a validator, or something else than it thinks: `int64` is no JSON format. */
const DROPPED = new Set(['format', 'description', 'default', 'nullable'])
const LITERAL = new Set(['enum', 'required'])
/** Keywords whose schemas speak of the same object again, each of a part of it. */
const COMBINING = new Set(['allOf', 'anyOf', 'oneOf', 'not'])

/** @returns `schema` with unknown fields refused wherever an object says which fields it has */
export function makeStrict(schema: Schema): Schema {
  return strictOf(schema, true) as Schema
}

/** @param isWhole whether the schema says everything that there is to say of its object */
function strictOf(value: unknown, isWhole: boolean): unknown {
  if (Array.isArray(value)) return value.map((part) => strictOf(part, isWhole))
  if (value === null || typeof value !== 'object') return value
  // An object of a JSON document.
  const schema = value as Schema
  if (schema['x-kubernetes-int-or-string'] || schema['format'] === 'int-or-string') {
    return { oneOf: [{ type: 'string' }, { type: 'integer' }] }
  }
  const strict: Record<string, unknown> = {}
  for (const [keyword, part] of Object.entries(schema)) {
    if (DROPPED.has(keyword) || keyword.startsWith('x-kubernetes-')) continue
    if (LITERAL.has(keyword)) strict[keyword] = part
    else if (MAPS.has(keyword)) strict[keyword] = strictMap(part as Readonly<Record<string, Schema>>, isWhole)
    else strict[keyword] = strictOf(part, isWhole && !COMBINING.has(keyword))
  }
  if (schema['nullable'] && typeof schema['type'] === 'string') strict['type'] = [schema['type'], 'null']
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] || schema['x-kubernetes-embedded-resource']
  if (isWhole && schema.properties && strict['additionalProperties'] === undefined && !isOpen) {
    strict['additionalProperties'] = false
  }
  return strict
}

function strictMap(schemas: Readonly<Record<string, Schema>>, isWhole: boolean): Record<string, unknown> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, strictOf(schema, isWhole)]))
}
