/**
 * What of a call is not the model's and the server's alone: a person has to agree, to fill in or to answer, or somebody
 * else runs the tool. Made once per tool, at load.
 * @module
 */
import type { ToolContext, ToolPause } from '@agentos/sdk'
import { isJsonObject, type Json, type JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { FeedbackQuestion, UserInputField } from '../base/requirement.ts'

export type ToolGate =
  | {
      readonly kind: 'confirmation'
      /** Decides for each call; undefined asks for all. */
      readonly isNeeded: IsConfirmationNeeded | undefined
    }
  | { readonly kind: 'user-input'; readonly fields: readonly FieldInfo[] }
  | { readonly kind: 'user-feedback' }
  | { readonly kind: 'external-execution'; readonly silent: boolean }

export type IsConfirmationNeeded = (input: unknown, ctx: ToolContext, transcript: readonly Message[]) => unknown

type FieldInfo = Omit<UserInputField, 'value'> & { readonly takesNull: boolean }

/** Agno's names of JSON Schema's types. */
const FIELD_TYPES: Readonly<Record<string, string>> = {
  integer: 'int',
  number: 'float',
  boolean: 'bool',
  array: 'list',
  object: 'dict',
}

/**
 * @param parameters JSON Schema of the tool's arguments, all of them
 * @throws {TypeError} when the person is to fill in an argument that the tool does not have
 */
export function prepareGate(pause: ToolPause | undefined, parameters: JsonObject, what: string): ToolGate | undefined {
  switch (pause?.kind) {
    case undefined:
      return undefined
    case 'confirmation':
      return { kind: 'confirmation', isNeeded: undefined }
    case 'user-input':
      checkFields(pause.fields ?? [], parameters, what)
      return { kind: 'user-input', fields: listFields(parameters) }
    case 'user-feedback':
    case 'external-execution':
      return pause
  }
}

/** What the model is told of the arguments: those that only a person fills in are left out. */
export function hideFields(pause: ToolPause | undefined, parameters: JsonObject): JsonObject {
  if (pause?.kind !== 'user-input' || pause.fields === undefined) return parameters
  const hidden = new Set(pause.fields)
  const { properties, required } = parameters
  const kept = Object.entries(isJsonObject(properties) ? properties : {}).filter(([name]) => !hidden.has(name))
  return {
    ...parameters,
    properties: Object.fromEntries(kept),
    ...(Array.isArray(required) && {
      required: required.filter((name) => typeof name !== 'string' || !hidden.has(name)),
    }),
  }
}

/** The form of a `user-input` requirement: every argument, with what the model proposes. */
export function fillFields(fields: readonly FieldInfo[], input: Json): readonly UserInputField[] {
  const proposed = isJsonObject(input) ? input : {}
  return fields.map(({ name, fieldType, description }) => {
    const value = Object.hasOwn(proposed, name) ? proposed[name] : undefined
    return { name, fieldType, description, value: value ?? null }
  })
}

/** The input with what a person has filled in. Null is a field left empty, unless the tool takes null for it. */
export function layOver(fields: readonly FieldInfo[], input: Json, values: JsonObject): JsonObject {
  const keepsNull = new Set(fields.flatMap(({ name, takesNull }) => (takesNull ? [name] : [])))
  const all = Object.entries({ ...(isJsonObject(input) ? input : {}), ...values })
  return Object.fromEntries(all.filter(([name, value]) => value !== null || keepsNull.has(name)))
}

/** The questions of a call of `ask_user`, whose input fits its schema. */
export function readQuestions(input: Json): readonly FeedbackQuestion[] {
  const questions = isJsonObject(input) ? input['questions'] : undefined
  return objectsOf(questions).map((question) => ({
    question: textOf(question['question']) ?? '',
    header: textOf(question['header']),
    options: objectsOf(question['options']).map((option) => ({
      label: textOf(option['label']) ?? '',
      description: textOf(option['description']),
    })),
    multiSelect: question['multi_select'] === true,
  }))
}

function checkFields(fields: readonly string[], parameters: JsonObject, what: string): void {
  const known = propertiesOf(parameters).map(([name]) => name)
  const stray = fields.find((field) => !known.includes(field))
  if (stray === undefined) return
  const list = known.length === 0 ? 'it has none' : `its arguments are ${known.join(', ')}`
  throw new TypeError(`${what}: requiresUserInput names the argument "${stray}", but ${list}`)
}

function listFields(parameters: JsonObject): readonly FieldInfo[] {
  return propertiesOf(parameters).map(([name, schema]) => {
    const { description } = isJsonObject(schema) ? schema : {}
    const types = typesOf(schema)
    const [only = '', ...others] = types.filter((type) => type !== 'null')
    const fieldType = (others.length === 0 ? FIELD_TYPES[only] : undefined) ?? 'str'
    return { name, fieldType, description: textOf(description), takesNull: types.includes('null') }
  })
}

/** Names of the types that a schema allows; empty when it does not say. */
function typesOf(schema: Json): readonly string[] {
  if (!isJsonObject(schema)) return []
  const { type, anyOf } = schema
  if (Array.isArray(anyOf)) return anyOf.flatMap(typesOf)
  return (Array.isArray(type) ? type : [type]).filter((each) => typeof each === 'string')
}

function propertiesOf({ properties }: JsonObject): [string, Json][] {
  return isJsonObject(properties) ? Object.entries(properties) : []
}

function objectsOf(list: Json | undefined): readonly JsonObject[] {
  return Array.isArray(list) ? list.filter(isJsonObject) : []
}

function textOf(value: Json | undefined): string | null {
  return typeof value === 'string' ? value : null
}
