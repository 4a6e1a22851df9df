/**
 * Events of an agent's run, in the order of their keys on the wire. Keys that are null are left out.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Json, JsonObject } from './json.ts'
import { EventMemory, SessionSummary } from './memory.ts'
import { MediaList } from './media.ts'
import { Citations, MessageReferences } from './references.ts'
import { RunMetrics } from './metrics.ts'
import { RunRequirement } from './requirement.ts'
import { ToolExecution } from './tool.ts'

const base = <const Name extends string>(event: Name) => ({
  created_at: EpochSeconds,
  event: z.literal(event),
  agent_id: z.string(),
  agent_name: z.string(),
  run_id: z.string(),
  session_id: z.string(),
  nested_depth: z.int(),
})
const model = { model: z.string(), model_provider: z.string() }

export const AgentEvent = z
  .discriminatedUnion('event', [
    z.object({ ...base('RunStarted'), ...model }),
    z.object({ ...base('ModelRequestStarted'), ...model }),
    z.object({
      ...base('RunContent'),
      content: z.string().describe('What is new since the last one.'),
      workflow_agent: z.boolean(),
      content_type: z.string(),
      reasoning_content: z.string(),
    }),
    z.object({ ...base('ReasoningContentDelta'), reasoning_content: z.string() }),
    z.object({
      ...base('ModelRequestCompleted'),
      ...model,
      input_tokens: z.int(),
      output_tokens: z.int(),
      total_tokens: z.int(),
      time_to_first_token: z.number().optional().describe('Seconds.'),
      reasoning_tokens: z.int(),
      cache_read_tokens: z.int(),
      cache_write_tokens: z.int(),
    }),
    z.object({ ...base('ToolCallStarted'), tool: ToolExecution }),
    z.object({ ...base('ToolCallCompleted'), content: z.string(), tool: ToolExecution }),
    z.object({ ...base('ToolCallError'), error: z.string(), tool: ToolExecution }),
    z.object(base('RunContentCompleted')),
    z.object(base('MemoryUpdateStarted')),
    z.object({
      ...base('MemoryUpdateCompleted'),
      memories: z
        .array(EventMemory)
        .optional()
        .describe('Those that are new or changed; absent when they could not be made.'),
    }),
    z.object(base('SessionSummaryStarted')),
    z.object({ ...base('SessionSummaryCompleted'), session_summary: SessionSummary.optional() }),
    z.object({
      ...base('RunCompleted'),
      content: Json.describe('Text, or an object when there is an output schema.'),
      content_type: z.string(),
      reasoning_content: z.string().optional(),
      citations: Citations.optional(),
      references: z.array(MessageReferences).optional(),
      images: MediaList.optional(),
      videos: MediaList.optional(),
      audio: MediaList.optional(),
      files: MediaList.optional(),
      session_state: JsonObject,
      metadata: JsonObject.optional(),
      metrics: RunMetrics,
    }),
    z.object({ ...base('RunCancelled'), content: z.string(), reason: z.string() }),
    z.object({
      ...base('RunPaused'),
      content: z.string(),
      tools: z.array(ToolExecution),
      requirements: z.array(RunRequirement),
    }),
    z.object(base('RunContinued')),
    z.object({
      ...base('CustomEvent'),
      name: z.literal('run_recovered'),
      attempt: z.int(),
      void_from_index: z.int().describe('First event that is no longer part of the run.'),
      void_to_index: z.int().describe('Last event that is no longer part of the run.'),
    }),
    z.object({ ...base('RunError'), content: z.string(), error_type: z.string(), error_id: z.string() }),
  ])
  .meta({ id: 'AgentEvent' })
export type AgentEvent = z.infer<typeof AgentEvent>

/** The event called `Name`. */
export type AgentEventOf<Name extends AgentEvent['event']> = Extract<AgentEvent, { event: Name }>
