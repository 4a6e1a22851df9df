/**
 * JSON: each item of a list is a section, and so is each line of JSON Lines; anything else is one.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { Json } from '../../base/json.ts'
import { decodeText, tidyText } from '../decode.ts'
import { splitJsonItems } from '../json-items.ts'
import type { Section } from '../section.ts'
import type { FileReader } from './input.ts'

export const readJson: FileReader = function* ({ bytes, charset, filename, signal }): Generator<Section> {
  const text = decodeText(bytes, charset)
  if (text.trim() === '') throw new AgentOSError('DOCUMENT_EMPTY', 'The JSON document is empty')
  const isLines = /\.(jsonl|ndjson)$/i.test(filename)
  const items = isLines ? readLines(text) : readItems(text)
  let row = 0
  let hasText = false
  for (const item of items) {
    signal.throwIfAborted()
    row += 1
    const shown = show(item)
    if (shown.trim() === '') continue
    hasText = true
    yield { text: shown, metadata: { row } }
  }
  if (!hasText) throw new AgentOSError('DOCUMENT_EMPTY', 'The JSON document has no values')
}

function* readItems(text: string): Generator<Json> {
  let number = 0
  for (const item of splitJsonItems(text)) {
    number += 1
    yield parse(item, `item ${number}`)
  }
}

function* readLines(text: string): Generator<Json> {
  let number = 0
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    number += 1
    const line = text.slice(start, end).trim()
    for (const item of line === '' ? [] : splitJsonItems(`[${line}]`)) yield parse(item, `line ${number}`)
    start = end + 1
  }
}

function parse(text: string, what: string): Json {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const how = cause instanceof SyntaxError ? 'does not parse' : 'is nested too deep'
    throw new AgentOSError('DOCUMENT_CORRUPT', `The JSON document is damaged: ${what} ${how}`, { cause })
  }
}

function show(value: Json): string {
  if (typeof value === 'string') return tidyText(value)
  try {
    return tidyText(JSON.stringify(value, undefined, 2))
  } catch (cause) {
    throw new AgentOSError('DOCUMENT_CORRUPT', 'The JSON document is nested too deep', { cause })
  }
}
