/**
 * Schemas of agent authors in one form: the JSON Schema for the model, and a validation whose issues the model can read.
 * Takes Standard Schema, the AI SDK's `jsonSchema()` and plain JSON Schema.
 * @module
 */
import { isStandardSchema, type StandardIssue, type StandardSchema } from '@agentos/sdk'
import { isJsonObject, toJson, type Json, type JsonObject } from '../base/json.ts'
import { compileJsonSchema } from './json-schema.ts'
import { describeError } from './thrown.ts'
import { writePath, type Issue, type Validation } from './validation.ts'

export type PreparedSchema = {
  readonly json: JsonObject
  /** Rejects only when the author's schema itself throws. */
  readonly validate: (value: unknown) => Promise<Validation>
}

/** The AI SDK's mark on schemas of `jsonSchema()` and `zodSchema()`. */
const AI_SCHEMA = Symbol.for('vercel.ai.schema')

/**
 * @param what owner of the schema, for errors: `tool "refund"`
 * @throws {TypeError} when it cannot be written as JSON Schema, or is not valid JSON Schema
 */
export async function prepareSchema(schema: unknown, what: string): Promise<PreparedSchema> {
  if (isStandardSchema(schema)) return prepareStandard(schema, what)
  if (isAiSchema(schema)) return prepareAiSchema(schema, what)
  // The AI SDK also takes a function that makes the schema.
  if (typeof schema === 'function') return prepareSchema(schema(), what)
  const json = withoutDialect(toJson(schema, `The schema of ${what}`), what)
  const check = await compileJsonSchema(toJson(schema, what), what, { patterns: true })
  return { json, validate: async (value) => check(value) }
}

function prepareStandard(schema: StandardSchema, what: string): PreparedSchema {
  const standard = schema['~standard']
  if (standard.jsonSchema === undefined) {
    const hint =
      standard.vendor === 'zod'
        ? 'use zod 4.2 or later'
        : standard.vendor === 'valibot'
          ? 'wrap it in toStandardJsonSchema() of @valibot/to-json-schema'
          : 'use a version of the library that implements Standard JSON Schema'
    throw new TypeError(
      `${what}: this ${standard.vendor} schema does not tell its JSON Schema; ${hint}, or write JSON Schema`,
    )
  }
  let json: JsonObject
  try {
    json = withoutDialect(toJson(standard.jsonSchema.input({ target: 'draft-07' }), what), what)
  } catch (cause) {
    throw new TypeError(`${what}: its ${standard.vendor} schema cannot become JSON Schema: ${describeError(cause)}`, {
      cause,
    })
  }
  return {
    json: closeObjects(json),
    validate: async (value) => {
      const result = await standard.validate(value)
      return result.issues === undefined
        ? { ok: true, value: result.value }
        : { ok: false, issues: result.issues.map(toIssue) }
    },
  }
}

type AiSchema = {
  readonly jsonSchema: unknown
  readonly validate?: ((value: unknown) => unknown) | undefined
}

function isAiSchema(schema: unknown): schema is AiSchema {
  return typeof schema === 'object' && schema !== null && AI_SCHEMA in schema && 'jsonSchema' in schema
}

async function prepareAiSchema(schema: AiSchema, what: string): Promise<PreparedSchema> {
  const raw = toJson(await schema.jsonSchema, `The schema of ${what}`)
  const json = withoutDialect(raw, what)
  const { validate } = schema
  if (typeof validate !== 'function') {
    const check = await compileJsonSchema(raw, what, { patterns: true })
    return { json, validate: async (value) => check(value) }
  }
  return {
    json,
    validate: async (value) => {
      const result: unknown = await validate(value)
      if (typeof result === 'object' && result !== null && 'success' in result) {
        if (result.success === true && 'value' in result) return { ok: true, value: result.value }
        if ('error' in result) return { ok: false, issues: [{ path: '', message: describeError(result.error) }] }
      }
      throw new TypeError(`${what}: validate() of its schema returned neither a value nor an error`)
    },
  }
}

function toIssue({ message, path = [] }: StandardIssue): Issue {
  return { path: writePath(path.map((step) => (typeof step === 'object' ? step.key : step))), message }
}

function withoutDialect(json: Json, what: string): JsonObject {
  if (!isJsonObject(json)) throw new TypeError(`${what}: its schema must be a JSON Schema object`)
  const { $schema: _dialect, ...rest } = json
  return rest
}

/** Says of every object that says nothing else that it takes no further keys; strict modes of providers demand it. */
function closeObjects(schema: JsonObject): JsonObject {
  const closed: Record<string, Json> = {}
  for (const [keyword, value] of Object.entries(schema)) closed[keyword] = closeInside(keyword, value)
  if (schema['type'] === 'object' && schema['additionalProperties'] === undefined)
    closed['additionalProperties'] = false
  return closed
}

function closeInside(keyword: string, value: Json): Json {
  switch (keyword) {
    case 'properties':
    case 'definitions':
    case '$defs':
      if (!isJsonObject(value)) return value
      return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, closeOne(item)]))
    case 'items':
    case 'additionalProperties':
    case 'anyOf':
    case 'oneOf':
      return Array.isArray(value) ? value.map(closeOne) : closeOne(value)
    default:
      return value
  }
}

function closeOne(schema: Json): Json {
  return isJsonObject(schema) ? closeObjects(schema) : schema
}
