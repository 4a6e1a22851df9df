/**
 * Structured answers: what the model is asked for, and whether its text is that.
 * @module
 */
import { isJsonObject, parseJson, toJson, type Json, type JsonObject } from '../base/json.ts'
import { compileJsonSchema } from './json-schema.ts'
import { prepareSchema, type PreparedSchema } from './schema.ts'
import { findNonJson } from './state.ts'
import type { Issue } from './validation.ts'

export type PreparedOutput = {
  readonly name: string
  readonly schema: JsonObject
  readonly validate: PreparedSchema['validate']
}

export type ParsedOutput =
  | { readonly ok: true; readonly content: Json }
  | { readonly ok: false; readonly issues: readonly Issue[] }

const DEFAULT_NAME = 'OutputSchema'

/**
 * The output schema of an agent.
 * @throws {TypeError} when it cannot become JSON Schema
 */
export async function prepareOutput(schema: unknown, what: string): Promise<PreparedOutput> {
  const { json, validate } = await prepareSchema(schema, what)
  return { name: nameOutput(json), schema: json, validate }
}

/**
 * The output schema that a caller sent with a run. Its regular expressions are not run.
 * @throws {TypeError} when it is not valid JSON Schema
 */
export async function prepareRequestedOutput(schema: JsonObject): Promise<PreparedOutput> {
  const check = await compileJsonSchema(schema, 'output_schema', { patterns: false })
  return { name: nameOutput(schema), schema, validate: async (value) => check(value) }
}

/** The JSON of an answer, as the schema yields it. Models wrap it in a code fence at times. */
export async function parseOutput(text: string, output: PreparedOutput): Promise<ParsedOutput> {
  const value = parseJson(text) ?? parseJson(insideFence(text))
  if (value === undefined) return { ok: false, issues: [{ path: '', message: 'the answer is not JSON' }] }
  const validation = await output.validate(value)
  if (!validation.ok) return validation
  const problem = findNonJson(validation.value, 'value')
  // A schema may turn text into a Date or drop a key; what it yields must still be JSON to be an answer.
  if (problem === undefined) return { ok: true, content: toJson(validation.value, 'The answer') }
  return { ok: true, content: value }
}

/** The schema's title where a provider takes it as a name. */
function nameOutput(schema: JsonObject): string {
  const title = isJsonObject(schema) ? schema['title'] : undefined
  const name = typeof title === 'string' ? title.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, 64) : ''
  return name === '' ? DEFAULT_NAME : name
}

function insideFence(text: string): string {
  return /```(?:json)?\s*\n([\s\S]*?)\n?\s*```/.exec(text)?.[1] ?? text
}
