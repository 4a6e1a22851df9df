/**
 * What spans may tell: which attributes are content (words of users, models and tools), what is masked in them, and how
 * much of them is kept. Content goes where the settings say; everything else goes everywhere.
 * @module
 */
import type { Redact } from '../base/redact.ts'
import type { SpanAttribute, SpanRecord } from '../base/span.ts'

/**
 * How much of the content a receiver gets: none; what went in and came out of each span; or that, and every message and
 * tool of a model call under the names of both conventions.
 */
export type ContentLevel = 'none' | 'values' | 'messages'

/** Longest text of an attribute, in characters. */
export const MAX_TEXT = 16_384

const MASK = '[redacted]'
/** Keys of secrets, their humps written as separators: `apiKey` and `x-api-key` are, `monkey` and `max_tokens` are not. */
const SECRET_KEY =
  /^(?:.*[_.-])?(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie|credentials?)$/i
/** `"key": "value"` in JSON, and in JSON that is a string of JSON. What was cut has no end. */
const MEMBERS = [
  /("[\w.-]{1,64}"\s*:\s*")(?:\\.|[^"\\])*("|\\?$)/g,
  /(\\"[\w.-]{1,64}\\"\s*:\s*\\")(?:\\\\(?:\\.|.)|[^"\\])*(\\"|\\*$)/g,
]

/** Attributes of the words themselves; other attributes are ids, names and counts. */
const CONTENT = /^(input\.value|output\.value|tool\.parameters|gen_ai\.tool\.call\.(arguments|result))$/
const MESSAGES =
  /^(llm\.(input|output)_messages\.|llm\.tools\.|retrieval\.documents\.|gen_ai\.(input|output)\.messages$|gen_ai\.(system_instructions|tool\.definitions)$)/

/** The span with no more content than `level` has. The error of a tool is its own words, so it counts as content. */
export function limitContent(span: SpanRecord, level: ContentLevel): SpanRecord {
  if (level === 'messages') return span
  const hides = (name: string) => MESSAGES.test(name) || (level === 'none' && CONTENT.test(name))
  const attributes = Object.fromEntries(Object.entries(span.attributes).filter(([name]) => !hides(name)))
  const saysNothing = level === 'none' && span.kind === 'TOOL' && span.error !== null
  return { ...span, attributes, error: saysNothing ? 'The tool failed' : span.error }
}

/** Masks what looks like a secret in content and errors, and cuts what is too long; ids, names and counts stay. */
export function cleanSpan(span: SpanRecord, redact: Redact): SpanRecord {
  const attributes: Record<string, SpanAttribute> = {}
  for (const [name, value] of Object.entries(span.attributes)) {
    const isContent = typeof value === 'string' && (CONTENT.test(name) || MESSAGES.test(name))
    attributes[name] = isContent ? cleanText(value, redact) : value
  }
  return { ...span, attributes, error: span.error === null ? null : cleanText(span.error, redact) }
}

function cleanText(text: string, redact: Redact): string {
  // A secret that the cut goes through would pass as something else, so a little more than is kept is looked at.
  const clean = maskKeys(redact(text.slice(0, MAX_TEXT + 4096)))
  return cutText(clean, text.length)
}

/**
 * @param length of the text before anything was taken from it, in characters
 * @param most characters that are left, 64 or more
 */
export function cutText(text: string, length = text.length, most = MAX_TEXT): string {
  if (text.length <= most) return text
  const notice = `... [cut from ${length} characters]`
  return text.slice(0, most - notice.length).toWellFormed() + notice
}

function maskKeys(text: string): string {
  if (!text.includes('"')) return text
  let clean = text
  for (const member of MEMBERS) {
    clean = clean.replaceAll(member, (all, before: string, after: string) =>
      isSecret(before) ? before + MASK + after : all,
    )
  }
  return clean
}

/** @param before a key in its quotes, and what stands between it and its value */
function isSecret(before: string): boolean {
  const key = /[\w.-]+/.exec(before)?.[0] ?? ''
  return SECRET_KEY.test(key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2'))
}
