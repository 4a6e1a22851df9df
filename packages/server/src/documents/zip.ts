/**
 * Reads ZIP archives, which Office documents are, from memory: by their central directory, inflating one entry at a time
 * and only as far as a budget goes, whatever sizes the archive declares.
 * @module
 */
import { inflateRawSync } from 'node:zlib'
import { AgentOSError } from '../base/errors.ts'

export type Archive = {
  readonly names: readonly string[]
  /**
   * Inflates an entry, which counts against the budget of the archive.
   * @returns undefined when there is none of that name
   * @throws {AgentOSError} DOCUMENT_TOO_LARGE, DOCUMENT_CORRUPT, DOCUMENT_ENCRYPTED
   */
  readonly read: (name: string) => Uint8Array | undefined
}

type Entry = {
  readonly method: number
  readonly isEncrypted: boolean
  readonly compressedBytes: number
  readonly offset: number
}

const END_OF_DIRECTORY = 0x06054b50
const DIRECTORY_ENTRY = 0x02014b50
const LOCAL_HEADER = 0x04034b50
const END_BYTES = 22
const MOST_COMMENT_BYTES = 65_535
const MOST_ENTRIES = 20_000
const STORED = 0
const DEFLATED = 8

/** Office documents inflate to some tens of times their size; bombs to a thousand times. */
const MOST_RATIO = 200
/** Up to here the ratio does not count: small documents may repeat themselves. */
const FREE_BYTES = 10_485_760

/**
 * @param mostBytes what all entries together may inflate to
 * @throws {AgentOSError} DOCUMENT_CORRUPT, DOCUMENT_TOO_LARGE
 */
export function openArchive(bytes: Uint8Array, mostBytes: number): Archive {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries = readDirectory(view)
  const inflatedBytes = Math.min(mostBytes, Math.max(FREE_BYTES, bytes.length * MOST_RATIO))
  let budget = inflatedBytes
  return {
    names: [...entries.keys()],
    read: (name) => {
      const entry = entries.get(name)
      if (entry === undefined) return undefined
      const content = readEntry(view, name, entry, budget, inflatedBytes)
      budget -= content.length
      return content
    },
  }
}

function readDirectory(view: Buffer): ReadonlyMap<string, Entry> {
  const end = findEnd(view)
  const count = view.readUInt16LE(end + 10)
  if (count > MOST_ENTRIES) throw new AgentOSError('DOCUMENT_TOO_LARGE', `The archive has ${count} entries`)
  const entries = new Map<string, Entry>()
  let at = view.readUInt32LE(end + 16)
  for (let index = 0; index < count; index++) {
    if (at + 46 > view.length || view.readUInt32LE(at) !== DIRECTORY_ENTRY) throw corrupt('its directory is damaged')
    const nameBytes = view.readUInt16LE(at + 28)
    const name = view.toString('utf8', at + 46, at + 46 + nameBytes)
    entries.set(name, {
      method: view.readUInt16LE(at + 10),
      isEncrypted: (view.readUInt16LE(at + 8) & 1) === 1,
      compressedBytes: view.readUInt32LE(at + 20),
      offset: view.readUInt32LE(at + 42),
    })
    at += 46 + nameBytes + view.readUInt16LE(at + 30) + view.readUInt16LE(at + 32)
  }
  return entries
}

/** The record at the end, behind which there may be a comment. */
function findEnd(view: Buffer): number {
  const first = Math.max(0, view.length - END_BYTES - MOST_COMMENT_BYTES)
  for (let at = view.length - END_BYTES; at >= first; at--) if (view.readUInt32LE(at) === END_OF_DIRECTORY) return at
  throw corrupt('its end is missing')
}

function readEntry(view: Buffer, name: string, entry: Entry, budget: number, inflatedBytes: number): Uint8Array {
  if (entry.isEncrypted) throw new AgentOSError('DOCUMENT_ENCRYPTED', 'The document is protected by a password')
  const { offset, compressedBytes } = entry
  if (offset + 30 > view.length || view.readUInt32LE(offset) !== LOCAL_HEADER) throw corrupt(`"${name}" is missing`)
  const start = offset + 30 + view.readUInt16LE(offset + 26) + view.readUInt16LE(offset + 28)
  if (start + compressedBytes > view.length) throw corrupt(`"${name}" is cut off`)
  const compressed = view.subarray(start, start + compressedBytes)
  if (entry.method === STORED && compressed.length <= budget) return compressed
  if (entry.method !== DEFLATED && entry.method !== STORED) throw corrupt(`"${name}" is compressed in an unknown way`)
  const tooLarge = () =>
    new AgentOSError('DOCUMENT_TOO_LARGE', `The document inflates to more than ${inflatedBytes} bytes`)
  if (entry.method === STORED || budget <= 0) throw tooLarge()
  try {
    return inflateRawSync(compressed, { maxOutputLength: budget })
  } catch (error) {
    if (error instanceof RangeError) throw tooLarge()
    throw corrupt(`"${name}" does not inflate`, error)
  }
}

function corrupt(detail: string, cause?: unknown): AgentOSError {
  return new AgentOSError('DOCUMENT_CORRUPT', `The document is damaged: ${detail}`, { cause })
}
