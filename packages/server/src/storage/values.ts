/**
 * Values on their way into and out of the database, the same on both engines: both get parameters as text and give
 * columns as text, and this file is what turns them into JavaScript.
 * @module
 */
import pg from 'pg'
import { isJsonObject } from '../base/json.ts'

const REPLACEMENT = '\ufffd'

/** What JSON may hold and `jsonb` refuses: U+0000 and halves of surrogate pairs, as JSON.stringify writes them. */
const REFUSED_BY_JSONB = /\\u(?:0000|d[89a-f][0-9a-f]{2})/

/**
 * JSON text for a `jsonb` parameter. Characters that PostgreSQL cannot store become U+FFFD, because a model or a tool
 * can produce them and its run must still be stored.
 */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  return REFUSED_BY_JSONB.test(text) ? JSON.stringify(storable(JSON.parse(text))) : text
}

/** {@link jsonText}, with SQL null for null. */
export function jsonTextOrNull(value: unknown): string | null {
  return value === null || value === undefined ? null : jsonText(value)
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return storableText(value.toWellFormed())
  if (Array.isArray(value)) return value.map(storable)
  if (!isJsonObject(value)) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [storable(key), storable(item)]))
}

/** `text` without U+0000, which no text column and no text parameter can hold. */
function storableText(text: string): string {
  return text.includes('\0') ? text.replaceAll('\0', REPLACEMENT) : text
}

/** The literal of a `text[]`, to be cast: `${textArray(ids)}::text[]`. */
export function textArray(items: readonly string[]): string {
  return `{${items.map((item) => `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`).join(',')}}`
}

/**
 * A parameter as the text that travels to the database.
 * @throws {TypeError} for objects and arrays, whose text depends on the column: use {@link jsonText} or {@link textArray}
 */
export function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return storableText(value)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (value instanceof Date) return value.toISOString()
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString('hex')}`
  throw new TypeError(`A query parameter must be text, a number, a boolean, a Date or bytes, got ${typeof value}`)
}

const INT8 = 20
const DATE = 1082
const TIMESTAMP = 1114

/**
 * How the text of a column becomes a value, by the type's object id. `int8` is a number (exact to 2^53 - 1, which counts
 * and versions stay below), `numeric` and `date` are text, `timestamptz` is a Date, `json` and `jsonb` are parsed.
 */
export function columnParser(oid: number): (text: string) => unknown {
  switch (oid) {
    case INT8:
      return Number
    case DATE:
    case TIMESTAMP:
      // Neither is a moment: a Date made of it would depend on the time zone of this process.
      return String
    default:
      return pg.types.getTypeParser(oid, 'text')
  }
}
