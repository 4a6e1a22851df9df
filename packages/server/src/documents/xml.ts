/**
 * Reads XML as a stream of tags and texts, a slice at a time. Document types and their entities are passed over, so
 * nothing in a file can make it grow or reach out.
 * @module
 */
import { Parser } from 'htmlparser2'
import { AgentOSError } from '../base/errors.ts'

export type XmlAttributes = Readonly<Record<string, string>>

export type XmlHandler = {
  /** Names of elements are without their prefix, those of attributes with it. */
  readonly open?: (name: string, attributes: XmlAttributes) => void
  readonly text?: (text: string) => void
  readonly close?: (name: string) => void
}

const SLICE_BYTES = 262_144
/** The time that the parser takes for an element grows with the depth. */
const MOST_DEPTH = 1000
const TOO_DEEP = `The document is damaged: it nests more than ${MOST_DEPTH} elements`

/**
 * Parses UTF-8, or UTF-16 with a mark. What is not well-formed is read as well as it can be.
 * @throws {AgentOSError} DOCUMENT_CORRUPT when it is nested too deep
 */
export function parseXml(bytes: Uint8Array, handler: XmlHandler): void {
  let depth = 0
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        depth += 1
        if (depth > MOST_DEPTH) throw new AgentOSError('DOCUMENT_CORRUPT', TOO_DEEP)
        handler.open?.(localName(name), attributes)
      },
      ontext: (text) => handler.text?.(text),
      onclosetag: (name) => {
        depth -= 1
        handler.close?.(localName(name))
      },
    },
    { xmlMode: true, decodeEntities: true },
  )
  const decoder = new TextDecoder(encodingOf(bytes))
  for (let start = 0; start < bytes.length; start += SLICE_BYTES) {
    parser.write(decoder.decode(bytes.subarray(start, start + SLICE_BYTES), { stream: true }))
  }
  parser.end(decoder.decode())
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}
