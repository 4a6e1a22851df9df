/**
 * What makes two requests the same for an Idempotency-Key: the fields as they were understood, however they were sent.
 * @module
 */
import { createHash } from 'node:crypto'

/** SHA-256 in hexadecimal; the order of fields and keys makes no difference. */
export function hashRequest(fields: Readonly<Record<string, unknown>>): string {
  return createHash('sha256')
    .update(JSON.stringify(sortKeys(fields)))
    .digest('hex')
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]))
}
