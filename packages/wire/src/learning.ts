/**
 * What agents have learned.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Id, JsonObject, pageOf } from './json.ts'

const LAST_PAGE = 1_000_000_000
const MOST = 1000

const place = {
  db_id: z.string().optional().describe('The id that GET /config names.'),
  table: z.string().optional().describe('Needs db_id.'),
}

export const Learning = z
  .object({
    learning_id: z.string(),
    learning_type: z.string(),
    namespace: z.string().nullable(),
    user_id: z.string().nullable(),
    agent_id: z.string().nullable(),
    team_id: z.string().nullable(),
    session_id: z.string().nullable(),
    entity_id: z.string().nullable(),
    entity_type: z.string().nullable(),
    content: JsonObject,
    metadata: JsonObject.nullable(),
    created_at: EpochSeconds,
    updated_at: EpochSeconds,
  })
  .meta({ id: 'Learning' })
export type Learning = z.infer<typeof Learning>

export const LearningPage = pageOf(Learning)

export const LearningPlace = z.object(place)

export const LearningListQuery = z.object({
  learning_type: z.string().optional(),
  user_id: z.string().optional(),
  agent_id: z.string().optional(),
  team_id: z.string().optional(),
  session_id: z.string().optional(),
  namespace: z.string().optional(),
  entity_id: z.string().optional(),
  entity_type: z.string().optional(),
  limit: z.int().min(1).max(MOST).default(100),
  page: z.int().min(1).max(LAST_PAGE).default(1),
  sort_by: z.string().default('updated_at').describe('updated_at or created_at; else updated_at.'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  ...place,
})
export type LearningListQuery = z.infer<typeof LearningListQuery>

export const CreateLearningRequest = z
  .object({
    learning_type: Id.describe(
      'user_profile, user_memory, session_context and entity_memory have one record each of what they are about.',
    ),
    content: JsonObject,
    namespace: Id.nullish().describe('user, global or your own.'),
    user_id: Id.nullish(),
    agent_id: Id.nullish(),
    team_id: Id.nullish(),
    session_id: Id.nullish(),
    entity_id: Id.nullish(),
    entity_type: Id.nullish(),
    metadata: JsonObject.nullish(),
  })
  .meta({ id: 'CreateLearningRequest' })
export type CreateLearningRequest = z.infer<typeof CreateLearningRequest>

export const UpdateLearningRequest = z
  .object({
    content: JsonObject.optional().describe('Takes the place of what was there.'),
    metadata: JsonObject.nullish().describe('Takes the place of what was there; null takes it away.'),
  })
  .meta({ id: 'UpdateLearningRequest' })
export type UpdateLearningRequest = z.infer<typeof UpdateLearningRequest>

export const LearningUser = z
  .object({ user_id: z.string(), last_learning_updated_at: EpochSeconds })
  .meta({ id: 'LearningUser' })
export type LearningUser = z.infer<typeof LearningUser>

export const LearningUserPage = pageOf(LearningUser)

export const LearningUserQuery = z.object({
  user_id: z.string().optional(),
  learning_type: z.string().optional(),
  limit: z.int().min(1).max(MOST).default(100),
  page: z.int().min(1).max(LAST_PAGE).default(1),
  ...place,
})
export type LearningUserQuery = z.infer<typeof LearningUserQuery>

export const DeleteUserLearningsQuery = z.object({ learning_type: z.string().optional(), ...place })
