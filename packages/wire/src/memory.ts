/**
 * What is remembered of users, and what sessions were about.
 * @module
 */
import { z } from 'zod'
import { Id, IsoTime, pageOf } from './json.ts'

const LAST_PAGE = 1_000_000_000

const place = {
  db_id: z.string().optional().describe('The id that GET /config names.'),
  table: z.string().optional().describe('Needs db_id.'),
}

export const UserMemory = z
  .object({
    memory_id: z.string(),
    memory: z.string(),
    topics: z.array(z.string()).nullable(),
    agent_id: z.string().nullable(),
    team_id: z.string().nullable(),
    user_id: z.string().nullable(),
    updated_at: IsoTime.nullable(),
  })
  .meta({ id: 'UserMemory' })
export type UserMemory = z.infer<typeof UserMemory>

export const MemoryPage = pageOf(UserMemory)

/** A memory in the events of the run that made it. */
export const EventMemory = z.object({ memory_id: z.string(), memory: z.string(), topics: z.array(z.string()) })
export type EventMemory = z.infer<typeof EventMemory>

export const SessionSummary = z
  .object({ summary: z.string(), topics: z.array(z.string()), updated_at: IsoTime })
  .meta({ id: 'SessionSummary' })
export type SessionSummary = z.infer<typeof SessionSummary>

export const MemoryQuery = z.object({ user_id: z.string().optional(), ...place })
export const MemoryPlace = z.object(place)

export const MemoryListQuery = z.object({
  user_id: z.string().optional(),
  agent_id: z.string().optional(),
  team_id: z.string().optional(),
  topics: z.array(z.string()).optional().describe('The memory has all of them. Repeated, or separated by commas.'),
  search_content: z
    .string()
    .optional()
    .describe('Part of the memory, in any case. Looks through the first 20,000 memories that match otherwise.'),
  limit: z.int().min(1).default(20).describe('At most 1000; more gives that many.'),
  page: z.int().min(0).max(LAST_PAGE).default(1),
  sort_by: z.string().default('updated_at').describe('updated_at, created_at, user_id, memory_id; else updated_at.'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
  ...place,
})
export type MemoryListQuery = z.infer<typeof MemoryListQuery>

const Topics = z.array(z.string().min(1).max(100)).max(20)

export const MemoryRequest = z
  .object({
    memory: z.string().min(1).max(5000),
    user_id: Id.nullish().describe('Whose memory it is; needed.'),
    topics: Topics.nullish().describe('Of a change: absent leaves them, an empty list takes them away.'),
  })
  .meta({ id: 'MemoryRequest' })
export type MemoryRequest = z.infer<typeof MemoryRequest>

export const DeleteMemoriesRequest = z
  .object({
    memory_ids: z.array(z.string()).min(1).max(10_000),
    user_id: z.string().nullish().describe('Leaves those of other users.'),
  })
  .meta({ id: 'DeleteMemoriesRequest' })
export type DeleteMemoriesRequest = z.infer<typeof DeleteMemoriesRequest>

export const MemoryStats = z
  .object({ user_id: z.string(), total_memories: z.int(), last_memory_updated_at: IsoTime.nullable() })
  .meta({ id: 'MemoryStats' })
export type MemoryStats = z.infer<typeof MemoryStats>

export const MemoryStatsPage = pageOf(MemoryStats)

export const MemoryStatsQuery = z.object({
  user_id: z.string().optional(),
  limit: z.int().min(1).default(20).describe('At most 1000; more gives that many.'),
  page: z.int().min(0).max(LAST_PAGE).default(1),
  ...place,
})
export type MemoryStatsQuery = z.infer<typeof MemoryStatsQuery>

export const OptimizeMemoriesRequest = z
  .object({
    user_id: Id,
    model: z.string().nullish().describe('provider:id; default AGENTOS_DEFAULT_MODEL.'),
    apply: z.boolean().default(true).describe('False shows what would come out, and changes nothing.'),
  })
  .meta({ id: 'OptimizeMemoriesRequest' })
export type OptimizeMemoriesRequest = z.input<typeof OptimizeMemoriesRequest>

export const OptimizedMemories = z
  .object({
    memories: z.array(UserMemory),
    memories_before: z.int(),
    memories_after: z.int(),
    tokens_before: z.int().describe('About: a token is taken as four characters.'),
    tokens_after: z.int(),
    tokens_saved: z.int(),
    reduction_percentage: z.number(),
  })
  .meta({ id: 'OptimizedMemories' })
export type OptimizedMemories = z.infer<typeof OptimizedMemories>
