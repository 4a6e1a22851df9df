/**
 * Bodies as fields: urlencoded, multipart and JSON alike. Text must be UTF-8. The last of several fields of one name
 * counts. Multipart parts with a file name are uploads and are named in `files`; their bytes are not kept.
 * @module
 */
import '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
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

/**
 * Reads a multipart body with the parser of `@fastify/multipart`, which hands every part over as bytes.
 * @param limitBytes most bytes of all fields together
 * @throws {AgentOSError} INVALID_REQUEST, BODY_TOO_LARGE
 */
export async function readMultipart(request: FastifyRequest, limitBytes: number): Promise<Form> {
  try {
    return await readParts(request, limitBytes)
  } catch (cause) {
    // The parser's complaints about the body are plain errors; everything else has a code.
    if (!(cause instanceof Error) || 'code' in cause) throw cause
    throw new AgentOSError('INVALID_REQUEST', `The multipart body cannot be read: ${cause.message}`, { cause })
  }
}

async function readParts(request: FastifyRequest, limitBytes: number): Promise<Form> {
  const fields: Record<string, string> = {}
  const files = new Set<string>()
  let bytes = 0
  for await (const part of request.parts()) {
    if (part.type !== 'file') continue
    const chunks: Buffer[] = []
    for await (const chunk of part.file) {
      // A readable byte stream yields buffers.
      const piece = chunk as Buffer
      bytes += piece.length
      if (bytes > limitBytes) throw new AgentOSError('BODY_TOO_LARGE', `The form is larger than ${limitBytes} bytes`)
      if (part.filename === undefined) chunks.push(piece)
    }
    // The types say there is always a file name; a plain field has none.
    if (part.filename === undefined) setField(fields, part.fieldname, decode(Buffer.concat(chunks), part.fieldname))
    else files.add(part.fieldname)
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
