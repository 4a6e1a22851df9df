/**
 * What is remembered of users: lists, single memories, what people change in them, and making few of many.
 * @module
 */
import {
  DeleteMemoriesRequest,
  MAX_PAGE_LIMIT,
  MemoryListQuery,
  MemoryPage,
  MemoryPlace,
  MemoryQuery,
  MemoryRequest,
  MemoryStatsPage,
  MemoryStatsQuery,
  OptimizedMemories,
  OptimizeMemoriesRequest,
  UserMemory,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import {
  createMemory,
  deleteMemories as deleteStored,
  findMemory,
  listMemories,
  listMemoryStats,
  listTopics,
  type MemorySort,
  updateMemory,
} from '../../storage/memory/memories.ts'
import { MEMORY_TABLE } from '../agno/agent.ts'
import { toUserMemory } from '../agno/memory.ts'
import { toIsoSeconds } from '../agno/time.ts'
import { optimizeMemories } from '../optimize-memories.ts'
import { startPage } from '../page.ts'
import { checkPlace, type Place } from '../place.ts'
import { jsonBody, route } from '../route.ts'

const tag = 'Memory'
const MemoryParams = z.object({ memory_id: z.string() })
const FAILURES = ['INVALID_REQUEST', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const
const SORTS: readonly MemorySort[] = ['updated_at', 'created_at', 'memory_id', 'user_id']

export const postMemory = route({
  method: 'POST',
  path: '/memories',
  scope: 'memories:write',
  tag,
  summary: 'Remember something of a user',
  query: MemoryPlace,
  body: jsonBody(MemoryRequest),
  response: UserMemory,
  errors: ['MEMORY_LIMIT', ...FAILURES],
  async handle({ query, body, deps }) {
    check(query)
    const userId = ownerOf(body)
    const { limit } = deps.memory
    const memory = { memoryId: deps.ids.uuid(), memory: body.memory, topics: body.topics ?? [], userId }
    const created = await createMemory(deps.database.db, memory, limit)
    if (created) return toUserMemory(created)
    throw new AgentOSError('MEMORY_LIMIT', `User ${userId} has ${limit} memories already`)
  },
})

export const getMemories = route({
  method: 'GET',
  path: '/memories',
  scope: 'memories:read',
  tag,
  summary: 'List memories, a page at a time',
  query: MemoryListQuery,
  response: MemoryPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    check(query)
    const limit = Math.min(query.limit, MAX_PAGE_LIMIT)
    const page = startPage(deps.clock, { page: query.page, limit })
    const { memories, total } = await listMemories(deps.database.db, {
      userId: query.user_id,
      agentId: query.agent_id,
      teamId: query.team_id,
      topics: query.topics?.flatMap(splitTopics),
      content: query.search_content,
      limit,
      page: query.page,
      sortBy: SORTS.find((sort) => sort === query.sort_by),
      sortOrder: query.sort_order,
    })
    return page(memories.map(toUserMemory), total)
  },
})

export const deleteMemories = route({
  method: 'DELETE',
  path: '/memories',
  scope: 'memories:delete',
  tag,
  summary: 'Forget several memories; missing ones are fine',
  query: MemoryPlace,
  body: jsonBody(DeleteMemoriesRequest),
  status: 204,
  errors: FAILURES,
  async handle({ query, body, deps }) {
    check(query)
    await deleteStored(deps.database.db, body.memory_ids, body.user_id ?? undefined)
    return undefined
  },
})

export const getMemory = route({
  method: 'GET',
  path: '/memories/{memory_id}',
  scope: 'memories:read',
  tag,
  summary: 'Read one memory',
  params: MemoryParams,
  query: MemoryQuery,
  response: UserMemory,
  errors: ['MEMORY_NOT_FOUND', ...FAILURES],
  async handle({ params, query, deps }) {
    check(query)
    const memory = await findMemory(deps.database.db, params.memory_id, query.user_id)
    if (memory) return toUserMemory(memory)
    throw notFound(params.memory_id)
  },
})

export const patchMemory = route({
  method: 'PATCH',
  path: '/memories/{memory_id}',
  scope: 'memories:write',
  tag,
  summary: 'Change a memory of a user; topics that are absent stay',
  params: MemoryParams,
  query: MemoryPlace,
  body: jsonBody(MemoryRequest),
  response: UserMemory,
  errors: ['MEMORY_NOT_FOUND', ...FAILURES],
  async handle({ params, query, body, deps }) {
    check(query)
    const edit = { memory: body.memory, topics: body.topics ?? undefined }
    const memory = await updateMemory(deps.database.db, params.memory_id, edit, ownerOf(body))
    if (memory) return toUserMemory(memory)
    throw notFound(params.memory_id)
  },
})

export const deleteMemory = route({
  method: 'DELETE',
  path: '/memories/{memory_id}',
  scope: 'memories:delete',
  tag,
  summary: 'Forget a memory; a missing one is fine',
  params: MemoryParams,
  query: MemoryQuery,
  status: 204,
  errors: FAILURES,
  async handle({ params, query, deps }) {
    check(query)
    await deleteStored(deps.database.db, [params.memory_id], query.user_id)
    return undefined
  },
})

export const getMemoryTopics = route({
  method: 'GET',
  path: '/memory_topics',
  scope: 'memories:read',
  tag,
  summary: 'List the topics of memories, at most 1000',
  query: MemoryQuery,
  response: z.array(z.string()),
  errors: FAILURES,
  async handle({ query, deps }) {
    check(query)
    return listTopics(deps.database.db, query.user_id)
  },
})

export const getUserMemoryStats = route({
  method: 'GET',
  path: '/user_memory_stats',
  scope: 'memories:read',
  tag,
  summary: 'List the users that are remembered, a page at a time',
  query: MemoryStatsQuery,
  response: MemoryStatsPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    check(query)
    const limit = Math.min(query.limit, MAX_PAGE_LIMIT)
    const page = startPage(deps.clock, { page: query.page, limit })
    const asked = { userId: query.user_id, limit, page: query.page }
    const { stats, total } = await listMemoryStats(deps.database.db, asked)
    const shown = stats.map((user) => ({
      user_id: user.userId,
      total_memories: user.total,
      last_memory_updated_at: toIsoSeconds(user.updatedAt.getTime()),
    }))
    return page(shown, total)
  },
})

