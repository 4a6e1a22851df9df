/**
 * Who remembers for an agent: the model that keeps a user's memories, and the one that sums conversations up.
 * @module
 */
import { define, isDefinition, refuseUnknown, show } from './definition.ts'
import { isModelInstance, type ModelInstance } from './model.ts'

export interface MemoryManagerOptions {
  /** `provider:id`, or an AI SDK model. Default: the agent's. */
  readonly model?: string | ModelInstance
  /** What is worth remembering. Default: lasting facts about the user, their preferences and plans. */
  readonly instructions?: string
  /** Default true. */
  readonly addMemories?: boolean
  /** Default true. */
  readonly updateMemories?: boolean
  /** Whether single memories may be deleted, as when the user asks to forget something. Default true. */
  readonly deleteMemories?: boolean
  /** Whether all memories of the user may be deleted at once. Default false. */
  readonly clearMemories?: boolean
}

/** A memory manager as {@link memoryManager} made it. */
export interface MemoryManager {
  readonly kind: 'memory-manager'
  readonly options: MemoryManagerOptions
}

export interface SessionSummaryManagerOptions {
  /** `provider:id`, or an AI SDK model. Default: the agent's. */
  readonly model?: string | ModelInstance
  /** What a summary should hold. Default: what later turns of the conversation need to know. */
  readonly instructions?: string
}

/** A session summary manager as {@link sessionSummaryManager} made it. */
export interface SessionSummaryManager {
  readonly kind: 'session-summary-manager'
  readonly options: SessionSummaryManagerOptions
}

/** What an agent learns for all its conversations. */
export interface LearningOptions {
  /** Tools to save and to search insights: `save_learning`, `search_learnings`. */
  readonly learnedKnowledge: boolean
  /** Who shares them: agents of the same namespace, or with `user` one user alone. Default `global`. */
  readonly namespace?: string
}

/** Whether `value` is what the option `learning` takes; else what that is. */
export function isLearning(value: unknown): true | string {
  const kind = '{ learnedKnowledge: true or false, namespace?: 1 to 100 letters, digits, "_" or "-" }'
  if (typeof value !== 'object' || value === null || !('learnedKnowledge' in value)) return kind
  const { learnedKnowledge, namespace = 'global', ...rest }: { learnedKnowledge: unknown; namespace?: unknown } = value
  const isName = typeof namespace === 'string' && /^[A-Za-z0-9_-]{1,100}$/.test(namespace)
  return (typeof learnedKnowledge === 'boolean' && isName && Object.keys(rest).length === 0) || kind
}

const FLAGS = ['addMemories', 'updateMemories', 'deleteMemories', 'clearMemories'] as const
const SUMMARY_OPTIONS = ['model', 'instructions']

/**
 * Says how an agent remembers its users.
 * @throws {TypeError} when an option is unknown or of the wrong kind
 */
export function memoryManager(options: MemoryManagerOptions = {}): MemoryManager {
  const who = 'memoryManager()'
  refuseUnknown(who, options, [...SUMMARY_OPTIONS, ...FLAGS])
  checkBasics(who, options)
  for (const name of FLAGS) {
    const value: unknown = options[name]
    if (value !== undefined && typeof value !== 'boolean') {
      throw new TypeError(`${who}: ${name} must be true or false, got ${show(value)}`)
    }
  }
  return define({ kind: 'memory-manager', options: Object.freeze({ ...options }) })
}

/**
 * Says how an agent sums its conversations up.
 * @throws {TypeError} when an option is unknown or of the wrong kind
 */
export function sessionSummaryManager(options: SessionSummaryManagerOptions = {}): SessionSummaryManager {
  const who = 'sessionSummaryManager()'
  refuseUnknown(who, options, SUMMARY_OPTIONS)
  checkBasics(who, options)
  return define({ kind: 'session-summary-manager', options: Object.freeze({ ...options }) })
}

/** Whether `value` is a memory manager, made by this or another copy of the SDK. */
export function isMemoryManager(value: unknown): value is MemoryManager {
  return isDefinition(value, 'memory-manager')
}

/** Whether `value` is a session summary manager, made by this or another copy of the SDK. */
export function isSessionSummaryManager(value: unknown): value is SessionSummaryManager {
  return isDefinition(value, 'session-summary-manager')
}

function checkBasics(who: string, { model, instructions }: SessionSummaryManagerOptions): void {
  if (model !== undefined && typeof model !== 'string' && !isModelInstance(model)) {
    throw new TypeError(`${who}: model must be "provider:id" or an AI SDK model, got ${show(model)}`)
  }
  if (instructions !== undefined && typeof instructions !== 'string') {
    throw new TypeError(`${who}: instructions must be text, got ${show(instructions)}`)
  }
}
