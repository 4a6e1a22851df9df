/**
 * Reads a multipart body (RFC 7578) part by part while it arrives. Holds no more than what one chunk of the body has.
 *
 *   preamble -- delimiter --> headers -- blank line --> data -- delimiter --> headers ...
 *                                                       data -- delimiter and "--" --> end
 *
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'

export type Part = {
  readonly name: string
  /** Undefined for a field. Without directories; may be empty. */
  readonly filename: string | undefined
  /** Without parameters, in lower case. */
  readonly mimeType: string | undefined
  /** Must be read to its end before the next part is asked for. */
  readonly data: AsyncIterable<Uint8Array>
}

/** More parts than any form of the API has. */
const MAX_PARTS = 256
/** Most bytes of a part's headers. */
const MAX_HEADER_BYTES = 16_384
const CRLF = Buffer.from('\r\n')
const BLANK_LINE = Buffer.from('\r\n\r\n')
const DASH = 0x2d

/**
 * The boundary that the type of a body names.
 * @throws {AgentOSError} INVALID_REQUEST
 */
export function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70})(?=[\s;]|$))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw new AgentOSError('INVALID_REQUEST', 'The multipart body has no valid boundary')
  return boundary
}

/** @throws {AgentOSError} INVALID_REQUEST for what is not multipart; BODY_TOO_LARGE for too many parts or headers */
export async function* readParts(body: AsyncIterable<Uint8Array>, boundary: string): AsyncGenerator<Part> {
  const input = createInput(body)
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1')
  // The first delimiter may stand at the very beginning, without a line before it.
  input.prepend(CRLF)
  await drain(input.until(delimiter))
  for (let count = 1; !(await isLast(input)); count++) {
    if (count > MAX_PARTS) throw new AgentOSError('BODY_TOO_LARGE', `The form has more than ${MAX_PARTS} parts`)
    const headers = await readHeaders(input)
    const data = input.until(delimiter)
    yield { ...describePart(headers), data }
    await drain(data)
  }
}

/** What follows a delimiter: `--` after the last part, the end of the line before another one. */
async function isLast(input: Input): Promise<boolean> {
  const line = await input.peek(2)
  if (line[0] === DASH && line[1] === DASH) return true
  if (!line.equals(CRLF)) throw broken('a boundary is followed by something else than a line end')
  return false
}

/** The headers with the line end before them, so that a part without any ends as the others do. */
async function readHeaders(input: Input): Promise<string> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of input.until(BLANK_LINE)) {
    bytes += piece.length
    if (bytes > MAX_HEADER_BYTES) throw new AgentOSError('BODY_TOO_LARGE', 'A part of the form has too many headers')
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces).toString('utf8')
}

function describePart(headers: string): Omit<Part, 'data'> {
  const disposition = /^content-disposition[ \t]*:[ \t]*form-data[ \t]*(;.*)?$/im.exec(headers)?.[1] ?? ''
  const parameters = readParameters(disposition)
  const name = parameters.get('name')
  if (name === undefined) throw new AgentOSError('INVALID_REQUEST', 'A part of the multipart body has no name')
  const filename = readExtended(parameters.get('filename*')) ?? parameters.get('filename')
  return {
    name,
    filename: filename?.replace(/^.*[/\\]/s, ''),
    mimeType: /^content-type[ \t]*:[ \t]*([^\s;]+)/im.exec(headers)?.[1]?.toLowerCase(),
  }
}

const PARAMETER = /;[ \t]*([\w!#$&+^`|~.*-]+)[ \t]*=[ \t]*(?:"((?:\\["\\]|[^"])*)"|([^\s;"]*))/g

/** Quotes within a name are written as `\"` by curl and as `%22` by browsers. */
function readParameters(text: string): Map<string, string> {
  const found = [...text.matchAll(PARAMETER)].map(([, key = '', quoted, plain = '']) => {
    const value = quoted?.replaceAll(/\\(["\\])/g, '$1').replaceAll('%22', '"') ?? plain
    return [key.toLowerCase(), value] as const
  })
  return new Map(found)
}

/** `UTF-8''na%C3%AFve.txt` (RFC 5987), which some clients send although RFC 7578 forbids it. */
function readExtended(value: string | undefined): string | undefined {
  const encoded = /^utf-8'[^']*'(.*)$/i.exec(value ?? '')?.[1]
  if (encoded === undefined) return undefined
  try {
    return decodeURIComponent(encoded)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

type Input = {
  readonly prepend: (bytes: Buffer) => void
  /** The bytes before `mark`, which is left out itself. */
  readonly until: (mark: Buffer) => AsyncGenerator<Uint8Array>
  /** The next bytes, which stay to be read. */
  readonly peek: (bytes: number) => Promise<Buffer>
}

function createInput(body: AsyncIterable<Uint8Array>): Input {
  const chunks = body[Symbol.asyncIterator]()
  let held: Buffer = Buffer.alloc(0)

  const pull = async () => {
    const { value, done } = await chunks.next()
    if (done === true) throw broken('it ends within a part')
    held = held.length === 0 ? Buffer.from(value.buffer, value.byteOffset, value.length) : Buffer.concat([held, value])
  }
  return {
    prepend: (bytes) => {
      held = Buffer.concat([bytes, held])
    },
    async *until(mark) {
      for (let at = held.indexOf(mark); ; at = held.indexOf(mark)) {
        // Unless it was found, the last bytes may be its beginning.
        const ready = at === -1 ? Math.max(0, held.length - mark.length + 1) : at
        const piece = held.subarray(0, ready)
        held = held.subarray(at === -1 ? ready : at + mark.length)
        if (piece.length > 0) yield piece
        if (at !== -1) return
        await pull()
      }
    },
    async peek(bytes) {
      while (held.length < bytes) await pull()
      return held.subarray(0, bytes)
    },
  }
}

async function drain(pieces: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of pieces) void piece
}

function broken(reason: string): AgentOSError {
  return new AgentOSError('INVALID_REQUEST', `The multipart body cannot be read: ${reason}`)
}
