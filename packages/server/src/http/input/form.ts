/**
 * Bodies as fields: urlencoded, multipart and JSON alike. Text must be UTF-8. The last of several fields of one name
 * counts. Multipart parts with a file name are files: they go to disk where the route takes them.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { Upload } from '../../base/upload.ts'
import { boundaryOf, readParts } from './multipart.ts'
import { createSpool, type FileLimits } from './spool.ts'
import { decodeUtf8 } from './text.ts'

export type Form = {
  readonly fields: Readonly<Record<string, string>>
  /** Names of the fields that carried files. */
  readonly files: readonly string[]
  /** The files, where the route takes any. */
  readonly uploads: readonly Upload[]
  /** Removes what is on disk. To be called once the request is answered. */
  readonly discard: () => Promise<void>
}

/** @throws {AgentOSError} INVALID_REQUEST for text that is not UTF-8 */
export function parseUrlEncoded(body: Uint8Array): Form {
  const text = Buffer.from(body).toString('latin1')
  const fields: Record<string, string> = {}
  for (const pair of text.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = unescape(equals === -1 ? pair : pair.slice(0, equals))
    setField(fields, name, unescape(equals === -1 ? '' : pair.slice(equals + 1)))
  }
  return { fields, files: [], uploads: [], discard: keepNothing }
}

export type FormLimits = {
  /** Most bytes of all fields together. */
  readonly fieldBytes: number
  /** Where files go; undefined where the route takes none, and they are only named then. */
  readonly files: FileLimits | undefined
}

/**
 * Reads a multipart body while it arrives: fields into memory, files to disk.
 * @param contentType with the boundary
 * @throws {AgentOSError} INVALID_REQUEST; BODY_TOO_LARGE; nothing of it is left on disk then
 */
export async function readMultipart(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  limits: FormLimits,
): Promise<Form> {
  const fields: Record<string, string> = {}
  const files = new Set<string>()
  const spool = limits.files && createSpool(limits.files)
  let left = limits.fieldBytes
  try {
    for await (const { name, filename, mimeType, data } of readParts(body, boundaryOf(contentType))) {
      if (filename === undefined) {
        const bytes = await collect(data, left)
        left -= bytes.length
        setField(fields, name, decode(bytes, name))
        continue
      }
      // What a browser sends for a field that nobody filled in.
      if (filename !== '') files.add(name)
      if (spool === undefined || filename === '') left -= await skip(data, left)
      else await spool.take({ field: name, filename, mimeType }, data)
    }
    return { fields, files: [...files], uploads: spool?.uploads() ?? [], discard: spool?.discard ?? keepNothing }
  } catch (error) {
    await spool?.discard()
    throw error
  }
}

async function keepNothing(): Promise<void> {}

async function collect(data: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of data) {
    bytes += piece.length
    if (bytes > limit) throw tooLarge()
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces)
}

async function skip(data: AsyncIterable<Uint8Array>, limit: number): Promise<number> {
  let bytes = 0
  for await (const piece of data) {
    bytes += piece.length
    if (bytes > limit) throw tooLarge()
  }
  return bytes
}

function tooLarge(): AgentOSError {
  return new AgentOSError('BODY_TOO_LARGE', 'The body is larger than this server takes')
}

function setField(fields: Record<string, string>, name: string, value: string): void {
  Object.defineProperty(fields, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Percent-decodes text of one character per byte; a stray `%` stays what it is, as browsers and Python have it. */
function unescape(raw: string): string {
  const bytes = raw
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return decode(Buffer.from(bytes, 'latin1'), undefined)
}

function decode(bytes: Uint8Array, name: string | undefined): string {
  const text = decodeUtf8(bytes)
  if (text !== undefined) return text
  throw new AgentOSError('INVALID_REQUEST', `${name === undefined ? 'The form' : `Field ${name}`} is not valid UTF-8`)
}
