/**
 * Whether arguments fit a tool of the serving revision, as far as its JSON Schema says: what a person fills in is checked
 * before the run goes on. The tool's own schema has the last word, in the worker.
 * @module
 */
import type { Json } from '../base/json.ts'
import type { Registry } from '../loader/registry.ts'
import { compileJsonSchema } from '../runtime/json-schema.ts'
import { describeIssues } from '../runtime/validation.ts'

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
  // The main thread runs no regular expression of anybody's.
  const check = await compileJsonSchema(tool.parameters, `tool "${toolName}"`, { patterns: false })
  const verdict = check(input)
  return verdict.ok ? undefined : describeIssues(verdict.issues)
}
