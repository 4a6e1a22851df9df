/**
 * Attributes of spans, under the names of two conventions at once: OpenInference, which Agno's views and Phoenix read, and
 * the `gen_ai.*` semantic conventions of OpenTelemetry, which Grafana, Datadog and others read.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Json, JsonObject } from '../base/json.ts'
import type { AssistantMessage, Message } from '../base/message.ts'
import type { ModelName, SideUsage, ToolExecution } from '../base/run.ts'
import type { SpanAttribute } from '../base/span.ts'
import { spanIdOf } from '../base/trace-context.ts'
import type { Usage } from '../base/usage.ts'
import { type ContentLevel, cutText } from './span-content.ts'
import { messageAttributes, messageValues, shownMessages, systemInstructions } from './span-messages.ts'

type Attributes = Readonly<Record<string, SpanAttribute>>

/** Most names of tools, and the longest description of one, in characters: what authors write has no limit of its own. */
const MAX_TOOLS = 128
const MAX_DESCRIPTION = 1024

/** What an attempt tells of itself; the usage of one that was lost is not known. */
type Described = Omit<AttemptRecord, 'usage'> & { readonly usage: Usage | undefined }

export function agentAttributes(record: Described, spanId: string, level: ContentLevel): Attributes {
  const { agentId, agentName, sessionId, userId, model, usage, content, input, tools } = record
  return {
    'openinference.span.kind': record.runType === 'workflow' ? 'CHAIN' : 'AGENT',
    'graph.node.id': spanId,
    'graph.node.name': agentName,
    ...(record.parentRunId !== null && {
      'graph.node.parent_id': spanIdOf(record.parentRunId, 'run'),
      'agentos.run.parent_id': record.parentRunId,
    }),
    ...runnableAttributes(record),
    'agno.run.id': record.runId,
    ...(tools.length > 0 && { 'agno.tools': tools.slice(0, MAX_TOOLS).map(({ name }) => name) }),
    'session.id': sessionId,
    ...(userId !== null && { 'user.id': userId }),
    ...(level !== 'none' && valueAttributes('input', input)),
    ...(level !== 'none' && content !== null && valueAttributes('output', content)),
    ...(level === 'messages' && systemInstructions(record.messages)),
    'gen_ai.operation.name': record.runType === 'workflow' ? 'invoke_workflow' : 'invoke_agent',
    'gen_ai.agent.id': agentId,
    'gen_ai.agent.name': agentName,
    'gen_ai.conversation.id': sessionId,
    'gen_ai.provider.name': providerName(model.provider),
    'gen_ai.request.model': model.id,
    ...(usage !== undefined && genAiUsage(usage)),
    'agentos.run.status': record.status,
    'agentos.run.attempt': record.attempt,
    'agentos.run.origin': record.origin,
    ...(record.revision !== '' && { 'agentos.revision': record.revision }),
    ...(record.schedule && {
      'agentos.schedule.id': record.schedule.scheduleId,
      'agentos.schedule.run_id': record.schedule.scheduleRunId,
    }),
    ...(record.error !== null && { 'error.type': record.error.code }),
  }
}

/** Under the names of what runs. */
function runnableAttributes({ runType, agentId, agentName }: Described): Attributes {
  switch (runType) {
    case 'agent':
      return { 'agent.name': agentName, 'agno.agent': agentName, 'agno.agent.id': agentId }
    case 'team':
      return { 'agent.name': agentName, 'agno.team': agentName, 'agno.team.id': agentId }
    case 'workflow':
      return { 'agno.workflow': agentName, 'agno.workflow.id': agentId }
  }
}

export type ModelSpan = {
  readonly model: ModelName
  readonly settings: JsonObject
  /** Of its session. */
  readonly history: readonly Message[]
  /** Messages of the run that the model was asked with. */
  readonly asked: readonly Message[]
  /** Undefined when there was no reply. */
  readonly reply: AssistantMessage | undefined
  readonly finishReason: string | undefined
  readonly sessionId: string
}

export function modelAttributes(call: ModelSpan, level: ContentLevel): Attributes {
  const { model, reply, sessionId, finishReason } = call
  const first = reply?.timeToFirstTokenMs
  const shown = level === 'none' ? [] : shownMessages(call.history, call.asked)
  return {
    'openinference.span.kind': 'LLM',
    'llm.model_name': model.id,
    'llm.provider': model.provider,
    'session.id': sessionId,
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': providerName(model.provider),
    'gen_ai.request.model': model.id,
    'gen_ai.request.stream': true,
    ...settingAttributes(call.settings),
    'gen_ai.conversation.id': sessionId,
    ...(finishReason !== undefined && { 'gen_ai.response.finish_reasons': [finishReason.replaceAll('-', '_')] }),
    ...(reply !== undefined && { ...tokenCounts(reply.usage), ...genAiUsage(reply.usage) }),
    ...(first !== undefined && {
      'agentos.time_to_first_token_ms': first,
      // Seconds.
      'gen_ai.response.time_to_first_chunk': first / 1000,
    }),
    ...(level !== 'none' && messageValues(shown, reply)),
    ...(level === 'messages' && messageAttributes(shown, reply)),
  }
}

