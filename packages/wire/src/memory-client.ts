/**
 * The memory routes of the client.
 * @module
 */
import { z } from 'zod'
import {
  type DeleteMemoriesRequest,
  type MemoryListQuery,
  MemoryPage,
  type MemoryRequest,
  MemoryStatsPage,
  type MemoryStatsQuery,
  OptimizedMemories,
  type OptimizeMemoriesRequest,
  UserMemory,
} from './memory.ts'
import type { Transport } from './transport.ts'

export function createMemoryClient({ ask, send }: Transport) {
  const pathOf = (memoryId: string) => `/memories/${encodeURIComponent(memoryId)}`
  return {
    list: (query: Partial<MemoryListQuery> = {}) => ask(MemoryPage, '/memories', { query }),
    create: (memory: MemoryRequest) => ask(UserMemory, '/memories', { method: 'POST', json: memory }),
    get: (memoryId: string, query: { readonly user_id?: string } = {}) => ask(UserMemory, pathOf(memoryId), { query }),
    update: (memoryId: string, change: MemoryRequest) =>
      ask(UserMemory, pathOf(memoryId), { method: 'PATCH', json: change }),
    delete: async (memoryId: string, query: { readonly user_id?: string } = {}) => {
      await send(pathOf(memoryId), { method: 'DELETE', query })
    },
    deleteMany: async (memories: DeleteMemoriesRequest) => {
      await send('/memories', { method: 'DELETE', json: memories })
    },
    topics: (query: { readonly user_id?: string } = {}) => ask(z.array(z.string()), '/memory_topics', { query }),
    stats: (query: Partial<MemoryStatsQuery> = {}) => ask(MemoryStatsPage, '/user_memory_stats', { query }),
    optimize: (request: OptimizeMemoriesRequest) =>
      ask(OptimizedMemories, '/optimize-memories', { method: 'POST', json: request }),
  }
}
