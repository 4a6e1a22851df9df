/**
 * What a loaded runnable tells about itself: plain data that crosses the port and feeds `/agents`, `/config` and
 * `agentos check`. The code behind it never leaves its worker.
 * @module
 */
import type { JsonObject } from './json.ts'
import type { KnowledgeFilter, KnowledgeInfo } from './knowledge.ts'
import type { ApprovalType, PauseKind } from './requirement.ts'
import type { ModelName } from './run.ts'

/** What re-running a tool does to the outside world; undeclared means `once`. */
export type Effect = 'read' | 'idempotent' | 'keyed' | 'once'

export type ToolInfo = {
  readonly name: string
  readonly description: string
  /** JSON Schema of the arguments, without those that only a person fills in. */
  readonly parameters: JsonObject
  /** JSON Schema of all arguments; present where a person fills in some of them. */
  readonly inputSchema?: JsonObject
  readonly effect: Effect
  /** What its calls pause for, all or some of them; absent when the model may call it by itself. */
  readonly pause?: Exclude<PauseKind, 'outcome-unknown'>
  readonly approval?: ApprovalType
}

/** Where an agent looks things up, and when. */
export type AgentKnowledge = {
  /** Null where a function of the author does it. */
  readonly knowledgeId: string | null
  readonly searchKnowledge: boolean
  readonly addSearchKnowledgeInstructions: boolean
  readonly addKnowledgeToContext: boolean
  readonly enableAgenticKnowledgeFilters: boolean
  readonly updateKnowledge: boolean
  readonly knowledgeFilters: readonly KnowledgeFilter[]
  /** Null: that of the base. */
  readonly maxResults: number | null
}

/** What an agent remembers, and of what it tells its model. */
export type MemoryInfo = {
  readonly enableUserMemories: boolean
  readonly enableAgenticMemory: boolean
  readonly addMemoriesToContext: boolean
  /** Who remembers. */
  readonly model: ModelName
  readonly enableSessionSummaries: boolean
  readonly addSessionSummaryToContext: boolean
  readonly searchPastSessions: boolean
  readonly numPastSessionsToSearch: number
  readonly numPastSessionRunsInSearch: number
}

export type AgentInfo = {
  readonly id: string
  readonly name: string
  readonly description: string | null
  readonly role: string | null
  readonly model: ModelName
  /** Sampling settings by the names of the SDK; empty when the provider's defaults hold. */
  readonly modelSettings: JsonObject
  /** Null when they are a function of the run. */
  readonly instructions: string | null
  readonly expectedOutput: string | null
  readonly additionalContext: string | null
  readonly introduction: string | null
  readonly markdown: boolean
  readonly addDatetimeToContext: boolean
  readonly timezone: string | null
  readonly tools: readonly ToolInfo[]
  readonly toolCallLimit: number | null
  readonly toolChoice: string | null
  readonly addHistoryToContext: boolean
  readonly numHistoryRuns: number
  readonly retries: number
  readonly delayBetweenRetriesSeconds: number
  readonly exponentialBackoff: boolean
  /** Name and JSON Schema of the structured answer. */
  readonly outputSchema: { readonly name: string; readonly schema: JsonObject } | null
  readonly quickPrompts: readonly string[]
  /** Absent where it remembers nothing beyond its session. */
  readonly memory?: MemoryInfo
  /** Absent where it looks nothing up. */
  readonly knowledge?: AgentKnowledge
  readonly metadata: JsonObject | null
  /** Top-level keys and values every new session of this agent starts with. */
  readonly sessionState: JsonObject
  /** Present when what is attached to its runs does not go to the model. */
  readonly sendMediaToModel?: false
  /** Present when that does not stay once the run is over. */
  readonly storeMedia?: false
  /** Path of the file that exports it, relative to the agents folder. */
  readonly file: string
}

/** One file of the agents folder, as a load left it. */
export type FileReport = {
  readonly path: string
  readonly outcome: 'loaded' | 'skipped' | 'error'
  /** Ids of the runnables it exports. */
  readonly runnables: readonly string[]
  /** Why it was skipped, or what is wrong, with a code frame where the source has one. */
  readonly detail: string | null
}

export type Manifest = {
  readonly agents: readonly AgentInfo[]
  /** Knowledge bases that it defines; absent or empty: the server's own one is all there is. */
  readonly knowledge?: readonly KnowledgeInfo[]
  readonly files: readonly FileReport[]
}
