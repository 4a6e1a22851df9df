/**
 * Ids of learnings. Some types have one record of what they are about, whose id follows from that; the ids are Agno's, so
 * that records can move between the two.
 * @module
 */
import { createHash } from 'node:crypto'
import { AgentOSError } from '../base/errors.ts'
import type { LearningIdentity } from '../storage/memory/learnings.ts'

const GLOBAL = 'global'

/** A namespace that begins as the key of a user's own entities would take the place of one. */
const RESERVED = /^user_[0-9a-f]{16}(_|$)/

export type NamedLearning = {
  /** Undefined: any id will do. */
  readonly learningId: string | undefined
  readonly namespace: string | null
}

/**
 * @returns with the namespace that the learning is stored under
 * @throws {AgentOSError} INVALID_FIELDS when something is missing that its id follows from
 */
export function nameLearning(learning: LearningIdentity): NamedLearning {
  const { learningType, userId, sessionId, namespace } = learning
  switch (learningType) {
    case 'user_profile':
      return { learningId: `user_profile_${need(learning, 'userId', userId)}`, namespace }
    case 'user_memory':
      return { learningId: `memories_${need(learning, 'userId', userId)}`, namespace }
    case 'session_context':
      return { learningId: `session_context_${need(learning, 'sessionId', sessionId)}`, namespace }
    case 'entity_memory':
      return nameEntity(learning)
    default:
      return { learningId: undefined, namespace }
  }
}

function nameEntity(learning: LearningIdentity): NamedLearning {
  const entity = `${need(learning, 'entityType', learning.entityType)}_${need(learning, 'entityId', learning.entityId)}`
  const namespace = learning.namespace ?? GLOBAL
  if (RESERVED.test(namespace)) {
    throw new AgentOSError('INVALID_FIELDS', `namespace '${namespace}' is reserved for the entities of a user`)
  }
  if (namespace !== 'user') return { learningId: `entity_${namespace}_${entity}`, namespace }
  const owner = createHash('sha256')
    .update(need(learning, 'userId', learning.userId))
    .digest('hex')
    .slice(0, 16)
  return { learningId: `entity_user_${owner}_${entity}`, namespace }
}

const WIRE_NAMES = {
  userId: 'user_id',
  sessionId: 'session_id',
  entityId: 'entity_id',
  entityType: 'entity_type',
} as const

function need({ learningType }: LearningIdentity, name: keyof typeof WIRE_NAMES, value: string | null): string {
  if (value !== null) return value
  throw new AgentOSError('INVALID_FIELDS', `A learning of type '${learningType}' needs ${WIRE_NAMES[name]}`)
}
