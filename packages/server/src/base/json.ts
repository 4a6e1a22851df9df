/**
 * JSON values as types, and the two conversions the server needs. No I/O.
 * @module
 */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export type JsonObject = { readonly [key: string]: Json }

/** Whether `value` is a plain object of JSON (not an array, not null). */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Parses JSON text; malformed text is `undefined`, so that the caller names the field in its error.
 * JSON has no `undefined`, so the two never mix.
 */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/**
 * Structural copy through JSON, for values that agent code hands over.
 * @throws {TypeError} when the value cannot be written as JSON (circular, BigInt); the message names `what`
 */
export function toJson(value: unknown, what: string): Json {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw new TypeError(
      `${what} cannot be written as JSON: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        cause,
      },
    )
  }
  return text === undefined ? null : JSON.parse(text)
}
