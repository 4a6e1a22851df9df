/**
 * Starting a run, and runs as they are shown: RunOutput by the run routes, RunSchema by lists and session routes.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Id, IsoTime, Json, JsonObject } from './json.ts'
import { MediaInputs, MediaList } from './media.ts'
import { Message } from './message.ts'
import { RunMetrics } from './metrics.ts'
import { Citations, MessageReferences } from './references.ts'
import { RunRequirement } from './requirement.ts'
import { RunStatus } from './run-status.ts'
import { ToolExecution } from './tool.ts'

const refused = (what: string) => `Not served: ${what} is refused with 501.`

/** Body of a run: a form (urlencoded or multipart, objects as JSON text) or JSON. Empty values count as absent. */
export const RunRequest = z
  .object({
    message: z.string().describe("The user's input."),
    stream: z.boolean().default(true).describe('Server-sent events, or one JSON answer at the end.'),
    session_id: Id.optional().describe('Conversation to go on with; a new one without it.'),
    user_id: Id.optional().describe('Who asks.'),
    stream_events: z.boolean().default(true).describe('false: only text, cancellation and errors are streamed.'),
    session_state: JsonObject.optional().describe(
      "Laid over the session's state before the run, key by key at any depth.",
    ),
    dependencies: JsonObject.optional().describe("Laid over the agent's dependencies for this run."),
    metadata: JsonObject.optional(),
    output_schema: JsonObject.optional().describe('JSON Schema of the answer, which then is an object.'),
    use_json_schema: z.boolean().optional().describe('Accepted; an output_schema is always used as JSON Schema.'),
    add_history_to_context: z.boolean().optional(),
    add_dependencies_to_context: z.boolean().optional(),
    add_session_state_to_context: z.boolean().optional(),
    retries: z.int().min(0).max(10).optional().describe('Model calls tried again after a passing failure.'),
    background: z
      .boolean()
      .default(false)
      .describe('Put it into the queue: 202 with its ids, or a stream that may be left and resumed.'),
    priority: z
      .int()
      .min(-100)
      .max(100)
      .optional()
      .describe('Only with background: higher ones run first; 0 without it.'),
    images: MediaInputs.describe('Pictures: each with content (base64) or url, and mime_type or format.'),
    audio: MediaInputs.describe('Sounds, as images.'),
    videos: MediaInputs.describe('Films, as images.'),
    files: MediaInputs.describe('Documents, as images; in a multipart form the files themselves, of any kind.'),
    input_files: MediaInputs.describe('Documents beside the files of a form; content of text/* is text, not base64.'),
    files_metadata: z.array(Json).optional().describe('What is known of the files of a form, in their order.'),
    knowledge_filters: Json.optional().describe(
      "Values that the metadata of documents must have, an expression such as {op: 'IN', key, values}, or a list of both.",
    ),
    factory_input: Json.optional().describe(refused('any input')),
    yield_run_output: z.boolean().optional().describe(refused('true')),
    version: z.string().optional().describe('Accepted and ignored: agents from files have one version.'),
    debug_mode: z.boolean().optional().describe('Accepted and ignored.'),
    monitor: z.boolean().optional().describe('Accepted and ignored.'),
  })
  .meta({ id: 'RunRequest' })
export type RunRequest = z.infer<typeof RunRequest>

/** Any text; the route answers 400 where it is too short or too long. */
export const RunHeaders = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .describe('1 to 512 characters. The second request with a key gets the run of the first.'),
})

/** 202: a run in the queue. */
export const AcceptedRun = z
  .object({ run_id: z.string(), session_id: z.string(), status: RunStatus })
  .meta({ id: 'AcceptedRun' })
export type AcceptedRun = z.infer<typeof AcceptedRun>