export const postOptimizeMemories = route({
  method: 'POST',
  path: '/optimize-memories',
  scope: 'memories:write',
  tag,
  summary: 'Let a model make few memories of the many of a user',
  query: MemoryPlace,
  body: jsonBody(OptimizeMemoriesRequest),
  response: OptimizedMemories,
  errors: [
    'MEMORY_NOT_FOUND',
    'MODEL_KEY_MISSING',
    'MODEL_AUTH',
    'MODEL_RATE_LIMITED',
    'MODEL_REJECTED',
    'MODEL_UNAVAILABLE',
    'MODEL_BAD_ANSWER',
    ...FAILURES,
  ],
  async handle({ query, body, deps, call }) {
    check(query)
    const stopping = new AbortController()
    const forget = call.onDisconnect(() => stopping.abort(new AgentOSError('INVALID_REQUEST', 'The client went away')))
    try {
      const wanted = { userId: body.user_id, model: body.model ?? undefined, apply: body.apply }
      return await optimizeMemories(deps, wanted, stopping.signal)
    } finally {
      forget()
    }
  },
})

function check(place: Place): void {
  checkPlace(place, MEMORY_TABLE)
}

/** The words are Agno's; clients compare them. */
function ownerOf({ user_id }: MemoryRequest): string {
  if (user_id) return user_id
  throw new AgentOSError('INVALID_REQUEST', 'User ID is required')
}

function notFound(memoryId: string): AgentOSError {
  return new AgentOSError('MEMORY_NOT_FOUND', `Memory with ID ${memoryId} not found`)
}

function splitTopics(topics: string): string[] {
  return topics
    .split(',')
    .map((topic) => topic.trim())
    .filter((topic) => topic !== '')
}
