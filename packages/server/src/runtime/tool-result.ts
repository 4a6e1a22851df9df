/**
 * What a tool returned, as text for the model: text as it is, everything else as JSON, cut to a limit.
 * @module
 */

import { describeError } from './thrown.ts'
import { hideBytes } from './tool-media.ts'

/** How something was found. */
export type FoundBy = { readonly query: string; readonly durationMs: number }

/** `found` where the text is what was found. */
export type ToolText = { readonly text: string; readonly isError: boolean; readonly found?: FoundBy }

const FOUND = Symbol('found')

/** The result of a tool that looks something up: JSON of the list that it found. */
export function foundText(text: string, found: FoundBy): object {
  return { [FOUND]: { text, isError: false, found } satisfies ToolText }
}

/**
 * Text is handed over as it is, nothing at all (`undefined`) is "done", everything else is JSON. An `Error` that was
 * returned instead of thrown is an error all the same.
 */
export function writeToolResult(value: unknown, toolName: string): ToolText {
  if (typeof value === 'string') return { text: value, isError: false }
  if (value === undefined) return { text: 'done', isError: false }
  if (typeof value === 'object' && value !== null && FOUND in value) return value[FOUND] as ToolText
  if (value instanceof Error) return { text: describeThrown(value, toolName), isError: true }
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (error) {
    return { text: notJson(toolName, nameOf(value), describeError(error)), isError: true }
  }
  if (text === undefined) return { text: notJson(toolName, nameOf(value), ''), isError: true }
  // JSON writes a Map, a Set, a Response or a generator as {} without a word, and the model would believe it.
  if (text === '{}' && !isPlainObject(value)) return { text: notJson(toolName, nameOf(value), ''), isError: true }
  return { text: hideBytes(value, text), isError: false }
}

/** The message of what a tool threw; never its stack. */
export function describeThrown(error: unknown, toolName: string): string {
  return `Tool "${toolName}" failed: ${describeError(error)}`
}

/**
 * Cuts `text` to `maxBytes` of UTF-8 and says so at its end; the notice comes on top of the limit. Characters that
 * Postgres cannot keep in JSON (NUL, halves of a surrogate pair) become U+FFFD.
 */
export function cutToolText(text: string, maxBytes: number): string {
  const clean = (part: string) => part.toWellFormed().replaceAll('\0', '\uFFFD')
  // No character of UTF-16 takes more than three bytes of UTF-8, so most texts need no counting.
  if (text.length * 3 <= maxBytes) return clean(text)
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return clean(text)
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(maxBytes))
  return `${clean(text.slice(0, read))}\n[Cut: the result has ${bytes} bytes, only the first ${maxBytes} are shown.]`
}

function notJson(toolName: string, what: string, detail: string): string {
  return `Tool "${toolName}" returned ${what}, which cannot be written as JSON${detail === '' ? '' : `: ${detail}`}`
}

function nameOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`
  if (Symbol.asyncIterator in value) return 'an async iterable'
  return isPlainObject(value) ? 'an object' : `a ${value.constructor?.name || 'class instance'}`
}

function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}
