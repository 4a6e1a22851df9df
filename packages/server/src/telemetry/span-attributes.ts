/**
 * Attributes of spans, under the names of two conventions at once: OpenInference, which Agno's views and Phoenix read, and
 * the `gen_ai.*` semantic conventions of OpenTelemetry, which Grafana, Datadog and others read.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Json } from '../base/json.ts'
import { type AssistantMessage, type Message, textOf, toolCallsOf } from '../base/message.ts'
import type { ModelName, ToolExecution } from '../base/run.ts'
import type { SpanAttribute } from '../base/span.ts'
import type { Usage } from '../base/usage.ts'
import { type ContentLevel, cutText, MAX_TEXT } from './span-content.ts'

type Attributes = Readonly<Record<string, SpanAttribute>>

/** What an attempt tells of itself; the usage of one that was lost is not known. */
type Described = Omit<AttemptRecord, 'usage'> & { readonly usage: Usage | undefined }

export function agentAttributes(record: Described, spanId: string, level: ContentLevel): Attributes {
  const { agentId, agentName, sessionId, userId, model, usage, content, input } = record
  return {
    'openinference.span.kind': 'AGENT',
    'graph.node.id': spanId,
    'graph.node.name': agentName,
    'agent.name': agentName,
    'agno.agent': agentName,
    'agno.agent.id': agentId,
    'agno.run.id': record.runId,
    'session.id': sessionId,
    ...(userId !== null && { 'user.id': userId }),
    ...(level !== 'none' && valueAttributes('input', input)),
    ...(level !== 'none' && content !== null && valueAttributes('output', content)),
    'gen_ai.operation.name': 'invoke_agent',
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
    ...(record.error !== null && { 'error.type': record.error.code }),
  }
}

export type ModelSpan = {
  readonly model: ModelName
  /** What the model was asked with, without the history of the session. */
  readonly asked: readonly Message[]
  /** Undefined when there was no reply. */
  readonly reply: AssistantMessage | undefined
  readonly sessionId: string
}

export function modelAttributes({ model, asked, reply, sessionId }: ModelSpan, level: ContentLevel): Attributes {
  const first = reply?.timeToFirstTokenMs
  return {
    'openinference.span.kind': 'LLM',
    'llm.model_name': model.id,
    'llm.provider': model.provider,
    'session.id': sessionId,
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': providerName(model.provider),
    'gen_ai.request.model': model.id,
    'gen_ai.conversation.id': sessionId,
    ...(reply !== undefined && { ...tokenCounts(reply.usage), ...genAiUsage(reply.usage) }),
    ...(first !== undefined && { 'agentos.time_to_first_token_ms': first }),
    ...(level !== 'none' && messageValues(asked, reply)),
    ...(level === 'messages' && messageAttributes(asked, reply)),
  }
}

export function toolAttributes(tool: ToolExecution, sessionId: string, level: ContentLevel): Attributes {
  const input = typeof tool.input === 'string' ? tool.input : JSON.stringify(tool.input)
  const { result } = tool
  return {
    'openinference.span.kind': 'TOOL',
    'tool.name': tool.toolName,
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
  bedrock: 'aws.bedrock',
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
    'gen_ai.usage.cache_read.input_tokens': usage.cacheReadTokens,
    'gen_ai.usage.cache_creation.input_tokens': usage.cacheWriteTokens,
  }
}

/** The newest messages that fit one attribute together: a long transcript is not told again with each of its calls. */
function newest(messages: readonly Message[]): readonly Message[] {
  let room = MAX_TEXT / 2
  let from = messages.length
  while (from > 0 && room > 0) {
    const message = messages[from - 1]
    if (message === undefined) break
    room -= message.role === 'assistant' ? textOf(message).length : message.content.length
    from -= 1
  }
  return messages.slice(from)
}

function messageValues(asked: readonly Message[], reply: AssistantMessage | undefined): Attributes {
  const messages = newest(asked).map(toPlain)
  return {
    'input.value': JSON.stringify({ messages }),
    'input.mime_type': 'application/json',
    ...(reply !== undefined && {
      'output.value': JSON.stringify([toPlain(reply)]),
      'output.mime_type': 'application/json',
    }),
  }
}

/** A message as Agno shows it in values. */
function toPlain(message: Message) {
  if (message.role !== 'assistant') {
    const { role, content } = message
    const text = cutText(content)
    return role === 'tool' ? { role, content: text, tool_call_id: message.toolCallId } : { role, content: text }
  }
  const calls = toolCallsOf(message)
  const toCall = ({ toolCallId, toolName, input }: (typeof calls)[number]) => {
    return { id: toolCallId, type: 'function', function: { name: toolName, arguments: argumentsOf(input) } }
  }
  const content = cutText(textOf(message))
  return { role: message.role, content, ...(calls.length > 0 && { tool_calls: calls.map(toCall) }) }
}

function messageAttributes(asked: readonly Message[], reply: AssistantMessage | undefined): Attributes {
  const shown = newest(asked)
  const replies = reply === undefined ? [] : [reply]
  return {
    ...flatMessages('llm.input_messages', shown),
    ...flatMessages('llm.output_messages', replies),
    'gen_ai.input.messages': JSON.stringify(shown.map(toParts)),
    'gen_ai.output.messages': JSON.stringify(replies.map(toParts)),
  }
}

function flatMessages(prefix: string, messages: readonly Message[]): Attributes {
  const flat: Record<string, SpanAttribute> = {}
  for (const [index, message] of messages.entries()) {
    const at = `${prefix}.${index}.message`
    flat[`${at}.role`] = message.role
    flat[`${at}.content`] = cutText(message.role === 'assistant' ? textOf(message) : message.content)
    if (message.role === 'tool') flat[`${at}.tool_call_id`] = message.toolCallId
    if (message.role !== 'assistant') continue
    for (const [n, call] of toolCallsOf(message).entries()) {
      flat[`${at}.tool_calls.${n}.tool_call.id`] = call.toolCallId
      flat[`${at}.tool_calls.${n}.tool_call.function.name`] = call.toolName
      flat[`${at}.tool_calls.${n}.tool_call.function.arguments`] = argumentsOf(call.input)
    }
  }
  return flat
}

/** A message in the form of `gen_ai.input.messages`. */
function toParts(message: Message) {
  if (message.role === 'tool') {
    const response = { type: 'tool_call_response', id: message.toolCallId, response: cutText(message.content) }
    return { role: message.role, parts: [response] }
  }
  if (message.role !== 'assistant') {
    return { role: message.role, parts: [{ type: 'text', content: cutText(message.content) }] }
  }
  const parts = message.parts.map((part) => {
    if (part.type !== 'tool-call') return { type: part.type, content: cutText(part.text) }
    return { type: 'tool_call', id: part.toolCallId, name: part.toolName, arguments: part.input }
  })
  return { role: message.role, parts }
}

function argumentsOf(input: Json): string {
  return cutText(typeof input === 'string' ? input : JSON.stringify(input))
}