/** Of a model call beside the answer: what it was for and what it took. What was said in it is kept nowhere. */
export function sideAttributes({ purpose, model, usage }: SideUsage, sessionId: string): Attributes {
  const call = { model, settings: {}, history: [], asked: [], reply: undefined, finishReason: undefined, sessionId }
  return {
    ...modelAttributes(call, 'none'),
    'agentos.model.purpose': purpose,
    ...tokenCounts(usage),
    ...genAiUsage(usage),
  }
}

/** Names of the convention for the settings that it knows; OpenInference has all of them in one text. */
const SETTINGS: Readonly<Record<string, string>> = {
  temperature: 'gen_ai.request.temperature',
  maxOutputTokens: 'gen_ai.request.max_tokens',
  topP: 'gen_ai.request.top_p',
  topK: 'gen_ai.request.top_k',
  presencePenalty: 'gen_ai.request.presence_penalty',
  frequencyPenalty: 'gen_ai.request.frequency_penalty',
  stopSequences: 'gen_ai.request.stop_sequences',
  seed: 'gen_ai.request.seed',
}

function settingAttributes(settings: JsonObject): Attributes {
  if (Object.keys(settings).length === 0) return {}
  const known = Object.entries(settings).flatMap(([key, value]): [string, SpanAttribute][] => {
    const name = Object.hasOwn(SETTINGS, key) ? SETTINGS[key] : undefined
    if (name === undefined) return []
    if (Array.isArray(value)) return [[name, value.map(String)]]
    return typeof value === 'number' ? [[name, value]] : []
  })
  return { 'llm.invocation_parameters': JSON.stringify(settings), ...Object.fromEntries(known) }
}

type ToolSpan = {
  readonly tool: ToolExecution
  /** Of the tool; undefined when its agent has none of that name. */
  readonly description: string | undefined
  readonly sessionId: string
}

export function toolAttributes({ tool, description, sessionId }: ToolSpan, level: ContentLevel): Attributes {
  const input = typeof tool.input === 'string' ? tool.input : JSON.stringify(tool.input)
  const { result } = tool
  const about = description === undefined ? '' : cutText(description, undefined, MAX_DESCRIPTION)
  return {
    'openinference.span.kind': 'TOOL',
    'tool.name': tool.toolName,
    ...(about !== '' && { 'tool.description': about, 'gen_ai.tool.description': about }),
    'session.id': sessionId,
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': tool.toolName,
    'gen_ai.tool.call.id': tool.toolCallId,
    'gen_ai.tool.type': 'function',
    'gen_ai.conversation.id': sessionId,
    ...(tool.isError === true && { 'error.type': 'tool_error' }),
    ...(level !== 'none' && {
      'tool.parameters': input,
      ...valueAttributes('input', tool.input),
      ...(result !== undefined && valueAttributes('output', result)),
    }),
    ...(level === 'messages' && {
      'gen_ai.tool.call.arguments': input,
      ...(result !== undefined && { 'gen_ai.tool.call.result': result }),
    }),
  }
}

/** Names of the convention where it has one. */
const PROVIDERS: Readonly<Record<string, string>> = {
  azure: 'azure.ai.openai',
  'amazon-bedrock': 'aws.bedrock',
  google: 'gcp.gemini',
  mistral: 'mistral_ai',
  vertex: 'gcp.vertex_ai',
  xai: 'x_ai',
}

function providerName(provider: string): string {
  return Object.hasOwn(PROVIDERS, provider) ? (PROVIDERS[provider] ?? provider) : provider
}

function valueAttributes(side: 'input' | 'output', value: Json): Attributes {
  const isText = typeof value === 'string'
  return {
    [`${side}.value`]: isText ? value : JSON.stringify(value),
    [`${side}.mime_type`]: isText ? 'text/plain' : 'application/json',
  }
}

function tokenCounts(usage: Usage): Attributes {
  return {
    'llm.token_count.prompt': usage.inputTokens,
    'llm.token_count.completion': usage.outputTokens,
    'llm.token_count.total': usage.totalTokens,
    'llm.token_count.prompt_details.cache_read': usage.cacheReadTokens,
    'llm.token_count.prompt_details.cache_write': usage.cacheWriteTokens,
    'llm.token_count.completion_details.reasoning': usage.reasoningTokens,
  }
}

function genAiUsage(usage: Usage): Attributes {
  return {
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadTokens,
    // Its name since the conventions moved to a repository of their own, and the one before, which receivers still read.
    'gen_ai.usage.cache_write.input_tokens': usage.cacheWriteTokens,
    'gen_ai.usage.cache_creation.input_tokens': usage.cacheWriteTokens,
  }
}
