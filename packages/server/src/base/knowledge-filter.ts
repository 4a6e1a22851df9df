/**
 * Filters of knowledge as they are sent, checked and in one form. Operators and fields are Agno's (its `agno.filters`,
 * `to_dict()`); a plain object asks for equal values, all of them. Pure.
 * @module
 */
import { AgentOSError } from './errors.ts'
import { isJsonObject, type Json, type JsonObject } from './json.ts'
import type { KnowledgeFilter } from './knowledge.ts'

type Scalar = string | number | boolean | null

/** What a chunk's metadata has to fulfil. An empty AND holds always, an empty OR never. */
export type Condition =
  | { readonly op: 'EQ' | 'NEQ'; readonly key: string; readonly value: Json }
  | { readonly op: 'GT' | 'GTE' | 'LT' | 'LTE'; readonly key: string; readonly value: string | number }
  | { readonly op: 'IN'; readonly key: string; readonly values: readonly Scalar[] }
  /** Without regard to case. */
  | { readonly op: 'CONTAINS' | 'STARTSWITH'; readonly key: string; readonly value: string }
  | { readonly op: 'AND' | 'OR'; readonly conditions: readonly Condition[] }
  | { readonly op: 'NOT'; readonly condition: Condition }

/** As Agno. */
const MAX_DEPTH = 10
const MAX_CONDITIONS = 200
const MAX_KEY = 256

/** What is sent as `knowledge_filters` or `filters`: one filter or a list of them, of which all hold. */
export function readFilters(given: Json): readonly KnowledgeFilter[] {
  const filters: readonly Json[] = Array.isArray(given) ? given : [given]
  const read = filters.map((filter: Json): KnowledgeFilter => {
    if (!isJsonObject(filter)) throw invalid('must be an object or a list of objects', filter)
    return filter
  })
  toCondition(read)
  return read
}

/**
 * All filters as one condition.
 * @throws {AgentOSError} INVALID_REQUEST naming the part that is wrong
 */
export function toCondition(filters: readonly KnowledgeFilter[]): Condition {
  let left = MAX_CONDITIONS
  const read = (filter: Json, depth: number): Condition => {
    if (depth > MAX_DEPTH) throw invalid(`may be nested ${MAX_DEPTH} deep`, filter)
    if (--left < 0) throw invalid(`may have ${MAX_CONDITIONS} conditions`, filter)
    if (!isJsonObject(filter)) throw invalid('must be an object', filter)
    const { op } = filter
    switch (op) {
      case 'EQ':
      case 'NEQ':
        return { op, key: keyOf(filter), value: valueOf(filter, 'value', () => true, 'a value') }
      case 'GT':
      case 'GTE':
      case 'LT':
      case 'LTE':
        return { op, key: keyOf(filter), value: valueOf(filter, 'value', isOrdered, 'a number or text') }
      case 'IN':
        return { op, key: keyOf(filter), values: valueOf(filter, 'values', isScalars, 'a list of values') }
      case 'CONTAINS':
      case 'STARTSWITH':
        return { op, key: keyOf(filter), value: valueOf(filter, 'value', isText, 'text') }
      case 'AND':
      case 'OR': {
        const conditions = valueOf(filter, 'conditions', isList, 'a list of filters')
        return { op, conditions: conditions.map((condition) => read(condition, depth + 1)) }
      }
      case 'NOT':
        return { op, condition: read(valueOf(filter, 'condition', isJsonObject, 'a filter'), depth + 1) }
      case undefined:
        return equalities(filter)
      default:
        throw invalid('has an operator that is not known', filter)
    }
  }
  const equalities = (filter: JsonObject): Condition => {
    const pairs = Object.entries(filter)
    left -= pairs.length
    if (left < 0) throw invalid(`may have ${MAX_CONDITIONS} conditions`, filter)
    return { op: 'AND', conditions: pairs.map(([key, value]) => ({ op: 'EQ', key: checkKey(key, filter), value })) }
  }
  const conditions = filters.map((filter) => read(filter, 0))
  const [only] = conditions
  return conditions.length === 1 && only !== undefined ? only : { op: 'AND', conditions }
}

function keyOf(filter: JsonObject): string {
  return checkKey(valueOf(filter, 'key', isText, 'the name of a field'), filter)
}

function checkKey(key: string, filter: JsonObject): string {
  if (key === '' || key.length > MAX_KEY) throw invalid(`needs keys of 1 to ${MAX_KEY} characters`, filter)
  return key
}

function valueOf<T extends Json>(filter: JsonObject, name: string, is: (value: Json) => value is T, what: string): T
function valueOf(filter: JsonObject, name: string, is: (value: Json) => boolean, what: string): Json
function valueOf(filter: JsonObject, name: string, is: (value: Json) => boolean, what: string): Json {
  const value = filter[name]
  if (value !== undefined && is(value)) return value
  throw invalid(`of ${JSON.stringify(filter['op'])} needs "${name}": ${what}`, filter)
}

function isText(value: Json): value is string {
  return typeof value === 'string'
}

function isOrdered(value: Json): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value)
}

function isScalars(value: Json): value is readonly Scalar[] {
  return Array.isArray(value) && value.length <= MAX_CONDITIONS && value.every((item) => typeof item !== 'object')
}

function invalid(what: string, filter: Json): AgentOSError {
  const text = JSON.stringify(filter)
  const shown = text.length > 120 ? `${text.slice(0, 120)}...` : text
  return new AgentOSError('INVALID_REQUEST', `A filter ${what}: ${shown}`)
}
