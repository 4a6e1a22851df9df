/**
 * The demo model's mind: what it does next, from the transcript and the tools alone. The same request always gives the
 * same turn. Pure.
 * @module
 */
import type { JsonObject } from '../../base/json.ts'
import type { Message, ToolMessage } from '../../base/message.ts'
import type { ModelRequest, ModelTool } from '../model.ts'
import { fillArguments, listedPlaces } from './arguments.ts'
import { askFor, chat, conversationOf, DEMO_NOTICE, type Conversation } from './chat.ts'
import { toolsFor, type Asked } from './match-tool.ts'
import { narrate } from './narrate.ts'
import { structuredAnswer } from './structured.ts'

export type Turn =
  | { readonly type: 'answer'; readonly text: string }
  | { readonly type: 'calls'; readonly calls: readonly { readonly toolName: string; readonly input: JsonObject }[] }

/** Most calls in one turn. */
const MOST_CALLS = 4

export function nextTurn({ messages, tools, toolChoice, output }: ModelRequest): Turn {
  const conversation = conversationOf(messages)
  const results = resultsSinceUser(messages)
  const usable = toolChoice === 'none' ? [] : tools
  const plan = results.length > 0 ? undefined : planCalls(usable, toolChoice, conversation)
  if (plan !== undefined && plan.calls.length > 0) return { type: 'calls', calls: plan.calls }
  const said = answerText(conversation, results, tools, plan?.question)
  if (output !== undefined) {
    const text = JSON.stringify(
      structuredAnswer(output.schema, conversation.message, results, `${said} ${DEMO_NOTICE}`),
    )
    return { type: 'answer', text }
  }
  return { type: 'answer', text: `${said} ${DEMO_NOTICE}` }
}

function answerText(
  conversation: Conversation,
  results: readonly ToolMessage[],
  tools: readonly ModelTool[],
  question: string | undefined,
): string {
  if (results.length > 0) return narrate(results)
  return question ?? chat(conversation, tools)
}

type Plan = {
  readonly calls: readonly { readonly toolName: string; readonly input: JsonObject }[]
  readonly question: string | undefined
}

function planCalls(tools: readonly ModelTool[], choice: ModelRequest['toolChoice'], conversation: Conversation): Plan {
  const { message, earlier } = conversation
  const forced = typeof choice === 'object' ? tools.filter(({ name }) => name === choice.tool) : []
  const asked = forced.length > 0 ? forced.map((tool) => ({ tool, clause: message })) : toolsAsked(tools, conversation)
  const needed =
    asked.length === 0 && choice === 'required' ? tools.slice(0, 1).map((tool) => ({ tool, clause: message })) : asked
  const filled = needed.slice(0, MOST_CALLS).map(({ tool, clause }) => {
    const text = `${tool.name} ${tool.description}`
    return { tool, clause, ...fillArguments(tool.parameters, clause, earlier, text) }
  })
  const free = choice === 'auto' || choice === 'none'
  const incomplete = filled.find(({ missing }) => missing !== undefined)
  if (free && incomplete?.missing !== undefined) return { calls: [], question: askFor(incomplete.missing) }
  const calls = filled.flatMap(({ tool, clause, input }) => {
    const list = listedPlaces(tool.parameters, clause)
    const inputs = list === undefined ? [input] : list.places.map((place) => ({ ...input, [list.name]: place }))
    return inputs.map((each) => ({ toolName: tool.name, input: each }))
  })
  return { calls: calls.slice(0, MOST_CALLS), question: undefined }
}

/** The tools that the message asks for, or that the question it answers was about. */
function toolsAsked(tools: readonly ModelTool[], { message, earlier, answers }: Conversation): readonly Asked[] {
  const asked = toolsFor(tools, message)
  const before = earlier.at(-1)
  const answersQuestion = /^Which .* do you mean\?$/.test(answers.at(-1) ?? '')
  if (asked.length > 0 || before === undefined) return asked
  if (/^(?:and|what about|how about|same for)\b/i.test(message)) {
    const topic = earlier.findLast((text) => toolsFor(tools, text).length > 0)
    return topic === undefined ? [] : toolsFor(tools, topic).map(({ tool }) => ({ tool, clause: message }))
  }
  if (!answersQuestion) return []
  // `Oslo` after `Which city do you mean?`: said as an addition to what was asked before.
  return toolsFor(tools, before).map(({ tool, clause }) => ({ tool, clause: `${clause} in ${message}` }))
}

function resultsSinceUser(messages: readonly Message[]): readonly ToolMessage[] {
  const last = messages.findLastIndex(({ role }) => role === 'user')
  return messages.slice(last + 1).filter((message) => message.role === 'tool')
}
