/**
 * Tools of the AI SDK (`tool()` of the package `ai`), accepted as they are.
 * @module
 */
import type { Schema } from './schema.ts'

/** An AI SDK tool: schema and `execute`, its name is the key it stands under. */
export interface AiTool {
  readonly description?: unknown
  readonly inputSchema: Schema | object
  readonly execute?: ((input: never, options: never) => unknown) | undefined
}

export function isAiTool(value: unknown): value is AiTool {
  return typeof value === 'object' && value !== null && 'inputSchema' in value
}
