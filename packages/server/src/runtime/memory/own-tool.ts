/**
 * Tools of the server itself, in the form of all tools.
 * @module
 */
import type { ToolContext } from '@agentos/sdk'
import { isJsonObject, type JsonObject } from '../../base/json.ts'
import type { Inside } from '../inside.ts'
import type { PreparedTool } from '../tool.ts'

/** @returns what the model is told */
export type Work = (input: JsonObject, ctx: ToolContext, inside: Inside) => Promise<string>

/** @param required arguments that are texts and not empty */
export function describeTool(
  name: string,
  description: string,
  effect: PreparedTool['effect'],
  properties: JsonObject,
  required: readonly string[],
  work: Work,
): PreparedTool {
  const parameters = { type: 'object', properties, required, additionalProperties: false }
  return {
    name,
    description,
    parameters,
    inputSchema: parameters,
    effect,
    timeoutMs: undefined,
    stopAfterToolCall: false,
    validate: async (value) => check(name, value, required),
    run: (input, ctx, _transcript, inside) => work(isJsonObject(input) ? input : {}, ctx, inside),
    gate: undefined,
    approval: null,
  }
}

function check(name: string, value: unknown, required: readonly string[]) {
  if (!isJsonObject(value)) return { ok: false, issues: [{ path: '', message: `${name} takes an object` }] } as const
  const missing = required.find((key) => textOf(value[key]).trim() === '')
  if (missing === undefined) return { ok: true, value } as const
  return { ok: false, issues: [{ path: missing, message: 'must be a text that is not empty' }] } as const
}

/** The text that `value` is; empty for anything else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
