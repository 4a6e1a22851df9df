/**
 * Takes a JSON text apart into the items of its list without parsing it, so that each is parsed by itself. `JSON.parse`
 * cannot be interrupted, not even by ending its thread; a list of a million empty lists would hold it for minutes.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'

/** What an item may hold: values take some tens of bytes each. */
const MOST_VALUES = 1_000_000

const QUOTE = 34
const COMMA = 44
const COLON = 58
const BACKSLASH = 92

/**
 * The texts of the items, when the text is a list; else the whole of it. What they hold is not checked.
 * @throws {AgentOSError} DOCUMENT_CORRUPT when a list does not end, or something comes behind it; DOCUMENT_TOO_LARGE
 */
export function* splitJsonItems(text: string): Generator<string> {
  const first = text.search(/\S/)
  if (text[first] !== '[') {
    findItemEnd(text, first)
    yield text
    return
  }
  const afterOpening = first + 1
  let start = afterOpening
  for (;;) {
    const end = findItemEnd(text, start)
    const sign = text[end]
    const item = text.slice(start, end)
    const isEmptyList = sign === ']' && start === afterOpening && item.trim() === ''
    if (!isEmptyList) yield item
    if (sign === ']') {
      if (text.slice(end + 1).trim() !== '') throw corrupt('something comes behind the end of its list')
      return
    }
    if (sign !== ',') throw corrupt('its list does not end')
    start = end + 1
  }
}

/** Where the comma or the bracket stands that is not within the item; the end of the text when there is none. */
function findItemEnd(text: string, start: number): number {
  let depth = 0
  let values = 0
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = findStringEnd(text, at)
    else if (isOpening(unit)) depth += 1
    else if (isClosing(unit)) {
      if (depth === 0) return at
      depth -= 1
    } else if (unit === COMMA && depth === 0) return at
    else if (unit !== COMMA && unit !== COLON) continue
    values += 1
    if (values > MOST_VALUES) {
      throw new AgentOSError('DOCUMENT_TOO_LARGE', `An item of the JSON document has more than ${MOST_VALUES} values`)
    }
  }
  return text.length
}

function findStringEnd(text: string, opening: number): number {
  for (let at = opening + 1; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit === BACKSLASH) at += 1
    else if (unit === QUOTE) return at
  }
  return text.length
}

/** `[` and `{`, which differ in one bit. */
function isOpening(unit: number): boolean {
  return (unit & ~0x20) === 0x5b
}

/** `]` and `}`. */
function isClosing(unit: number): boolean {
  return (unit & ~0x20) === 0x5d
}

function corrupt(detail: string): AgentOSError {
  return new AgentOSError('DOCUMENT_CORRUPT', `The JSON document is damaged: ${detail}`)
}
