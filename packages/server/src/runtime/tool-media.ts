/**
 * Pictures and other bytes in what a tool returned, as tools of MCP and the AI SDK give them: named in the text for the
 * model, which could make nothing of megabytes of base64. Pure.
 * @module
 */

/** Texts shorter than this hold no bytes worth leaving out. */
const LEAST_TEXT = 1024
/** Where JSON may hold bytes: base64 beside its type, or numbers one by one. */
const SIGNS = /"(?:mimeType|mediaType)":|"type":"Buffer"|\{"0":/

/** @param text JSON of `value` @returns the same with bytes named instead of written */
export function hideBytes(value: unknown, text: string): string {
  return text.length < LEAST_TEXT || !SIGNS.test(text) ? text : JSON.stringify(value, nameBytes)
}

/** For `JSON.stringify`: `this` holds the value as it was before its own `toJSON`. */
function nameBytes(this: unknown, key: string, value: unknown): unknown {
  const given: unknown = isRecord(this) ? this[key] : value
  if (given instanceof Uint8Array) return `[${given.byteLength} bytes]`
  if (typeof value !== 'string' || value.length < LEAST_TEXT || !isRecord(this)) return value
  const type = this['mimeType'] ?? this['mediaType']
  if (typeof type !== 'string' || (key !== 'data' && key !== 'blob')) return value
  return `[${Math.floor((value.length * 3) / 4)} bytes of ${type}]`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
