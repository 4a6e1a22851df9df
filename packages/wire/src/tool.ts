/**
 * One tool call and its outcome, as events and runs show it.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, JsonObject } from './json.ts'

/** Seconds; the times are since the epoch. */
export const ToolCallMetrics = z.object({ start_time: z.number(), end_time: z.number(), duration: z.number() })

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
    user_input_schema: z.array(JsonObject).nullable(),
    user_feedback_schema: z.array(JsonObject).nullable(),
    answered: z.boolean().nullable(),
    external_execution_required: z.boolean().nullable(),
    external_execution_silent: z.boolean().nullable(),
    approval_type: z.string().nullable(),
    approval_id: z.string().nullable(),
    parent_tool_call_id: z.string().nullable(),
  })
  .meta({ id: 'ToolExecution' })
export type ToolExecution = z.infer<typeof ToolExecution>
