/**
 * What agents have learned: lists, single records, and the users they are about.
 * @module
 */
import {
  CreateLearningRequest,
  DeleteUserLearningsQuery,
  Learning,
  LearningListQuery,
  LearningPage,
  LearningPlace,
  LearningUserPage,
  LearningUserQuery,
  UpdateLearningRequest,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import type { JsonObject } from '../../base/json.ts'
import {
  createLearning,
  deleteLearning as deleteStored,
  deleteUserLearnings as deleteStoredOfUser,
  findLearning,
  type LearningIdentity,
  listLearnings,
  listLearningUsers,
  updateLearning,
} from '../../storage/memory/learnings.ts'
import { LEARNING_TABLE } from '../agno/agent.ts'
import { toLearning } from '../agno/memory.ts'
import { toSeconds } from '../agno/time.ts'
import { nameLearning } from '../learning-id.ts'
import { startPage } from '../page.ts'
import { checkPlace, type Place } from '../place.ts'
import { jsonBody, route } from '../route.ts'

const tag = 'Learnings'
const LearningParams = z.object({ learning_id: z.string() })
const FAILURES = ['INVALID_REQUEST', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const
/** Largest content or metadata, in characters of JSON. */
const MOST_JSON = 100_000

export const getLearnings = route({
  method: 'GET',
  path: '/learnings',
  scope: 'learnings:read',
  tag,
  summary: 'List learnings, a page at a time',
  query: LearningListQuery,
  response: LearningPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    check(query)
    const { limit } = query
    const page = startPage(deps.clock, { page: query.page, limit })
    const { learnings, total } = await listLearnings(deps.database.db, {
      learningType: query.learning_type,
      namespace: query.namespace,
      userId: query.user_id,
      agentId: query.agent_id,
      teamId: query.team_id,
      sessionId: query.session_id,
      entityId: query.entity_id,
      entityType: query.entity_type,
      limit,
      page: query.page,
      sortBy: query.sort_by === 'created_at' ? 'created_at' : 'updated_at',
      sortOrder: query.sort_order,
    })
    return page(learnings.map(toLearning), total)
  },
})

export const postLearning = route({
  method: 'POST',
  path: '/learnings',
  scope: 'learnings:write',
  tag,
  summary: 'Add a learning; some types have one of what they are about',
  query: LearningPlace,
  body: jsonBody(CreateLearningRequest),
  status: 201,
  response: Learning,
  errors: ['LEARNING_EXISTS', 'INVALID_FIELDS', ...FAILURES],
  async handle({ query, body, deps }) {
    check(query)
    const { content, metadata = null } = body
    checkSize(content, metadata)
    const identity: LearningIdentity = {
      learningType: body.learning_type,
      namespace: body.namespace ?? null,
      userId: body.user_id ?? null,
      agentId: body.agent_id ?? null,
      teamId: body.team_id ?? null,
      sessionId: body.session_id ?? null,
      entityId: body.entity_id ?? null,
      entityType: body.entity_type ?? null,
    }
    const { learningId = deps.ids.uuid(), namespace } = nameLearning(identity)
    const created = await createLearning(deps.database.db, { ...identity, namespace, learningId, content, metadata })
    if (created) return toLearning(created)
    const next = `Use PATCH /learnings/${learningId} to update it.`
    throw new AgentOSError(
      'LEARNING_EXISTS',
      `A '${body.learning_type}' learning already exists for this identity (id '${learningId}'). ${next}`,
    )
  },
})

export const getLearningUsers = route({
  method: 'GET',
  path: '/learnings/users',
  scope: 'learnings:read',
  tag,
  summary: 'List the users of whom something was learned, a page at a time',
  query: LearningUserQuery,
  response: LearningUserPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    check(query)
    const { limit } = query
    const page = startPage(deps.clock, { page: query.page, limit })
    const { users, total } = await listLearningUsers(deps.database.db, {
      userId: query.user_id,
      learningType: query.learning_type,
      limit,
      page: query.page,
    })
    const shown = users.map(({ userId, updatedAt }) => ({
      user_id: userId,
      last_learning_updated_at: toSeconds(updatedAt),
    }))
    return page(shown, total)
  },
})

export const deleteUserLearnings = route({
  method: 'DELETE',
  path: '/learnings/users/{user_id}',
  scope: 'learnings:delete',
  tag,
  summary: 'Forget what was learned of a user; nothing to forget is fine',
  params: z.object({ user_id: z.string() }),
  query: DeleteUserLearningsQuery,
  status: 204,
  errors: FAILURES,
  async handle({ params, query, deps }) {
    check(query)
    await deleteStoredOfUser(deps.database.db, params.user_id, query.learning_type)
    return undefined
  },
})

export const getLearning = route({
  method: 'GET',
  path: '/learnings/{learning_id}',
  scope: 'learnings:read',
  tag,
  summary: 'Read one learning',
  params: LearningParams,
  query: LearningPlace,
  response: Learning,
  errors: ['LEARNING_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    check(query)
    const learning = await findLearning(deps.database.db, params.learning_id)
    if (learning) return toLearning(learning)
    throw notFound()
  },
})

export const patchLearning = route({
  method: 'PATCH',
  path: '/learnings/{learning_id}',
  scope: 'learnings:write',
  tag,
  summary: 'Change content or metadata of a learning; what is absent stays',
  params: LearningParams,
  query: LearningPlace,
  body: jsonBody(UpdateLearningRequest),
  response: Learning,
  errors: ['LEARNING_NOT_FOUND', ...FAILURES],
  async handle({ params, query, body, deps }) {
    check(query)
    const { content, metadata } = body
    checkSize(content, metadata)
    const { db } = deps.database
    const isChange = content !== undefined || metadata !== undefined
    const learning = isChange
      ? await updateLearning(db, params.learning_id, { content, metadata })
      : await findLearning(db, params.learning_id)
    if (learning) return toLearning(learning)
    throw notFound()
  },
})

export const deleteLearning = route({
  method: 'DELETE',
  path: '/learnings/{learning_id}',
  scope: 'learnings:delete',
  tag,
  summary: 'Delete a learning',
  params: LearningParams,
  query: LearningPlace,
  status: 204,
  errors: ['LEARNING_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    check(query)
    if (await deleteStored(deps.database.db, params.learning_id)) return undefined
    throw notFound()
  },
})

function check(place: Place): void {
  checkPlace(place, LEARNING_TABLE)
}

function checkSize(...parts: readonly (JsonObject | null | undefined)[]): void {
  if (parts.every((part) => !part || JSON.stringify(part).length <= MOST_JSON)) return
  throw new AgentOSError('INVALID_FIELDS', `content and metadata have at most ${MOST_JSON} characters of JSON each`)
}

/** The words are Agno's. */
function notFound(): AgentOSError {
  return new AgentOSError('LEARNING_NOT_FOUND', 'Learning not found')
}
