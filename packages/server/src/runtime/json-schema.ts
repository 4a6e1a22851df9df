/**
 * Validation by JSON Schema (draft 7 or 2020-12). The compiler is loaded when the first schema asks for it.
 * @module
 */
import type { ErrorObject, ValidateFunction } from 'ajv'
import { isJsonObject, type Json } from '../base/json.ts'
import { describeError } from './thrown.ts'
import { writePath, type Issue, type Validation } from './validation.ts'

export type JsonSchemaOptions = {
  /**
   * Whether `pattern` and `patternProperties` are checked. Not for schemas of callers: their regular expressions could
   * hold up the worker's thread for good.
   */
  readonly patterns: boolean
}

/**
 * @param what owner of the schema, for errors
 * @throws {TypeError} when it is not valid JSON Schema
 */
export async function compileJsonSchema(
  schema: Json,
  what: string,
  options: JsonSchemaOptions,
): Promise<(value: unknown) => Validation> {
  if (!isJsonObject(schema)) throw new TypeError(`${what}: its schema must be a JSON Schema object`)
  const { $schema: dialect, ...keywords } = schema
  const draft7 = typeof dialect === 'string' && /draft-0[4-7]/.test(dialect)
  let check: ValidateFunction
  try {
    check = await compile(keywords, options, draft7)
  } catch (cause) {
    // A schema that names no dialect may be of the older one: a list of `items` exists only there.
    check = await compile(keywords, options, true).catch(() => {
      throw new TypeError(`${what}: its schema is not valid JSON Schema: ${describeError(cause)}`, { cause })
    })
  }
  return (value) => {
    if (check(value)) return { ok: true, value }
    return { ok: false, issues: (check.errors ?? []).map(toIssue) }
  }
}

async function compile(schema: object, { patterns }: JsonSchemaOptions, draft7: boolean): Promise<ValidateFunction> {
  const { Ajv } = draft7 ? await import('ajv') : await loadDraft2020()
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, logger: false })
  if (!patterns) ajv.removeKeyword('pattern').removeKeyword('patternProperties')
  const check = ajv.compile(schema)
  // Such a check answers with a promise, which would count as a pass.
  if ('$async' in check) throw new TypeError('"$async" is not supported')
  return check
}

async function loadDraft2020() {
  const { Ajv2020 } = await import('ajv/dist/2020.js')
  return { Ajv: Ajv2020 }
}

function toIssue({ instancePath, message = 'does not fit', params, keyword }: ErrorObject): Issue {
  const steps = instancePath.split('/').slice(1)
  const path = writePath(steps.map((step) => (/^\d+$/.test(step) ? Number(step) : unescapePointer(step))))
  if (keyword === 'additionalProperties')
    return { path, message: `has an unknown key "${String(params['additionalProperty'])}"` }
  if (keyword === 'enum') return { path, message: `must be one of ${JSON.stringify(params['allowedValues'])}` }
  return { path, message }
}

/** One step of a JSON Pointer (RFC 6901, 3). */
function unescapePointer(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~')
}
