/**
 * Bodies as fields: urlencoded, multipart and JSON alike. Text must be UTF-8. The last of several fields of one name
 * counts. Multipart parts with a file name are uploads and are named in `files`; their bytes are not kept.
 * @module
 */
import {
  MaxHeaderSizeExceededError,
  MaxPartsExceededError,
  type MultipartPart,
  parseMultipart as parse,
} from '@remix-run/multipart-parser'
import { AgentOSError } from '../base/errors.ts'
import { decodeUtf8 } from './text.ts'

export type Form = {
  readonly fields: Readonly<Record<string, string>>
  /** Names of the fields that carried uploads. */
  readonly files: readonly string[]
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
  return { fields, files: [] }
}

/** More parts than any form of the API has fields. */
const MAX_PARTS = 256
/** Most bytes of a part's headers. */
const MAX_HEADER_BYTES = 16_384

/**
 * @param contentType with the boundary
 * @throws {AgentOSError} INVALID_REQUEST; BODY_TOO_LARGE for too many parts or headers
 */
export function parseMultipart(body: Uint8Array, contentType: string): Form {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]+)"|([^\s;]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw new AgentOSError('INVALID_REQUEST', 'The multipart body has no valid boundary')
  // The body has its own limit.
  const sizes = { maxFileSize: body.length, maxTotalSize: body.length }
  try {
    return readParts(parse(body, { boundary, maxParts: MAX_PARTS, maxHeaderSize: MAX_HEADER_BYTES, ...sizes }))
  } catch (cause) {
    if (cause instanceof AgentOSError) throw cause
    const isTooLarge = cause instanceof MaxPartsExceededError || cause instanceof MaxHeaderSizeExceededError
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new AgentOSError(
      isTooLarge ? 'BODY_TOO_LARGE' : 'INVALID_REQUEST',
      `The multipart body cannot be read: ${reason}`,
      { cause },
    )
  }
}

function readParts(parts: Iterable<MultipartPart>): Form {
  const fields: Record<string, string> = {}
  const files = new Set<string>()
  for (const { name, filename, bytes } of parts) {
    if (name === undefined) throw new AgentOSError('INVALID_REQUEST', 'A part of the multipart body has no name')
    if (filename === undefined) setField(fields, name, decode(bytes, name))
    else files.add(name)
  }
  return { fields, files: [...files] }
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
