/**
 * Sessions: lists, details by type, and what changes them.
 * @module
 */
import { z } from 'zod'
import { Id, IsoTime, JsonObject, pageOf } from './json.ts'
import { Message } from './message.ts'
import { SessionMetrics } from './metrics.ts'

export const SessionType = z.enum(['agent', 'team', 'workflow'])
export type SessionType = z.infer<typeof SessionType>

/** Largest page; asking for more gives this much. */
export const MAX_PAGE_LIMIT = 1000
const LAST_PAGE = 1_000_000_000
/** The end of the year 9999. */
const LAST_SECOND = 253_402_300_799

const place = {
  db_id: z.string().optional().describe('The id that GET /config names.'),
  table: z.string().optional().describe('Needs db_id.'),
}

export const SessionListQuery = z.object({
  type: SessionType.optional(),
  component_id: z.string().optional(),
  user_id: z.string().optional(),
  session_name: z.string().optional().describe('Part of the name, in any case.'),
  limit: z.int().min(1).default(20).describe(`At most ${MAX_PAGE_LIMIT}; more gives that many.`),
  page: z.int().min(0).max(LAST_PAGE).default(1),
  sort_by: z
    .string()
    .default('created_at')
    .describe('created_at, updated_at, session_name, session_id, user_id; else created_at.'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  ...place,
})
export type SessionListQuery = z.infer<typeof SessionListQuery>

export const SessionQuery = z.object({ type: SessionType.optional(), user_id: z.string().optional(), ...place })
export const SessionCreateQuery = z.object({ type: SessionType.default('agent'), ...place })
export const SessionDeleteQuery = z.object({
  user_id: z.string().optional(),
  delete_media: z
    .boolean()
    .optional()
    .describe('Accepted: what was attached always goes with the last run that has it.'),
  ...place,
})
export const SessionRunsQuery = SessionQuery.extend({
  status: z.array(z.string()).optional().describe('Any of these, in any case; may be repeated.'),
  created_after: z.int().min(0).max(LAST_SECOND).optional().describe('Seconds since the epoch.'),
  created_before: z.int().min(0).max(LAST_SECOND).optional().describe('Seconds since the epoch.'),
})

export type SessionRunsQuery = z.infer<typeof SessionRunsQuery>

export const SessionSchema = z
  .object({
    session_id: z.string(),
    session_name: z.string(),
    session_state: JsonObject.optional(),
    created_at: IsoTime,
    updated_at: IsoTime,
    session_type: SessionType,
    user_id: z.string().optional(),
    agent_id: z.string().optional(),
    team_id: z.string().optional(),
    workflow_id: z.string().optional(),
    session_summary: JsonObject.optional(),
    metrics: SessionMetrics.optional(),
    total_tokens: z.int().optional(),
    metadata: JsonObject.optional(),
  })
  .meta({ id: 'SessionSchema' })
export type SessionSchema = z.infer<typeof SessionSchema>

export const SessionPage = pageOf(SessionSchema)

export const AgentSessionDetail = z
  .object({
    user_id: z.string().nullish(),
    agent_session_id: z.string(),
    session_id: z.string(),
    session_name: z.string(),
    session_summary: JsonObject.nullish(),
    session_state: JsonObject.nullish(),
    agent_id: z.string().nullish(),
    total_tokens: z.int().nullish(),
    agent_data: JsonObject.nullish(),
    metrics: SessionMetrics.nullish(),
    metadata: JsonObject.nullish(),
    chat_history: z.array(Message),
    created_at: IsoTime,
    updated_at: IsoTime,
  })
  .meta({ id: 'AgentSessionDetail' })
export type AgentSessionDetail = z.infer<typeof AgentSessionDetail>

export const TeamSessionDetail = z
  .object({
    session_id: z.string(),
    session_name: z.string(),
    user_id: z.string().nullish(),
    team_id: z.string().nullish(),
    session_summary: JsonObject.nullish(),
    session_state: JsonObject.nullish(),
    metrics: SessionMetrics.nullish(),
    team_data: JsonObject.nullish(),
    metadata: JsonObject.nullish(),
    chat_history: z.array(Message),
    created_at: IsoTime,
    updated_at: IsoTime,
    total_tokens: z.int().nullish(),
  })
  .meta({ id: 'TeamSessionDetail' })

export const WorkflowSessionDetail = z
  .object({
    user_id: z.string().nullish(),
    workflow_id: z.string().nullish(),
    workflow_name: z.string().nullish(),
    session_id: z.string(),
    session_name: z.string(),
    session_data: JsonObject.nullish(),
    session_state: JsonObject.nullish(),
    workflow_data: JsonObject.nullish(),
    metadata: JsonObject.nullish(),
    created_at: IsoTime,
    updated_at: IsoTime,
  })
  .meta({ id: 'WorkflowSessionDetail' })

export const SessionDetail = z.union([AgentSessionDetail, TeamSessionDetail, WorkflowSessionDetail])
export type SessionDetail = z.infer<typeof SessionDetail>

export const CreateSessionRequest = z
  .object({
    session_id: Id.nullish().describe('Made when it is absent.'),
    session_name: z.string().nullish(),
    session_state: JsonObject.nullish(),
    metadata: JsonObject.nullish(),
    user_id: Id.nullish(),
    agent_id: Id.nullish(),
    team_id: Id.nullish(),
    workflow_id: Id.nullish(),
  })
  .meta({ id: 'CreateSessionRequest' })
export type CreateSessionRequest = z.infer<typeof CreateSessionRequest>

export const UpdateSessionRequest = z
  .object({
    session_name: z.string().nullish(),
    session_state: JsonObject.nullish(),
    metadata: JsonObject.nullish(),
    summary: JsonObject.nullish(),
  })
  .meta({ id: 'UpdateSessionRequest' })
export type UpdateSessionRequest = z.infer<typeof UpdateSessionRequest>

export const RenameSessionRequest = z.object({ session_name: z.string() }).meta({ id: 'RenameSessionRequest' })

export const DeleteSessionsRequest = z
  .object({ session_ids: z.array(z.string()).min(1), session_types: z.array(SessionType).min(1) })
  .meta({ id: 'DeleteSessionsRequest' })
export type DeleteSessionsRequest = z.infer<typeof DeleteSessionsRequest>
