/**
 * The tools of an agent with knowledge: names, arguments and results are Agno's.
 * @module
 */
import type { ToolContext } from '@agentos/sdk'
import { isJsonObject, type Json, type JsonObject } from '../../base/json.ts'
import type { KnowledgeFilter } from '../../base/knowledge.ts'
import type { Inside } from '../inside.ts'
import { prepareSchema } from '../schema.ts'
import type { PreparedTool } from '../tool.ts'
import { foundText } from '../tool-result.ts'
import type { PreparedKnowledge } from './prepare.ts'
import { effectiveFilters, lookUp, writeDocuments } from './retrieve.ts'

const SEARCH_TOOL = 'search_knowledge_base'
const ADD_TOOL = 'add_to_knowledge'

const QUERY = { type: 'string', minLength: 1, description: 'The query to search for.' }
const FILTERS = {
  type: 'array',
  description: 'The filters to apply to the search: metadata keys with the values they must have.',
  items: {
    type: 'object',
    properties: { key: { type: 'string' }, value: { type: ['string', 'number', 'boolean'] } },
    required: ['key', 'value'],
  },
}

/** None for an agent that neither searches nor adds. */
export async function knowledgeTools(knowledge: PreparedKnowledge): Promise<PreparedTool[]> {
  const { searchKnowledge, updateKnowledge, knowledgeId } = knowledge
  return [
    ...(searchKnowledge ? [await searchTool(knowledge)] : []),
    ...(updateKnowledge && knowledgeId !== null ? [await addTool(knowledgeId)] : []),
  ]
}

function searchTool(knowledge: PreparedKnowledge): Promise<PreparedTool> {
  const agentic = knowledge.enableAgenticKnowledgeFilters
  return makeTool({
    name: SEARCH_TOOL,
    description: 'Searches the knowledge base and returns the documents that fit a query best.',
    properties: agentic ? { query: QUERY, filters: FILTERS } : { query: QUERY },
    required: ['query'],
    effect: 'read',
    run: async (input, ctx, inside) => {
      const query = textOf(input, 'query')
      const wanted = agentic ? await knownFilters(knowledge, input['filters'], inside) : []
      const filters = [...effectiveFilters(knowledge, inside.request), ...wanted]
      const { documents, durationMs, notes } = await lookUp(knowledge, { query, filters, ctx }, inside)
      if (documents.length === 0) return ['No documents found', ...notes].join('. ')
      return foundText(writeDocuments(documents, inside.limits.toolResultBytes), { query, durationMs })
    },
  })
}

/** What the model asks for, without keys that no document has: a search with those would find nothing. */
async function knownFilters(
  { knowledgeId }: PreparedKnowledge,
  given: Json | undefined,
  { ask }: Inside,
): Promise<readonly KnowledgeFilter[]> {
  const pairs = Array.isArray(given) ? given.filter(isJsonObject) : []
  if (pairs.length === 0) return []
  const keys = knowledgeId === null ? undefined : new Set(await ask('knowledge-keys', { knowledgeId }))
  const known = pairs.flatMap(({ key, value = null }: JsonObject): [string, Json][] =>
    typeof key === 'string' && key !== '' && (keys?.has(key) ?? true) ? [[key, value]] : [],
  )
  return known.length === 0 ? [] : [Object.fromEntries(known)]
}

function addTool(knowledgeId: string): Promise<PreparedTool> {
  return makeTool({
    name: ADD_TOOL,
    description: 'Adds what was learned to the knowledge base, for later conversations.',
    properties: {
      query: { type: 'string', minLength: 1, description: 'What it is about: a question or a topic.' },
      result: { type: 'string', minLength: 1, description: 'What is to be known of it, in full sentences.' },
    },
    required: ['query', 'result'],
    // The same text is kept once.
    effect: 'idempotent',
    run: async (input, _ctx, { ask }) => {
      const [query, result] = [textOf(input, 'query'), textOf(input, 'result')]
      const name = query.replaceAll(' ', '_').replaceAll(/[?!.]/g, '').slice(0, 200)
      await ask('add-knowledge', { knowledgeId, name, text: JSON.stringify({ query, result }) })
      return 'Successfully added to knowledge base'
    },
  })
}

/** The schema has seen to it that it is text. */
function textOf(input: JsonObject, name: string): string {
  const value = input[name]
  return typeof value === 'string' ? value : ''
}

type ToolParts = Pick<PreparedTool, 'name' | 'description' | 'effect'> & {
  readonly properties: JsonObject
  readonly required: readonly string[]
  readonly run: (input: JsonObject, ctx: ToolContext, inside: Inside) => Promise<unknown>
}

async function makeTool({ name, description, effect, properties, required, run }: ToolParts): Promise<PreparedTool> {
  const schema = { type: 'object', properties, required: [...required], additionalProperties: false }
  const { json, validate } = await prepareSchema(schema, `tool "${name}"`)
  return {
    name,
    description,
    parameters: json,
    inputSchema: json,
    effect,
    timeoutMs: undefined,
    stopAfterToolCall: false,
    validate,
    // It has passed the schema, which asks for an object.
    run: (input, ctx, _transcript, inside) => run(input as JsonObject, ctx, inside),
    gate: undefined,
    approval: null,
  }
}
