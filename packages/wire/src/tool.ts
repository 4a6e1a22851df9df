/**
 * One tool call and its outcome, as events and runs show it.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Json, JsonObject } from './json.ts'

/** Seconds; the times are since the epoch. */
export const ToolCallMetrics = z.object({ start_time: z.number(), end_time: z.number(), duration: z.number() })

/** An argument that a person fills in. */
export const UserInputField = z.object({
  name: z.string(),
  field_type: z.string().describe('str, int, float, bool, list or dict.'),
  description: z.string().nullable(),
  value: Json.describe('What the model proposes, or the person gave; null while there is none.'),
})
export type UserInputField = z.infer<typeof UserInputField>

/** A question with answers to choose from. */
export const UserFeedbackQuestion = z.object({
  question: z.string(),
  header: z.string().nullable(),
  multi_select: z.boolean(),
  selected_options: z.array(z.string()).nullable().describe('Labels of the options chosen; null while unanswered.'),
  options: z.array(z.object({ label: z.string(), description: z.string().nullable(), selected: z.boolean() })),
})
export type UserFeedbackQuestion = z.infer<typeof UserFeedbackQuestion>

/** All keys are always there: Agno sends this object with its nulls. */
export const ToolExecution = z
  .object({
    tool_call_id: z.string(),
    tool_name: z.string(),
    tool_args: JsonObject.nullable().describe('Null when the model sent arguments that are no object.'),
    tool_call_error: z.boolean().nullable().describe('Null while the call runs.'),
    result: z.string().nullable(),
    metrics: ToolCallMetrics.nullable(),
    child_run_id: z.string().nullable(),
    stop_after_tool_call: z.boolean(),
    created_at: EpochSeconds,
    requires_confirmation: z.boolean().nullable(),
    confirmed: z.boolean().nullable(),
    confirmation_note: z.string().nullable(),
    requires_user_input: z.boolean().nullable(),
    user_input_schema: z.array(UserInputField).nullable(),
    user_feedback_schema: z.array(UserFeedbackQuestion).nullable(),
    answered: z.boolean().nullable(),
    external_execution_required: z.boolean().nullable(),
    external_execution_silent: z.boolean().nullable(),
    approval_type: z.string().nullable(),
    approval_id: z.string().nullable(),
    parent_tool_call_id: z.string().nullable(),
  })
  .meta({ id: 'ToolExecution' })
export type ToolExecution = z.infer<typeof ToolExecution>
