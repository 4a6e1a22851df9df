/**
 * Messages of the journal as Agno's Message, keys in Agno's order.
 * @module
 */
import type { Message as WireMessage } from '@agentos/wire'
import { type AssistantMessage, mediaOf, type Message, reasoningOf, textOf, toolCallsOf } from '../../base/message.ts'
import { toFilledLists } from './media.ts'
import { toCitations } from './references.ts'
import { toMessageMetrics } from './metrics.ts'

/** @param sessionId where what is attached to it is served */
export function toMessage(message: Message, sessionId: string): WireMessage {
  const created_at = Math.floor(message.createdAt / 1000)
  const flags = { from_history: false, stop_after_tool_call: false }
  switch (message.role) {
    case 'system':
      return { id: message.id, content: message.content, ...flags, role: message.role, created_at }
    case 'user': {
      const media = toFilledLists(message.media ?? [], sessionId)
      return { id: message.id, content: message.content, ...flags, role: message.role, ...media, created_at }
    }
    case 'assistant':
      return { ...toAssistantMessage(message), ...toFilledLists(mediaOf(message), sessionId), created_at }
    case 'tool':
      return {
        id: message.id,
        content: message.content,
        from_history: false,
        stop_after_tool_call: message.stopAfterToolCall ?? false,
        role: 'tool',
        tool_call_id: message.toolCallId,
        tool_name: message.toolName,
        tool_args: message.input,
        tool_call_error: message.isError,
        created_at,
      }
  }
}

/** What a conversation shows: what people and the model said, without instructions and tool results. */
export function toChatHistory(messages: readonly Message[], sessionId: string): WireMessage[] {
  return messages
    .filter(({ role }) => role === 'user' || role === 'assistant')
    .map((message) => toMessage(message, sessionId))
}

function toAssistantMessage(message: AssistantMessage): Omit<WireMessage, 'created_at'> {
  const content = textOf(message)
  const reasoning = reasoningOf(message)
  const calls = toolCallsOf(message).map(({ toolCallId, toolName, input }) => ({
    id: toolCallId,
    type: 'function' as const,
    function: { name: toolName, arguments: typeof input === 'string' ? input : JSON.stringify(input) },
  }))
  const metrics = toMessageMetrics(message)
  return {
    id: message.id,
    ...((content !== '' || calls.length === 0) && { content }),
    ...(reasoning !== '' && { reasoning_content: reasoning }),
    ...toCitations(message.citations),
    from_history: false,
    stop_after_tool_call: false,
    role: 'assistant',
    ...(calls.length > 0 && { tool_calls: calls }),
    ...(Object.keys(metrics).length > 0 && { metrics }),
  }
}
