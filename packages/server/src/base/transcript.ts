/**
 * Where a transcript can be cut so that what is left is one that a provider accepts and that can be gone on with.
 * @module
 */
import { toolCallsOf, type Message } from './message.ts'

/**
 * How many messages may be kept: counts after which a user has spoken and every call has its result. Ascending.
 * @param messages of one run
 */
export function cutsOf(messages: readonly Message[]): number[] {
  const cuts: number[] = []
  const open = new Set<string>()
  let asked = false
  for (const [index, message] of messages.entries()) {
    if (message.role === 'user') asked = true
    if (message.role === 'assistant') for (const call of toolCallsOf(message)) open.add(call.toolCallId)
    if (message.role === 'tool') open.delete(message.toolCallId)
    if (asked && open.size === 0) cuts.push(index + 1)
  }
  return cuts
}

/** How many messages are left without the replies at the end that call nothing: the model is asked again from there. */
export function withoutLastReply(messages: readonly Message[]): number {
  return messages.findLastIndex((message) => message.role !== 'assistant' || toolCallsOf(message).length > 0) + 1
}

/** How many messages there are up to the last one that the user wrote; 0 when there is none. */
export function upToLastUser(messages: readonly Message[]): number {
  return messages.findLastIndex((message) => message.role === 'user' && message.isCorrection !== true) + 1
}
