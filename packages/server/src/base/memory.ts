/**
 * The words of memory: what is remembered of a user, how a run changes it, and what a conversation was about.
 * @module
 */
/** Longest memory, in characters. */
export const MAX_MEMORY_LENGTH = 5000
/** Most topics of a memory, and the longest of them in characters. */
export const MAX_TOPICS = 20
export const MAX_TOPIC_LENGTH = 100

/** One memory as runs see it. */
export type Memory = {
  readonly memoryId: string
  readonly memory: string
  readonly topics: readonly string[]
}

/** Ids of added memories are made of the run, so that the same change made twice is made once. */
export type MemoryChange =
  | ({ readonly type: 'add' } & Memory)
  | ({ readonly type: 'update' } & Memory)
  | { readonly type: 'delete'; readonly memoryId: string }
  /** All that the user had before; what is added with it stays. */
  | { readonly type: 'clear' }

/** `memories`: most of them, 0 or more; `summary`: whether that of the session is wanted. */
export type RecallQuery = { readonly memories: number; readonly summary: boolean }

/** `updatedAt` is ISO 8601. */
export type SessionSummary = {
  readonly summary: string
  readonly topics: readonly string[]
  readonly updatedAt: string
}

/** What a run is told of the past when it begins. */
export type Recollection = {
  /** Of the run's user, those that changed last first; empty without a user. */
  readonly memories: readonly Memory[]
  /** How many more memories the user may have. */
  readonly room: number
  /** Of the session; null when there is none yet. */
  readonly summary: string | null
}

/** What the user of a run said that no memory manager could read then. */
export type MissedMessage = { readonly runId: string; readonly message: string }

/** What a run leaves for later ones of its user and agent to remember, and what became of what earlier ones have left. */
export type MemoryBacklog = {
  /** The memory manager failed on what its own user said. */
  readonly isMissed: boolean
  /** Earlier runs whose messages were read now. */
  readonly madeUp: readonly string[]
  /** Earlier runs on whose messages the manager failed again. */
  readonly failed: readonly string[]
}

/** Something learned that may help in any conversation. */
export type Insight = {
  readonly title: string
  readonly learning: string
  /** When it applies. */
  readonly context: string | null
  readonly tags: readonly string[]
}

/** `key`: the same on every try, so that what is saved twice is saved once. */
export type InsightSaving = Insight & { readonly namespace: string; readonly key: string }

/** `limit`: most insights, 1 to 50. */
export type InsightSearch = { readonly namespace: string; readonly query: string; readonly limit: number }

/** `query`: words that the conversation should hold, any of them; null takes all. */
export type SessionSearch = {
  readonly query: string | null
  /** Sessions to look at, 1 to 100. */
  readonly sessions: number
  /** Runs of each that are shown, 1 to 20. */
  readonly runs: number
}

/** `runs`: the first ones; null reads as many as there is room for. */
export type SessionReading = { readonly sessionId: string; readonly runs: number | null }

/** An earlier conversation of the run's user, by the beginnings of what was said. Times are ISO 8601. */
export type PastSession = {
  readonly sessionId: string
  readonly name: string
  readonly createdAt: string
  readonly summary: string | null
  readonly runs: readonly { readonly user: string; readonly assistant: string }[]
}

/** What was said in an earlier conversation, oldest first. */
export type PastConversation = {
  readonly sessionId: string
  readonly createdAt: string
  readonly said: readonly { readonly role: 'user' | 'assistant'; readonly text: string }[]
}
