/**
 * Turns the texts of a form or a query into the values a schema asks for: flags, whole numbers, JSON. Follows pydantic in
 * what it accepts. A text that does not fit becomes a field problem; the schema checks everything else.
 * @module
 */
import type { FieldProblem } from '@agentos/wire'
import { z } from 'zod'
import { parseJson } from '../../base/json.ts'
import { fieldProblem, type Place } from './invalid-fields.ts'

export type Coerced = { readonly values: Record<string, unknown>; readonly problems: readonly FieldProblem[] }

const TRUE = ['true', '1', 'on', 't', 'y', 'yes']
const FALSE = ['false', '0', 'off', 'f', 'n', 'no']
/** Kinds that take a text as it is. A union that takes texts means what it says; its route reads them. */
const TEXTS = ['string', 'enum', 'union']
const NOTHING = ['', 'null', 'none']

/**
 * @param given texts, or values that are already typed (from a JSON body), by name. Empty texts and null count as absent,
 *   in a header only where no text is asked for; so do the words null and none where no text is asked for. Names that the schema does not know are left out.
 */
export function coerce(schema: z.ZodObject, given: Readonly<Record<string, unknown>>, place: Place): Coerced {
  const values: Record<string, unknown> = {}
  const problems: FieldProblem[] = []
  for (const [name, field] of Object.entries(schema.shape)) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined
    if (value === undefined || value === null || (value === '' && place !== 'header')) continue
    const kind = kindOf(field)
    if (typeof value !== 'string' || TEXTS.includes(kind)) {
      values[name] = value
      continue
    }
    if (NOTHING.includes(value.trim().toLowerCase())) continue
    const parsed = parseText(value, kind)
    if (parsed.problem) problems.push(fieldProblem(parsed.problem.type, [place, name], parsed.problem.msg, value))
    else values[name] = parsed.value
  }
  return { values, problems }
}

type Parsed = { readonly value?: unknown; readonly problem?: { readonly type: string; readonly msg: string } }

function parseText(text: string, kind: string): Parsed {
  if (kind === 'boolean') {
    const word = text.trim().toLowerCase()
    if (TRUE.includes(word)) return { value: true }
    if (FALSE.includes(word)) return { value: false }
    return { problem: { type: 'bool_parsing', msg: 'Input should be a valid boolean, unable to interpret input' } }
  }
  if (kind === 'number') {
    if (/^\s*[+-]?\d+(\.0*)?\s*$/.test(text)) return { value: Number(text) }
    const msg = 'Input should be a valid integer, unable to parse string as an integer'
    return { problem: { type: 'int_parsing', msg } }
  }
  const value = parseJson(text)
  return value === undefined ? { problem: { type: 'json_invalid', msg: 'Input should be valid JSON' } } : { value }
}

/** Whether `schema` asks for a list under `name`. */
export function takesList(schema: z.ZodObject, name: string): boolean {
  const field: unknown = Object.hasOwn(schema.shape, name) ? schema.shape[name] : undefined
  // The shape of a schema of zod's classic interface holds such schemas.
  return field !== undefined && kindOf(field as z.ZodType) === 'array'
}

/** The kind of value behind optional, nullable and default wrappers, as zod names it. */
function kindOf(field: z.ZodType): string {
  if (field instanceof z.ZodOptional || field instanceof z.ZodNullable || field instanceof z.ZodDefault) {
    // zod types what it wraps by its core; this code only makes schemas of its classic interface.
    return kindOf(field.unwrap() as z.ZodType)
  }
  return field.def.type
}
