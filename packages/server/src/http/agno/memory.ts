/**
 * Memories, learnings and summaries as Agno shows them.
 * @module
 */
import type {
  EventMemory,
  Learning as WireLearning,
  SessionSummary as WireSessionSummary,
  UserMemory as WireUserMemory,
} from '@agentos/wire'
import type { Memory, SessionSummary } from '../../base/memory.ts'
import type { Learning } from '../../storage/memory/learnings.ts'
import type { UserMemory } from '../../storage/memory/memories.ts'
import { toIsoSeconds, toSeconds } from './time.ts'

export function toUserMemory(memory: UserMemory): WireUserMemory {
  return {
    memory_id: memory.memoryId,
    memory: memory.memory,
    topics: [...memory.topics],
    agent_id: memory.agentId,
    team_id: memory.teamId,
    user_id: memory.userId,
    updated_at: toIsoSeconds(memory.updatedAt.getTime()),
  }
}

export function toEventMemory({ memoryId, memory, topics }: Memory): EventMemory {
  return { memory_id: memoryId, memory, topics: [...topics] }
}

export function toSessionSummary({ summary, topics, updatedAt }: SessionSummary): WireSessionSummary {
  return { summary, topics: [...topics], updated_at: updatedAt }
}

export function toLearning(learning: Learning): WireLearning {
  return {
    learning_id: learning.learningId,
    learning_type: learning.learningType,
    namespace: learning.namespace,
    user_id: learning.userId,
    agent_id: learning.agentId,
    team_id: learning.teamId,
    session_id: learning.sessionId,
    entity_id: learning.entityId,
    entity_type: learning.entityType,
    content: learning.content,
    metadata: learning.metadata,
    created_at: toSeconds(learning.createdAt),
    updated_at: toSeconds(learning.updatedAt),
  }
}
