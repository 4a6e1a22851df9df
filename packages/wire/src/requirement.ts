/**
 * What a paused run waits for, and the answers that let it go on.
 * @module
 */
import { z } from 'zod'
import { Id, Json } from './json.ts'
import { ToolExecution, UserFeedbackQuestion, UserInputField } from './tool.ts'

/** One call that somebody has to decide, answer or carry out. Keys that are null are left out. */
export const RunRequirement = z
  .object({
    id: z.string(),
    created_at: z.string().describe('ISO 8601.'),
    confirmation: z.boolean().optional(),
    confirmation_note: z.string().optional(),
    external_execution_result: z.string().optional(),
    tool_execution: ToolExecution,
    user_input_schema: z.array(UserInputField).optional(),
    user_feedback_schema: z.array(UserFeedbackQuestion).optional(),
  })
  .meta({ id: 'RunRequirement' })
export type RunRequirement = z.infer<typeof RunRequirement>

/** Text of JSON, as forms carry it, or the value itself. What is in it is checked by the route, which answers 400. */
const jsonOrText = z.union([z.string(), z.any()])

/** Body of a continue: a form (urlencoded or multipart, lists as JSON text) or JSON. Empty values count as absent. */
export const ContinueRequest = z
  .object({
    session_id: Id.optional().describe('Session of the run; required.'),
    tools: jsonOrText
      .optional()
      .describe(
        'List of ToolExecution with their answers: confirmed, user_input_schema, user_feedback_schema, result.',
      ),
    requirements: jsonOrText.optional().describe('List of RunRequirement with their answers; instead of tools.'),
    input: z.string().optional().describe('A message of the user to go on with.'),
    continue_from: z
      .union([z.string(), z.int()])
      .default('end')
      .describe('end, last_user, or how many messages to keep. Anything but end makes a new run.'),
    fork: z.boolean().default(false).describe('Go on in a new run; this one stays as it is.'),
    regenerate: z.boolean().default(false).describe('Answer the last message again, in a new run.'),
    replace_original: z
      .boolean()
      .optional()
      .describe('Only with regenerate: whether this run leaves the history; it does unless this is false.'),
    additional_instructions: z.string().optional().describe('Like input; not both.'),
    user_id: Id.optional(),
    stream: z.boolean().default(true).describe('Server-sent events, or one JSON answer at the end.'),
    stream_events: z
      .boolean()
      .default(true)
      .describe('false: only text, pauses, cancellation and errors are streamed.'),
    background: z
      .boolean()
      .default(false)
      .describe('Leave it to the queue: 202, or a stream that may be left and resumed.'),
  })
  .meta({ id: 'ContinueRequest' })
export type ContinueRequest = z.infer<typeof ContinueRequest>

/** An answer as clients send it: of a ToolExecution only what matters. */
export const AnsweredTool = z.object({
  tool_call_id: z.string(),
  confirmed: z.boolean().nullish(),
  confirmation_note: z.string().nullish(),
  user_input_schema: z.array(z.object({ name: z.string(), value: Json.optional() })).nullish(),
  user_feedback_schema: z
    .array(z.object({ question: z.string(), selected_options: z.array(z.string()).nullish() }))
    .nullish(),
  answered: z.boolean().nullish(),
  result: Json.optional(),
  tool_call_error: z.boolean().nullish(),
})
export type AnsweredTool = z.infer<typeof AnsweredTool>

export const AnsweredRequirement = z.object({
  id: z.string().nullish(),
  tool_execution: AnsweredTool.nullish(),
  confirmation: z.boolean().nullish(),
  confirmation_note: z.string().nullish(),
  external_execution_result: z.string().nullish(),
  user_input_schema: AnsweredTool.shape.user_input_schema,
  user_feedback_schema: AnsweredTool.shape.user_feedback_schema,
})
export type AnsweredRequirement = z.infer<typeof AnsweredRequirement>
