/**
 * What a model was given and what it said, as attributes of its span: messages under the names of both conventions, and
 * the tools it could ask for. Bounded: of a long conversation, the instructions and the newest messages are told.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Json } from '../base/json.ts'
import { describeMedia } from '../base/media.ts'
import { type AssistantMessage, type Message, textOf, toolCallsOf } from '../base/message.ts'
import type { SpanAttribute } from '../base/span.ts'
import { cutText, MAX_TEXT } from './span-content.ts'

type Attributes = Readonly<Record<string, SpanAttribute>>

/** Messages of one attribute fit it together: a long transcript is not told again with each of its calls. */
const ROOM = MAX_TEXT / 2
/** Longest instructions beside other messages, in characters. */
const INSTRUCTIONS = MAX_TEXT / 4

/**
 * What a model call is told with, in its order: instructions, the history of the session, the run so far.
 * @param asked messages of the run before the reply
 */
export function shownMessages(history: readonly Message[], asked: readonly Message[]): readonly Message[] {
  const [first] = asked
  const own = first?.role === 'system' ? asked.slice(1) : asked
  const system: readonly Message[] =
    first?.role === 'system' ? [{ ...first, content: cutText(first.content, undefined, INSTRUCTIONS) }] : []
  let room = ROOM - sizeOf(system)
  const newest: Message[] = []
  for (let index = own.length - 1; index >= -history.length && room > 0; index--) {
    const message = index >= 0 ? own[index] : history[history.length + index]
    // Each run has instructions of its own; those of earlier ones were not said again.
    if (message === undefined || (index < 0 && message.role === 'system')) continue
    room -= sizeOf([message])
    newest.push(message)
  }
  return [...system, ...newest.toReversed()]
}

function sizeOf(messages: readonly Message[]): number {
  return messages.reduce(
    (sum, message) => sum + (message.role === 'assistant' ? textOf(message).length : message.content.length),
    0,
  )
}

/** What went in and came out, as JSON. */
export function messageValues(shown: readonly Message[], reply: AssistantMessage | undefined): Attributes {
  return {
    'input.value': JSON.stringify({ messages: shown.map(toPlain) }),
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

/** Every message under the names of both conventions. */
export function messageAttributes(shown: readonly Message[], reply: AssistantMessage | undefined): Attributes {
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
    if (part.type === 'media') return { type: 'media', content: describeMedia(part.media) }
    if (part.type !== 'tool-call') return { type: part.type, content: cutText(part.text) }
    return { type: 'tool_call', id: part.toolCallId, name: part.toolName, arguments: part.input }
  })
  return { role: message.role, parts }
}

function argumentsOf(input: Json): string {
  return cutText(typeof input === 'string' ? input : JSON.stringify(input))
}

/** The tools that a model was told of, those first that fit one attribute together. */
export function toolDefinitions(tools: AttemptRecord['tools']): Attributes {
  const attributes: Record<string, SpanAttribute> = {}
  const told: object[] = []
  let room = MAX_TEXT
  for (const { name, description, parameters } of tools) {
    const definition = { name, description, parameters }
    const schema = JSON.stringify({ type: 'function', function: definition })
    room -= schema.length
    if (room < 0) break
    attributes[`llm.tools.${told.length}.tool.json_schema`] = schema
    told.push({ type: 'function', ...definition })
  }
  return told.length === 0 ? {} : { ...attributes, 'gen_ai.tool.definitions': JSON.stringify(told) }
}

/** In the form of `gen_ai.system_instructions`. @returns nothing for a run without instructions */
export function systemInstructions([first]: readonly Message[]): Attributes {
  if (first?.role !== 'system') return {}
  const content = cutText(first.content, undefined, INSTRUCTIONS)
  return { 'gen_ai.system_instructions': JSON.stringify([{ type: 'text', content }]) }
}
