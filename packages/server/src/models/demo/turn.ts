/**
 * The demo model's mind: what it does next, from the transcript and the tools alone. The same request always gives the
 * same turn. Pure.
 * @module
 */
import type { JsonObject } from '../../base/json.ts'
import type { Message, ToolMessage } from '../../base/message.ts'
import type { ModelRequest, ModelTool } from '../model.ts'
import { fillArguments, listedPlaces } from './arguments.ts'
import { askFor, chat, conversationOf, smallAnswer, DEMO_NOTICE, type Conversation } from './chat.ts'
import { toolsFor, type Asked } from './match-tool.ts'
import { narrate } from './narrate.ts'
import { isForMemory, joinNotes, manageCalls } from './remember.ts'
import { termsOf } from './words.ts'
import { quoteDocuments, SEARCH_TOOL } from './quote.ts'
import { structuredAnswer } from './structured.ts'

export type Turn =
  | { readonly type: 'answer'; readonly text: string }
  | { readonly type: 'calls'; readonly calls: readonly { readonly toolName: string; readonly input: JsonObject }[] }

/** Characters of a message that are searched for. */
const MOST_QUERY = 500
/** The tool of agents that manage memories themselves. */
const MEMORY_TOOL = 'update_user_memory'
/** Most calls in one turn. */
const MOST_CALLS = 4

export function nextTurn({ messages, tools, toolChoice, output }: ModelRequest): Turn {
  const conversation = conversationOf(messages)
  const results = resultsSinceUser(messages)
  const kept = results.length > 0 ? undefined : keepMemory(messages, tools, conversation)
  if (kept !== undefined) return kept
  const usable = toolChoice === 'none' ? [] : tools
  const given = documentsOfUser(messages)
  const plan = results.length > 0 ? undefined : planCalls(usable, toolChoice, conversation, given !== undefined)
  if (plan !== undefined && plan.calls.length > 0) return { type: 'calls', calls: plan.calls }
  const said = answerText(conversation, results, tools, plan?.question, given)
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
  given: string | undefined,
): string {
  const searched = results.find(({ toolName, isError }) => toolName === SEARCH_TOOL && !isError)
  const others = results.filter((result) => result !== searched)
  const quoted = searched === undefined ? [] : [quoteDocuments(searched.content, conversation.message)]
  if (results.length > 0) return [...(others.length > 0 ? [narrate(others)] : []), ...quoted].join(' ')
  if (question !== undefined) return question
  const small = smallAnswer(conversation, tools)
  return small ?? (given === undefined ? chat(conversation, tools) : quoteDocuments(given, conversation.message))
}

type Plan = {
  readonly calls: readonly { readonly toolName: string; readonly input: JsonObject }[]
  readonly question: string | undefined
}

/** What the model does about the memory of the user, where that is its part; undefined where it is not. */
function keepMemory(
  messages: readonly Message[],
  tools: readonly ModelTool[],
  { message }: Conversation,
): Turn | undefined {
  const names = tools.map(({ name }) => name)
  const [first] = messages
  if (names.includes('add_memory') && first?.role === 'system') {
    const calls = manageCalls(message, first.content).filter(({ toolName }) => names.includes(toolName))
    return calls.length > 0 ? { type: 'calls', calls } : { type: 'answer', text: `Nothing to note. ${DEMO_NOTICE}` }
  }
  if (names.includes(MEMORY_TOOL) && isForMemory(message)) {
    return { type: 'calls', calls: [{ toolName: MEMORY_TOOL, input: { task: message } }] }
  }
  const last = messages.findLast(({ role }) => role === 'user')
  const joined = tools.length === 0 && last?.role === 'user' ? joinNotes(last.content) : undefined
  return joined === undefined ? undefined : { type: 'answer', text: `${joined} ${DEMO_NOTICE}` }
}

/** What was looked up for the last message, when something was. */
function documentsOfUser(messages: readonly Message[]): string | undefined {
  const last = messages.findLast(({ role }) => role === 'user')
  if (last?.role !== 'user' || last.retrieval === undefined) return undefined
  return last.content.slice(last.retrieval.from, last.retrieval.to)
}

/** @param isGiven whether something was looked up already */
function planCalls(
  tools: readonly ModelTool[],
  choice: ModelRequest['toolChoice'],
  conversation: Conversation,
  isGiven: boolean,
): Plan {
  const { message, earlier } = conversation
  const forced = typeof choice === 'object' ? tools.filter(({ name }) => name === choice.tool) : []
  const search = isGiven ? undefined : tools.find(({ name }) => name === SEARCH_TOOL)
  const asked = forced.length > 0 ? forced.map((tool) => ({ tool, clause: message })) : toolsAsked(tools, conversation)
  if (asked.length === 0 && search !== undefined && choice !== 'required') return planSearch(search, conversation)
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

/** What nobody else answers is looked up, in the words of the message. */
function planSearch(search: ModelTool, conversation: Conversation): Plan {
  const { message } = conversation
  const isSmall = termsOf(message).size === 0 || smallAnswer(conversation, [search]) !== undefined
  if (isSmall) return { calls: [], question: undefined }
  return { calls: [{ toolName: search.name, input: { query: message.slice(0, MOST_QUERY) } }], question: undefined }
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
