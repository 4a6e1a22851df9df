/**
 * `@agentos/sdk`: what an agents folder imports. Depends on nothing.
 * @module
 */
export { agent, isAgent, type Agent, type AgentOptions, type ModelSettings } from './agent.ts'
export { isAiTool, type AiTool } from './ai-tool.ts'
export type { Logger, RunContext, ToolContext } from './context.ts'
export { isDefinition } from './definition.ts'
export { isModelInstance, type ModelInstance } from './model.ts'
export {
  isStandardSchema,
  type Infer,
  type JsonSchema,
  type Schema,
  type StandardIssue,
  type StandardSchema,
} from './schema.ts'
export { tool, type Effect, type Tool, type ToolOptions } from './tool.ts'
