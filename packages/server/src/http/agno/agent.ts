/**
 * Agents as `/agents` and `/config` describe them: settings that equal Agno's defaults are left out.
 * @module
 */
import type { AgentResponse, Config, ModelEntry } from '@agentos/wire'
import type { AgentInfo, AgentKnowledge } from '../../base/runnable.ts'

/** The one database of a server, as clients name it. */
export const DATABASE_ID = 'agentos'
const KNOWLEDGE_TABLE = 'agentos_knowledge_contents'
export const SESSION_TABLE = 'agentos_sessions'
export const MEMORY_TABLE = 'agentos_memories'
export const LEARNING_TABLE = 'agentos_learnings'

export function toAgentResponse(agent: AgentInfo): AgentResponse {
  const systemMessage = toSystemMessage(agent)
  const responseSettings = toResponseSettings(agent)
  return {
    id: agent.id,
    name: agent.name,
    db_id: DATABASE_ID,
    filesystem: false,
    ...(agent.description !== null && { description: agent.description }),
    ...(agent.role !== null && { role: agent.role }),
    is_factory: false,
    model: { name: agent.model.id, model: agent.model.id, provider: agent.model.provider },
    ...(agent.tools.length > 0 && { tools: toTools(agent) }),
    sessions: {
      session_table: SESSION_TABLE,
      ...(agent.addHistoryToContext && { add_history_to_context: true }),
      ...(agent.numHistoryRuns !== 3 && { num_history_runs: agent.numHistoryRuns }),
      ...toSummaries(agent),
    },
    ...toMemory(agent),
    ...toKnowledge(agent.knowledge),
    reasoning: { reasoning: false },
    ...(Object.keys(systemMessage).length > 0 && { system_message: systemMessage }),
    ...(Object.keys(responseSettings).length > 0 && { response_settings: responseSettings }),
    ...(agent.introduction !== null && { introduction: agent.introduction }),
    ...(agent.metadata !== null && { metadata: agent.metadata }),
    is_component: false,
    sandboxed: false,
  }
}

export function toAgentSummary(agent: AgentInfo): Config['agents'][number] {
  return {
    id: agent.id,
    name: agent.name,
    ...(agent.description !== null && { description: agent.description }),
    db_id: DATABASE_ID,
    model: agent.model,
    ...(agent.metadata !== null && { metadata: agent.metadata }),
    sandboxed: false,
  }
}

/** Every model once: those of the agents, then those that are offered beside them, given as `provider:id`. */
export function listModels(agents: readonly AgentInfo[], offered: readonly string[]): ModelEntry[] {
  const models = new Map<string, ModelEntry>()
  const add = ({ provider, id }: ModelEntry) => models.set(`${provider}:${id}`, { id, provider })
  for (const { model } of agents) add(model)
  for (const name of offered) {
    const colon = name.indexOf(':')
    if (colon > 0) add({ provider: name.slice(0, colon), id: name.slice(colon + 1) })
  }
  return [...models.values()]
}

function toSummaries({ memory }: AgentInfo) {
  if (memory === undefined) return {}
  return {
    ...(memory.enableSessionSummaries && { enable_session_summaries: true }),
    ...(memory.addSessionSummaryToContext && { add_session_summary_to_context: true }),
    ...(memory.searchPastSessions && {
      search_past_sessions: true,
      num_past_sessions_to_search: memory.numPastSessionsToSearch,
      num_past_session_runs_in_search: memory.numPastSessionRunsInSearch,
    }),
  }
}

function toMemory({ memory }: AgentInfo): Pick<AgentResponse, 'memory'> {
  if (memory === undefined) return {}
  const { enableAgenticMemory, enableUserMemories, addMemoriesToContext, model } = memory
  if (!enableAgenticMemory && !enableUserMemories && !addMemoriesToContext) return {}
  return {
    memory: {
      ...(enableAgenticMemory && { enable_agentic_memory: true }),
      ...(enableUserMemories && { update_memory_on_run: true }),
      ...(addMemoriesToContext && { add_memories_to_context: true }),
      memory_table: MEMORY_TABLE,
      model: { name: model.id, model: model.id, provider: model.provider },
    },
  }
}

function toTools(agent: AgentInfo): NonNullable<AgentResponse['tools']> {
  return {
    tools: agent.tools.map(({ name, description, parameters }) => ({ name, description, parameters })),
    ...(agent.toolCallLimit !== null && { tool_call_limit: agent.toolCallLimit }),
    ...(agent.toolChoice !== null && { tool_choice: agent.toolChoice }),
  }
}

function toKnowledge(knowledge: AgentKnowledge | undefined): Pick<AgentResponse, 'knowledge' | 'default_tools'> {
  if (knowledge === undefined) return {}
  const { knowledgeFilters, enableAgenticKnowledgeFilters, searchKnowledge, updateKnowledge, knowledgeId } = knowledge
  const tools = {
    ...(!searchKnowledge && { search_knowledge: false }),
    ...(updateKnowledge && { update_knowledge: true }),
  }
  return {
    knowledge: {
      db_id: DATABASE_ID,
      knowledge_table: KNOWLEDGE_TABLE,
      ...(knowledgeId !== null && { knowledge_id: knowledgeId }),
      ...(enableAgenticKnowledgeFilters && { enable_agentic_knowledge_filters: true }),
      ...(knowledgeFilters.length > 0 && { knowledge_filters: [...knowledgeFilters] }),
      ...(knowledge.addKnowledgeToContext && { add_knowledge_to_context: true }),
    },
    ...(Object.keys(tools).length > 0 && { default_tools: tools }),
  }
}

function toSystemMessage(agent: AgentInfo): NonNullable<AgentResponse['system_message']> {
  return {
    ...(agent.description !== null && { description: agent.description }),
    ...(agent.instructions !== null && { instructions: agent.instructions }),
    ...(agent.expectedOutput !== null && { expected_output: agent.expectedOutput }),
    ...(agent.additionalContext !== null && { additional_context: agent.additionalContext }),
    ...(agent.markdown && { markdown: true }),
    ...(agent.addDatetimeToContext && { add_datetime_to_context: true }),
    ...(agent.timezone !== null && { timezone_identifier: agent.timezone }),
  }
}

function toResponseSettings(agent: AgentInfo): NonNullable<AgentResponse['response_settings']> {
  return {
    ...(agent.retries !== 0 && { retries: agent.retries }),
    ...(agent.delayBetweenRetriesSeconds !== 1 && { delay_between_retries: agent.delayBetweenRetriesSeconds }),
    ...(agent.exponentialBackoff && { exponential_backoff: true }),
    ...(agent.outputSchema !== null && { output_schema_name: agent.outputSchema.name }),
  }
}
