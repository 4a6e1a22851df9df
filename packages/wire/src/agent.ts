/**
 * An agent as the API describes it: only settings that differ from Agno's defaults are there.
 * @module
 */
import { z } from 'zod'
import { Json, JsonObject } from './json.ts'

export const AgentResponse = z
  .object({
    id: z.string(),
    name: z.string(),
    db_id: z.string(),
    filesystem: z.boolean(),
    description: z.string().optional(),
    role: z.string().optional(),
    is_factory: z.boolean(),
    model: z.object({ name: z.string(), model: z.string(), provider: z.string() }),
    tools: z
      .object({
        tools: z.array(z.object({ name: z.string(), description: z.string(), parameters: JsonObject })),
        tool_call_limit: z.int().optional(),
        tool_choice: Json.optional(),
      })
      .optional(),
    sessions: z.object({
      session_table: z.string(),
      add_history_to_context: z.boolean().optional(),
      num_history_runs: z.int().optional(),
      enable_session_summaries: z.boolean().optional(),
      add_session_summary_to_context: z.boolean().optional(),
      search_past_sessions: z.boolean().optional(),
      num_past_sessions_to_search: z.int().optional(),
      num_past_session_runs_in_search: z.int().optional(),
    }),
    memory: z
      .object({
        enable_agentic_memory: z.boolean().optional(),
        update_memory_on_run: z.boolean().optional(),
        add_memories_to_context: z.boolean().optional(),
        memory_table: z.string().optional(),
        model: z.object({ name: z.string(), model: z.string(), provider: z.string() }),
      })
      .optional(),
    knowledge: z
      .object({
        db_id: z.string(),
        knowledge_table: z.string(),
        knowledge_id: z.string().optional().describe('Of its knowledge base.'),
        enable_agentic_knowledge_filters: z.boolean().optional(),
        knowledge_filters: z.array(JsonObject).optional(),
        add_knowledge_to_context: z.boolean().optional(),
      })
      .optional(),
    default_tools: z
      .object({ search_knowledge: z.boolean().optional(), update_knowledge: z.boolean().optional() })
      .optional(),
    reasoning: z.object({ reasoning: z.boolean() }),
    system_message: z
      .object({
        description: z.string().optional(),
        instructions: z.string().optional(),
        expected_output: z.string().optional(),
        additional_context: z.string().optional(),
        markdown: z.boolean().optional(),
        add_datetime_to_context: z.boolean().optional(),
        timezone_identifier: z.string().optional(),
      })
      .optional(),
    response_settings: z
      .object({
        retries: z.int().optional(),
        delay_between_retries: z.number().optional(),
        exponential_backoff: z.boolean().optional(),
        output_schema_name: z.string().optional(),
      })
      .optional(),
    introduction: z.string().optional(),
    metadata: JsonObject.optional(),
    is_component: z.boolean(),
    sandboxed: z.boolean(),
  })
  .meta({ id: 'AgentResponse' })
export type AgentResponse = z.infer<typeof AgentResponse>
