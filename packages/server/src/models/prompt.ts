/**
 * From the transcript to the prompt of the provider interface (version 4; 2 and 3 take the same parts). Providers refuse a
 * prompt in which a tool call has no result or a result no call, so the prompt is well-formed whatever the transcript
 * holds: a run that was cancelled between the two must not spoil its session.
 * @module
 */
import type { LanguageModelV4Message, LanguageModelV4Prompt, LanguageModelV4ToolResultPart } from '@ai-sdk/provider'
import { isJsonObject, type Json } from '../base/json.ts'
import {
  toolCallsOf,
  type AssistantMessage,
  type AssistantPart,
  type Message,
  type ProviderMetadata,
  type ToolCall,
  type ToolMessage,
  type UserMessage,
} from '../base/message.ts'
import { type MediaContext, toMediaParts } from './file-parts.ts'

const NO_MEDIA: MediaContext = { media: new Map(), version: undefined }

type AssistantContent = Extract<LanguageModelV4Message, { role: 'assistant' }>['content']

/** What the model is told of a call whose result the transcript does not hold. */
const NO_RESULT = 'The call was not carried out.'

/** Results without their call are left out; calls without a result get an error as theirs. */
export function toPrompt(messages: readonly Message[], context: MediaContext = NO_MEDIA): LanguageModelV4Prompt {
  const prompt: LanguageModelV4Prompt = []
  for (const [index, message] of messages.entries()) {
    if (message.role === 'system') prompt.push({ role: 'system', content: message.content })
    else if (message.role === 'user') prompt.push(toQuestion(message, context))
    else if (message.role === 'assistant') prompt.push(...toTurn(message, resultsAfter(messages, index), context))
  }
  return prompt
}

/** Providers refuse empty texts, and some a message of files alone. */
function toQuestion({ content, media = [] }: UserMessage, context: MediaContext): LanguageModelV4Message {
  const parts = toMediaParts(media, context)
  return { role: 'user', content: [{ type: 'text', text: content }, ...parts] }
}

function resultsAfter(messages: readonly Message[], index: number): readonly ToolMessage[] {
  const results: ToolMessage[] = []
  for (let next = index + 1; next < messages.length; next++) {
    const message = messages[next]
    if (message?.role !== 'tool') break
    results.push(message)
  }
  return results
}

function toTurn(
  message: AssistantMessage,
  results: readonly ToolMessage[],
  context: MediaContext,
): LanguageModelV4Prompt {
  const content: AssistantContent = message.parts.flatMap((part) => toContent(part, context))
  if (content.length === 0) return []
  const calls = toolCallsOf(message)
  if (calls.length === 0) return [{ role: 'assistant', content }]
  const answers = calls.map((call) =>
    toResult(
      call,
      results.find((result) => result.toolCallId === call.toolCallId),
    ),
  )
  return [
    { role: 'assistant', content },
    { role: 'tool', content: answers },
  ]
}

function toContent(part: AssistantPart, context: MediaContext): AssistantContent {
  const marks = providerOptions(part.providerMetadata)
  if (part.type === 'media') return toMediaParts([part.media], context).map((file) => ({ ...file, ...marks }))
  if (part.type === 'tool-call') {
    const { toolCallId, toolName, input } = part
    return [{ type: 'tool-call', toolCallId, toolName, input: toInput(input), ...marks }]
  }
  // Providers refuse empty texts; an empty reasoning part may still carry a signature that must go back.
  if (part.text === '' && (part.type === 'text' || part.providerMetadata === undefined)) return []
  return [{ type: part.type, text: part.text, ...marks }]
}

/** Providers take objects only, so arguments that were not JSON go back inside one. */
function toInput(input: Json): object {
  return isJsonObject(input) ? input : { rawInvalidInput: input }
}

function toResult({ toolCallId, toolName }: ToolCall, result: ToolMessage | undefined): LanguageModelV4ToolResultPart {
  const failed = result === undefined || result.isError
  return {
    type: 'tool-result',
    toolCallId,
    toolName,
    output: { type: failed ? 'error-text' : 'text', value: result?.content ?? NO_RESULT },
  }
}

function providerOptions(metadata: ProviderMetadata | undefined): {
  providerOptions?: NonNullable<LanguageModelV4Message['providerOptions']>
} {
  return metadata === undefined ? {} : { providerOptions: metadata }
}
