/**
 * Schemas as agent authors hand them over: any Standard Schema (zod, valibot, arktype, ...) or plain JSON Schema.
 * The Standard Schema types are written out here, so that the SDK depends on nothing (standardschema.dev, version 1).
 * @module
 */

/** Standard Schema version 1: validation behind one property, whatever the library. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
    /** Standard JSON Schema: the library's own conversion, where it has one. */
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: string }) => Record<string, unknown>
    }
  }
}

export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] }

export interface StandardIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** A JSON Schema object (draft 7 or 2020-12). */
export interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly [keyword: string]: unknown
}

export type Schema = StandardSchema | JsonSchema

/** The value a schema yields: inferred for a Standard Schema, an open record for JSON Schema. */
export type Infer<S> = S extends {
  readonly '~standard': { readonly types?: { readonly output: infer Output } | undefined }
}
  ? Output
  : Record<string, unknown>

/** Whether `schema` validates itself; otherwise it is JSON Schema. */
export function isStandardSchema(schema: unknown): schema is StandardSchema {
  return (
    (typeof schema === 'object' || typeof schema === 'function') &&
    schema !== null &&
    '~standard' in schema &&
    typeof schema['~standard'] === 'object' &&
    schema['~standard'] !== null
  )
}
