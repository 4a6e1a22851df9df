/**
 * Bodies of failed requests. `detail` is Agno's, `error_id` and `next` are ours.
 * @module
 */
import { z } from 'zod'
import { Json, JsonObject } from './json.ts'

export const Problem = z
  .object({
    detail: z.string().describe('What went wrong, in one sentence.'),
    error_id: z.string().describe('Code of docs/reference/errors.md.'),
    next: z.string().optional().describe('What to do about it.'),
    request_id: z.string().optional().describe('Finds this request in the server log.'),
  })
  .meta({ id: 'Problem' })
export type Problem = z.infer<typeof Problem>

export const FieldProblem = z.object({
  type: z.string().describe('For example missing, string_type, int_parsing, json_invalid.'),
  loc: z.array(z.union([z.string(), z.number()])).describe('body, query or path, then the field.'),
  msg: z.string(),
  input: Json.describe('What was sent, cut when it is long.'),
  ctx: JsonObject.optional(),
})
export type FieldProblem = z.infer<typeof FieldProblem>

/** 422: every field that is wrong. */
export const ValidationProblem = z
  .object({ detail: z.array(FieldProblem), error_id: z.string() })
  .meta({ id: 'ValidationProblem' })
export type ValidationProblem = z.infer<typeof ValidationProblem>
