/**
 * 422: every field of a request that is wrong, in the words of pydantic, which Agno's clients know.
 * @module
 */
import type { FieldProblem } from '@agentos/wire'
import type { z } from 'zod'
import type { Json } from '../../base/json.ts'

/** Where a value came from. */
export type Place = 'body' | 'query' | 'path' | 'header'

/** A request whose fields are wrong. */
export class InvalidFields extends Error {
  override readonly name = 'InvalidFields'
  readonly fields: readonly FieldProblem[]

  constructor(fields: readonly FieldProblem[]) {
    super(fields.map(({ loc, msg }) => `${loc.join('.')}: ${msg}`).join('; '))
    this.fields = fields
  }
}

export function fieldProblem(
  type: string,
  loc: readonly (string | number)[],
  msg: string,
  input: unknown,
  ctx?: FieldProblem['ctx'],
): FieldProblem {
  return { type, loc: [...loc], msg, input: cut(input), ...(ctx && { ctx }) }
}

/**
 * A failed check of zod, parsed with `reportInput`.
 * @param given the fields as they were sent, before texts became values
 */
export function fromIssue(
  issue: z.core.$ZodIssue,
  place: Place,
  given: Readonly<Record<string, unknown>>,
): FieldProblem {
  const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key))
  const loc = [place, ...path]
  const field = String(path[0])
  const input =
    path.length === 1 && issue.input !== undefined && Object.hasOwn(given, field) ? given[field] : issue.input
  const make = (type: string, msg: string, ctx?: FieldProblem['ctx']) => fieldProblem(type, loc, msg, input, ctx)
  switch (issue.code) {
    case 'invalid_type':
      return input === undefined ? make('missing', 'Field required') : make(...wrongType(issue.expected))
    case 'invalid_value': {
      const expected = listChoices(issue.values.map((value) => `'${String(value)}'`))
      return make('enum', `Input should be ${expected}`, { expected })
    }
    case 'too_small':
      return make(...tooSmall(issue.origin, Number(issue.minimum), input))
    case 'too_big':
      return make(...tooBig(issue.origin, Number(issue.maximum), input))
    default:
      return make('value_error', issue.message)
  }
}

type Words = [type: string, msg: string, ctx?: FieldProblem['ctx']]

function wrongType(expected: string): Words {
  switch (expected) {
    case 'string':
      return ['string_type', 'Input should be a valid string']
    case 'boolean':
      return ['bool_type', 'Input should be a valid boolean']
    case 'int':
    case 'number':
      return ['int_type', 'Input should be a valid integer']
    case 'array':
      return ['list_type', 'Input should be a valid list']
    default:
      return ['dict_type', 'Input should be a valid dictionary']
  }
}

function tooSmall(origin: string, minimum: number, input: unknown): Words {
  if (origin === 'string') {
    const unit = minimum === 1 ? 'character' : 'characters'
    return ['string_too_short', `String should have at least ${minimum} ${unit}`, { min_length: minimum }]
  }
  if (origin === 'array') {
    const actual = Array.isArray(input) ? input.length : 0
    const unit = minimum === 1 ? 'item' : 'items'
    const msg = `List should have at least ${minimum} ${unit} after validation, not ${actual}`
    return ['too_short', msg, { field_type: 'List', min_length: minimum, actual_length: actual }]
  }
  return ['greater_than_equal', `Input should be greater than or equal to ${minimum}`, { ge: minimum }]
}

function tooBig(origin: string, maximum: number, input: unknown): Words {
  if (origin === 'string') {
    return ['string_too_long', `String should have at most ${maximum} characters`, { max_length: maximum }]
  }
  if (origin === 'array') {
    const actual = Array.isArray(input) ? input.length : 0
    const msg = `List should have at most ${maximum} items after validation, not ${actual}`
    return ['too_long', msg, { field_type: 'List', max_length: maximum, actual_length: actual }]
  }
  return ['less_than_equal', `Input should be less than or equal to ${maximum}`, { le: maximum }]
}

/** `'a', 'b' or 'c'` */
function listChoices(choices: readonly string[]): string {
  return choices.length < 2 ? choices.join('') : `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`
}

const LONGEST_ECHO = 200

/** What was sent, short enough to send back. */
function cut(input: unknown): Json {
  if (input === undefined || input === null) return null
  if (typeof input === 'string') return input.length > LONGEST_ECHO ? `${input.slice(0, LONGEST_ECHO)}...` : input
  if (typeof input === 'number' || typeof input === 'boolean') return input
  if (Array.isArray(input) && input.length === 0) return []
  if (typeof input === 'object' && Object.keys(input).length === 0) return {}
  return Array.isArray(input) ? '[...]' : '{...}'
}
