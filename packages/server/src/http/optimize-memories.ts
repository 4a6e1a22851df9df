/**
 * Makes few memories of the many of a user: a model joins as many as it can read at once, and what it made takes their
 * place, all of it or nothing. Memories that change meanwhile stay as they are.
 * @module
 */
import type { OptimizedMemories } from '@agentos/wire'
import { AgentOSError } from '../base/errors.ts'
import { MAX_TOPICS } from '../base/memory.ts'
import { readMemories, replaceMemories, type Replacement, type UserMemory } from '../storage/memory/memories.ts'
import { toUserMemory } from './agno/memory.ts'
import type { AppDeps } from './deps.ts'

export type Optimization = {
  readonly userId: string
  /** `provider:id`; undefined takes the default one. */
  readonly model: string | undefined
  /** False changes nothing. */
  readonly apply: boolean
}

/** Characters of memories that are joined into one; what comes out has at most a tenth of them. */
const MOST_JOINED = 50_000

/** @throws {AgentOSError} MEMORY_NOT_FOUND when nothing is remembered of the user; what the model throws */
export async function optimizeMemories(
  { database: { db }, memory, ids, clock }: Pick<AppDeps, 'database' | 'memory' | 'ids' | 'clock'>,
  { userId, model, apply }: Optimization,
  signal: AbortSignal,
): Promise<OptimizedMemories> {
  const { memories: before, readAt } = await readMemories(db, userId)
  if (before.length === 0) throw new AgentOSError('MEMORY_NOT_FOUND', `No memories found for user ${userId}`)
  const groups = groupMemories(before).filter((group) => group.length > 1)
  const after: Replacement['after'][number][] = []
  for (const group of groups) {
    const joined = await memory.join(
      group.map((one) => one.memory),
      model,
      signal,
    )
    after.push({ ...commonOf(group), memoryId: ids.uuid(), memory: joined })
  }
  const replaced = new Set(groups.flat())
  const kept = before.filter((one) => !replaced.has(one))
  const replacement = { userId, before: groups.flat().map(({ memoryId }) => memoryId), readAt, after }
  const put =
    apply && after.length > 0
      ? await replaceMemories(db, replacement)
      : after.map((one) => ({ ...one, userId, updatedAt: new Date(clock.now()) }))
  return describe(before, [...kept, ...put])
}

/** Neighbours, as many as a model reads at once. */
function groupMemories(memories: readonly UserMemory[]): UserMemory[][] {
  const groups: UserMemory[][] = []
  let room = 0
  for (const memory of memories) {
    room -= memory.memory.length
    const last = groups.at(-1)
    if (last !== undefined && room >= 0) last.push(memory)
    else {
      groups.push([memory])
      room = MOST_JOINED - memory.memory.length
    }
  }
  return groups
}

/** Their topics, and the agent or team that wrote all of them. */
function commonOf(group: readonly UserMemory[]): Pick<UserMemory, 'topics' | 'agentId' | 'teamId'> {
  const topics = [...new Set(group.flatMap((one) => one.topics))].slice(0, MAX_TOPICS)
  const only = (ids: readonly (string | null)[]) => (new Set(ids).size === 1 ? (ids[0] ?? null) : null)
  return { topics, agentId: only(group.map(({ agentId }) => agentId)), teamId: only(group.map(({ teamId }) => teamId)) }
}

function describe(before: readonly UserMemory[], after: readonly UserMemory[]): OptimizedMemories {
  const [tokensBefore, tokensAfter] = [countTokens(before), countTokens(after)]
  const saved = Math.max(0, tokensBefore - tokensAfter)
  return {
    memories: after.map(toUserMemory),
    memories_before: before.length,
    memories_after: after.length,
    tokens_before: tokensBefore,
    tokens_after: tokensAfter,
    tokens_saved: saved,
    reduction_percentage: Math.round((saved / tokensBefore) * 1000) / 10,
  }
}

/** About: every model counts them in its own way. Four characters are a token, and a memory has at least one. */
function countTokens(memories: readonly UserMemory[]): number {
  return memories.reduce((sum, { memory }) => sum + Math.max(1, Math.ceil(memory.length / 4)), 0)
}
