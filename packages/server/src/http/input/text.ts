/**
 * Text that can be stored: PostgreSQL takes neither NUL characters nor half surrogate pairs, and JSON nested too deep
 * overflows the stack of whoever writes it again.
 * @module
 */
import type { FieldProblem } from '@agentos/wire'
import { fieldProblem, type Place } from './invalid-fields.ts'

/** Deepest nesting of objects and lists in a field. */
const MAX_DEPTH = 64

/** @returns what is wrong with the first text that cannot be stored; undefined when all can */
export function findBadText(values: Readonly<Record<string, unknown>>, place: Place): FieldProblem | undefined {
  const open: { value: unknown; loc: readonly (string | number)[]; depth: number }[] = []
  for (const [name, value] of Object.entries(values)) open.push({ value, loc: [place, name], depth: 0 })
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, loc, depth } = next
    if (typeof value === 'string') {
      const problem = judge(value)
      if (problem) return fieldProblem('value_error', loc, problem, null)
    } else if (typeof value === 'object' && value !== null) {
      if (depth === MAX_DEPTH) {
        const msg = `Input should be nested at most ${MAX_DEPTH} levels deep`
        return fieldProblem('value_error', loc.slice(0, 2), msg, null)
      }
      for (const [key, item] of Object.entries(value)) {
        const problem = judge(key) ?? (key === '__proto__' ? 'The key __proto__ is not allowed' : undefined)
        if (problem) return fieldProblem('value_error', loc, problem, null)
        // The path of a deep value is of no use to anybody, and would grow with every level.
        open.push({
          value: item,
          loc: depth < 4 ? [...loc, Array.isArray(value) ? Number(key) : key] : loc,
          depth: depth + 1,
        })
      }
    }
  }
  return undefined
}

function judge(text: string): string | undefined {
  if (text.includes('\0')) return 'Text should not contain NUL characters'
  return text.isWellFormed() ? undefined : 'Text should be well-formed Unicode'
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** @returns undefined when `bytes` are not UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}