/** A whole run, keys in Agno's order; keys that are null are left out. */
export const RunOutput = z
  .object({
    run_id: z.string(),
    agent_id: z.string(),
    agent_name: z.string(),
    session_id: z.string(),
    parent_run_id: z.string().optional(),
    user_id: z.string().optional(),
    content: Json.optional(),
    content_type: z.string(),
    reasoning_content: z.string().optional(),
    model: z.string().optional(),
    model_provider: z.string().optional(),
    session_state: JsonObject,
    created_at: EpochSeconds,
    status: RunStatus,
    last_checkpoint_at_message_index: z.int().optional().describe('How many messages are stored while it goes on.'),
    forked_from_run_id: z.string().optional(),
    forked_from_message_index: z.int().optional(),
    forked_from_session_id: z.string().optional(),
    regenerated_from: z.string().optional(),
    metrics: RunMetrics.optional(),
    events: z.array(JsonObject).optional().describe('Of a streamed run, without its RunContent.'),
    messages: z.array(Message),
    metadata: JsonObject.optional(),
    references: z.array(MessageReferences).optional().describe('What was looked up.'),
    citations: Citations.optional().describe('What the provider of the model cites.'),
    tools: z.array(ToolExecution).optional(),
    requirements: z.array(RunRequirement).optional().describe('What it waits for, or was answered.'),
    images: MediaList.optional().describe('What the model made, like the next three.'),
    videos: MediaList.optional(),
    audio: MediaList.optional(),
    files: MediaList.optional(),
    input: z.object({
      input_content: z.string(),
      images: MediaList.optional(),
      videos: MediaList.optional(),
      audios: MediaList.optional(),
      files: MediaList.optional(),
    }),
  })
  .meta({ id: 'RunOutput' })
export type RunOutput = z.infer<typeof RunOutput>

/** A run of a list. The session routes leave null keys out, the list of an agent's runs keeps them. */
export const RunSchema = z
  .object({
    run_id: z.string(),
    parent_run_id: z.string(),
    agent_id: z.string().nullish(),
    user_id: z.string(),
    status: RunStatus,
    cancellation_stage: z.string().nullish(),
    run_input: z.string(),
    content: Json.optional(),
    run_response_format: z.enum(['text', 'json']),
    reasoning_content: z.string(),
    reasoning_steps: z.array(JsonObject),
    metrics: RunMetrics,
    metadata: JsonObject.nullish(),
    messages: z.array(Message).nullish(),
    tools: z.array(ToolExecution).nullish(),
    events: z.array(JsonObject).nullish(),
    requirements: z.array(RunRequirement).nullish().describe('What it waits for, or was answered.'),
    created_at: IsoTime,
    references: z.array(MessageReferences),
    citations: Citations.nullish(),
    reasoning_messages: z.array(Message),
    session_state: JsonObject.nullish(),
    images: MediaList.describe('What the model made, like the next three.'),
    videos: MediaList,
    audio: MediaList,
    files: MediaList,
    response_audio: JsonObject.nullish(),
    input_media: z.object({ images: MediaList, videos: MediaList, audios: MediaList, files: MediaList }),
    followups: z.array(z.string()).nullish(),
    forked_from_run_id: z.string().nullish(),
    forked_from_message_index: z.int().nullish(),
    forked_from_session_id: z.string().nullish(),
    regenerated_from: z.string().nullish(),
    last_checkpoint_at_message_index: z.int().nullish(),
  })
  .meta({ id: 'RunSchema' })
export type RunSchema = z.infer<typeof RunSchema>

/** A run of a list that is polled: without messages, events, media and metrics. */
export const SessionRunPreview = z
  .object({
    run_id: z.string(),
    parent_run_id: z.string().optional(),
    agent_id: z.string().optional(),
    team_id: z.string().optional(),
    workflow_id: z.string().optional(),
    user_id: z.string().optional(),
    status: RunStatus,
    run_input: z.string().describe('Its first 280 characters.'),
    content_preview: z.string().optional().describe('The first 280 characters of the answer.'),
    created_at: IsoTime,
  })
  .meta({ id: 'SessionRunPreview' })
export type SessionRunPreview = z.infer<typeof SessionRunPreview>

export const SessionOfRun = z.object({ session_id: Id })
export const RunListQuery = z.object({ session_id: Id, status: RunStatus.optional() })
