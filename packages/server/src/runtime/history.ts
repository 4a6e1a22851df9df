/**
 * Messages of earlier runs as context of a new one.
 * @module
 */
import { toolCallsOf, type AssistantMessage, type Message, type ToolCall, type ToolMessage } from '../base/message.ts'

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
        if (isEmpty(message)) break
        open = toolCallsOf(message)
        openedAt = message.createdAt
        usable.push(message)
        break
      case 'tool': {
        const index = open.findIndex((call) => call.toolCallId === message.toolCallId)
        if (index < 0) break
        open = open.toSpliced(index, 1)
        usable.push(message)
      }
    }
  }
  close()
  return usable
}

/** Providers refuse a reply that says nothing; reasoning alone says nothing to them. */
function isEmpty({ parts }: AssistantMessage): boolean {
  return parts.every((part) => part.type === 'reasoning' || (part.type === 'text' && part.text === ''))
}

/**
 * The journal of a run that is continued with new words although calls of its last reply have no result: they get one, so
 * that the model sees that they came to nothing. Any other journal comes back as it is.
 */
export function answerOpenCalls(journal: readonly Message[]): readonly Message[] {
  let open: readonly ToolCall[] = []
  const whole: Message[] = []
  for (const message of journal) {
    if (message.role === 'user') {
      for (const call of open) whole.push(answerLost(call, message.createdAt))
      open = []
    }
    if (message.role === 'assistant') open = toolCallsOf(message)
    if (message.role === 'tool') open = open.filter(({ toolCallId }) => toolCallId !== message.toolCallId)
    whole.push(message)
  }
  return whole.length === journal.length ? journal : whole
}

function answerLost(call: ToolCall, createdAt: number): ToolMessage {
  const { toolCallId, toolName, input } = call
  const content = 'No result: the run ended before this call did.'
  return { role: 'tool', id: toolCallId, createdAt, toolCallId, toolName, input, content, isError: true, durationMs: 0 }
}
