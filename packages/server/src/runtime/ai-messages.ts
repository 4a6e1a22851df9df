/**
 * The transcript as the AI SDK's tools expect to see it (`ModelMessage`).
 * @module
 */
import type { AssistantPart, Message } from '../base/message.ts'

/** Messages without the system message, in the AI SDK's form. */
export function toAiMessages(messages: readonly Message[]): object[] {
  return messages.flatMap((message): object[] => {
    switch (message.role) {
      case 'system':
        return []
      case 'user':
        return [{ role: 'user', content: message.content }]
      case 'assistant':
        return [{ role: 'assistant', content: message.parts.map(toAiPart) }]
      case 'tool': {
        const output = { type: message.isError ? 'error-text' : 'text', value: message.content }
        const { toolCallId, toolName } = message
        return [{ role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName, output }] }]
      }
    }
  })
}

function toAiPart({ providerMetadata, ...part }: AssistantPart): object {
  return providerMetadata === undefined ? part : { ...part, providerOptions: providerMetadata }
}
