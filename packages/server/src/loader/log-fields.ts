/**
 * Fields of agent code's log lines as plain data that crosses the port, whatever was handed in. Pure.
 * @module
 */
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts'

/** Longest line of fields, in characters of JSON. */
const MAX_CHARS = 65_536

/** Errors become message and stack; what JSON cannot carry is left out, or named when nothing else remains. */
export function toLogFields(fields: Readonly<Record<string, unknown>> | undefined): JsonObject {
  if (fields === undefined) return {}
  let text: string | undefined
  try {
    text = JSON.stringify(fields, (_key, value: unknown) => {
      if (value instanceof Error) return { message: value.message, stack: value.stack, cause: value.cause }
      return typeof value === 'bigint' ? String(value) : value
    })
  } catch (error) {
    return { fields_lost: error instanceof Error ? error.message : String(error) }
  }
  if (text !== undefined && text.length > MAX_CHARS) return { fields_lost: `${text.length} characters are too many` }
  const parsed = text === undefined ? undefined : parseJson(text)
  return parsed !== undefined && isJsonObject(parsed) ? parsed : {}
}
