/**
 * `@agentos/sdk`: what an agents folder imports. Depends on nothing.
 * @module
 */
export {
  agent,
  isAgent,
  type Agent,
  type AgentOptions,
  type KnowledgeFilters,
  type KnowledgeRetriever,
  type ModelSettings,
} from './agent.ts'
export { isAiTool, type AiTool } from './ai-tool.ts'
export { askUser } from './ask-user.ts'
export type { Logger, RunContext, ToolContext } from './context.ts'
export { isDefinition } from './definition.ts'
export {
  isMemoryManager,
  isSessionSummaryManager,
  memoryManager,
  sessionSummaryManager,
  type LearningOptions,
  type MemoryManager,
  type MemoryManagerOptions,
  type SessionSummaryManager,
  type SessionSummaryManagerOptions,
} from './memory.ts'
export {
  isKnowledge,
  knowledge,
  type Knowledge,
  type KnowledgeMatch,
  type KnowledgeOptions,
  type Reranker,
  type SearchType,
} from './knowledge.ts'
export { isModelInstance, type ModelInstance } from './model.ts'
export {
  isStandardSchema,
  type Infer,
  type JsonSchema,
  type Schema,
  type StandardIssue,
  type StandardSchema,
} from './schema.ts'
export {
  tool,
  type Approval,
  type Effect,
  type ExternalToolOptions,
  type RunToolOptions,
  type Tool,
  type ToolBasics,
  type ToolOptions,
  type ToolPause,
} from './tool.ts'
