/**
 * Whether arguments fit a tool of the serving revision, as far as its JSON Schema says: what a person fills in is checked
 * before the run goes on. The tool's own schema has the last word, in the worker.
 * @module
 */
import type { Json } from '../base/json.ts'
import type { ToolInfo } from '../base/runnable.ts'
import type { Registry } from '../loader/registry.ts'
import { compileJsonSchema } from '../runtime/json-schema.ts'
import { describeIssues, type Validation } from '../runtime/validation.ts'

/** @returns what is wrong, in words; undefined when nothing is, or there is no such tool any more */
export async function checkToolInput(
  registry: Pick<Registry, 'current'>,
  agentId: string,
  toolName: string,
  input: Json,
): Promise<string | undefined> {
  const agent = registry.current()?.manifest.agents.find(({ id }) => id === agentId)
  const tool = agent?.tools.find(({ name }) => name === toolName)
  if (tool === undefined) return undefined
  const check = await compileInput(tool)
  const verdict = check(input)
  return verdict.ok ? undefined : describeIssues(verdict.issues)
}

async function compileInput({ name, inputSchema, parameters }: ToolInfo): Promise<(value: Json) => Validation> {
  try {
    // The main thread runs no regular expression of anybody's.
    return await compileJsonSchema(inputSchema ?? parameters, `tool "${name}"`, { patterns: false })
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    // Not valid JSON Schema: only the tool can say what fits it.
    return (value) => ({ ok: true, value })
  }
}
