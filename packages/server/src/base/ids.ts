/**
 * Identifiers, injected wherever one is made. UUIDv7 (RFC 9562, 5.7): they sort by time, so indexes stay compact.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'

export type Ids = {
  /** A new UUIDv7 in its 36-character form. */
  readonly uuid: () => string
}

/** Ids on `clock`, with the randomness of the operating system. */
export function createIds(clock: Clock): Ids {
  return { uuid: () => uuidv7(clock.now(), randomBytes(10)) }
}

/** A number from 0 (inclusive) to 1 (exclusive), for jitter: the last 32 bits of a UUIDv7 are random. */
export function randomFraction(ids: Ids): number {
  return Number.parseInt(ids.uuid().slice(-8), 16) / 2 ** 32
}

/** The same parts always make the same UUIDv8 (RFC 9562, 5.8), and others another one. */
export function uuidOf(...parts: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(parts)).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6)
  return formatUuid(bytes)
}

/**
 * @param unixMs milliseconds since the epoch, 0 to 2^48 - 1
 * @param random at least 10 random bytes
 * @throws {RangeError} when `unixMs` does not fit 48 bits
 */
export function uuidv7(unixMs: number, random: Uint8Array): string {
  if (!(unixMs >= 0 && unixMs < 2 ** 48)) throw new RangeError(`unixMs must be 0 to 2^48 - 1, got ${unixMs}`)
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(Math.floor(unixMs), 0, 6)
  bytes.set(random.subarray(0, 10), 6)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6)
  return formatUuid(bytes)
}

/** Sets the variant; the version is in `bytes` already. */
function formatUuid(bytes: Buffer): string {
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
