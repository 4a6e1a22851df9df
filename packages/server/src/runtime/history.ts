/**
 * Messages of earlier runs as context of a new one.
 * @module
 */
import { toolCallsOf, type Message, type ToolCall, type ToolMessage } from '../base/message.ts'

/**
 * Earlier messages that a provider accepts. System messages are left out, because each run has its own. Runs that were
 * cancelled or failed may end in the middle: calls without an answer get one, answers without a call and empty replies go.
 */
export function usableHistory(history: readonly Message[]): Message[] {
  const usable: Message[] = []
  let open: readonly ToolCall[] = []
  let openedAt = 0
  const close = () => {
    for (const call of open) usable.push(answerLost(call, openedAt))
    open = []
  }
  for (const message of history) {
    switch (message.role) {
      case 'system':
        break
      case 'user':
        close()
        usable.push(message)
        break
      case 'assistant':
        close()
        if (message.parts.length === 0) break
        open = toolCallsOf(message)
        openedAt = message.createdAt
        usable.push(message)
        break
      case 'tool':
        if (!open.some((call) => call.toolCallId === message.toolCallId)) break
        open = open.filter((call) => call.toolCallId !== message.toolCallId)
        usable.push(message)
    }
  }
  close()
  return usable
}

function answerLost(call: ToolCall, createdAt: number): ToolMessage {
  const { toolCallId, toolName, input } = call
  const content = 'No result: the run ended before this call did.'
  return { role: 'tool', id: toolCallId, createdAt, toolCallId, toolName, input, content, isError: true, durationMs: 0 }
}
