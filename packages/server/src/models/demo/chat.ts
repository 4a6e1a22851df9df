/**
 * What the demo model says when no tool fits: it greets, remembers the conversation, does sums, tells what it can do, and
 * otherwise says plainly that it does not know. Pure.
 * @module
 */
import { describeMedia } from '../../base/media.ts'
import { textOf, type AssistantMessage, type Message, type UserMessage } from '../../base/message.ts'
import type { ModelTool } from '../model.ts'
import { evaluate } from './arithmetic.ts'
import { factsIn, normalise } from './facts.ts'
import { asSaid, rememberedIn } from './remember.ts'
import { capitalise, expressionOf } from './words.ts'

export type Conversation = {
  /** What the user says now. */
  readonly message: string
  /** What the user said before, oldest first. */
  readonly earlier: readonly string[]
  /** What the model said before, oldest first, without the demo notice. */
  readonly answers: readonly string[]
  /** What is attached to what the user says now, as people call it. */
  readonly attached: readonly string[]
  /** What is remembered of the user from earlier conversations. */
  readonly remembered: readonly string[]
}

/** Ends every answer, so that nobody takes the demo for a real model. */
export const DEMO_NOTICE = '(Offline demo model; set OPENAI_API_KEY to connect a real one.)'

/** Characters of a message that are looked at: searching longer ones would hold up the worker. */
const MOST_SAID = 4000

export function conversationOf(messages: readonly Message[]): Conversation {
  // What was looked up for a message stands behind what the user said.
  const said = messages.flatMap((message) =>
    message.role === 'user' ? [(message.retrieval?.query ?? message.content).slice(0, MOST_SAID)] : [],
  )
  const answers = messages
    .filter((message): message is AssistantMessage => message.role === 'assistant')
    .map((message) => textOf(message).replace(DEMO_NOTICE, '').trim())
    .filter((text) => text !== '')
  const asking = messages.findLast((message): message is UserMessage => message.role === 'user')
  const attached = (asking?.media ?? []).map(describeMedia)
  return {
    message: said.at(-1) ?? '',
    earlier: said.slice(0, -1),
    answers,
    attached,
    remembered: rememberedIn(messages),
  }
}

type Reply = (conversation: Conversation, tools: readonly ModelTool[]) => string | undefined

/** In order of preference: what was said before comes first, small talk after, the plain answer last. */
const REPLIES: readonly Reply[] = [
  tellAttached,
  recallWords,
  recallUser,
  recallFact,
  noteFact,
  doSum,
  listAbilities,
  smallTalk,
]

export function chat(conversation: Conversation, tools: readonly ModelTool[]): string {
  return smallAnswer(conversation, tools) ?? plainAnswer(conversation, tools)
}

/** @returns undefined for what takes knowledge to answer */
export function smallAnswer(conversation: Conversation, tools: readonly ModelTool[]): string | undefined {
  for (const reply of REPLIES) {
    const text = reply(conversation, tools)
    if (text !== undefined) return text
  }
  return undefined
}

function tellAttached({ attached }: Conversation): string | undefined {
  if (attached.length === 0) return undefined
  const all = attached.length === 1 ? `the ${attached[0]}` : attached.map((one) => `the ${one}`).join(', ')
  return `You attached ${all}. I got it whole, but a real model is needed to say what it shows.`
}

function recallWords({ message, earlier, answers }: Conversation): string | undefined {
  const text = message.toLowerCase()
  const asksForMine =
    /\bwhat (?:did|have) i (?:just |first |last )?(?:say|said|ask|asked|tell|told|write|written)\b/.test(text)
  const first = /\bfirst (?:message|question|thing|word)/.test(text) || (asksForMine && /\bfirst\b/.test(text))
  if (first)
    return earlier[0] === undefined
      ? 'This is the first thing you have said to me.'
      : `The first thing you said was "${earlier[0]}".`
  if (asksForMine || /\b(?:my|the) (?:last|previous) (?:message|question)\b/.test(text)) {
    const last = earlier.at(-1)
    return last === undefined ? 'You had not said anything before this.' : `Before this you said "${last}".`
  }
  if (/\bwhat did you (?:say|answer)\b|\brepeat (?:that|your answer)\b/.test(text)) {
    const last = answers.at(-1)
    return last === undefined ? 'I had not said anything yet.' : `I said: ${last}`
  }
  if (/\bhow many (?:messages|questions)\b/.test(text)) {
    const count = earlier.length + 1
    return `You have sent ${count} ${count === 1 ? 'message' : 'messages'} in this conversation, this one included.`
  }
  if (/\b(?:summari[sz]e|summary of|recap)\b.*\b(?:conversation|chat|discussion|so far|we)\b/.test(text)) {
    if (earlier.length === 0) return 'We have only just begun, so there is nothing to sum up yet.'
    return `So far you said: ${earlier
      .slice(-5)
      .map((said) => `"${said}"`)
      .join(', then ')}.`
  }
  return undefined
}

function recallUser({ message, remembered }: Conversation): string | undefined {
  if (remembered.length > 0 && /^(?:please )?forget\b/i.test(message.trim())) return 'I will forget that.'
  if (
    !/\bwhat (?:do|else do) you (?:know|remember) (?:about|of) me\b|\bwhat do i (?:like|prefer|dislike)\b/i.test(
      message,
    )
  ) {
    return undefined
  }
  if (remembered.length === 0) return 'I remember nothing about you from earlier conversations.'
  return `From earlier conversations I remember: ${remembered.join(' ')}`
}

function recallFact({ message, earlier, remembered }: Conversation): string | undefined {
  const asked = /\b(?:what(?:'s|’s| is| was| are)|do you (?:know|remember)) my ((?:[\w-]+ ){0,3}[\w-]+)/i.exec(
    message,
  )?.[1]
  const wantsName = /\bwho am i\b|\bwhat am i called\b/i.test(message)
  if (asked === undefined && !wantsName) return undefined
  const key = wantsName ? 'name' : normalise(asked ?? '')
  for (const text of [...remembered.map(asSaid).toReversed(), ...earlier].toReversed()) {
    const value = factsIn(text).find(([name]) => name === key)?.[1]
    if (value !== undefined) return `Your ${key} is ${value}, as you told me.`
  }
  return `You have not told me your ${key} yet.`
}

function noteFact({ message }: Conversation): string | undefined {
  if (message.includes('?')) return undefined
  const facts = factsIn(message)
  const name = facts.find(([key]) => key === 'name')?.[1]
  if (name !== undefined) return `Nice to meet you, ${name}! I will remember your name in this conversation.`
  const [fact] = facts
  return fact === undefined ? undefined : `Noted: your ${fact[0]} is ${fact[1]}.`
}

function doSum({ message }: Conversation): string | undefined {
  const expression = expressionOf(message)
  const value = expression === undefined ? undefined : evaluate(expression)
  return value === undefined ? undefined : `${expression} = ${value}.`
}

function listAbilities({ message }: Conversation, tools: readonly ModelTool[]): string | undefined {
  if (!/\bwhat (?:can|do) you do\b|\bhelp\b|\b(?:your|which|what) tools\b|\bhow can you\b/i.test(message))
    return undefined
  return `${abilities(tools)} I also remember what you say in this conversation and can do sums.`
}

function smallTalk({ message, earlier, remembered }: Conversation, tools: readonly ModelTool[]): string | undefined {
  const text = message.toLowerCase().trim()
  if (/^(?:hi|hello|hey|good (?:morning|afternoon|evening)|hei|hallo|moin)\b/.test(text)) {
    const name = [...remembered.map(asSaid), ...earlier].flatMap(factsIn).findLast(([key]) => key === 'name')?.[1]
    return `Hello${name === undefined ? '' : ` ${name}`}! ${abilities(tools)} What would you like to know?`
  }
  if (/\b(?:thanks|thank you|thx)\b/.test(text)) return 'You are welcome.'
  if (/^(?:bye|goodbye|see you|cheers)\b/.test(text)) return 'Goodbye!'
  if (/\bwho are you\b|\bwhat are you\b|\bare you (?:a |an )?(?:real|human|ai|bot)/.test(text)) {
    return 'I am the demo model of AgentOS: a small program without a language model behind it. It lets you try agents, tools and sessions without a key.'
  }
  return undefined
}

function plainAnswer({ message, earlier }: Conversation, tools: readonly ModelTool[]): string {
  const quote = message.length > 160 ? `${message.slice(0, 160)}...` : message
  const memory =
    earlier.length === 0 ? '' : ` I do remember our conversation: you have said ${earlier.length + 1} things so far.`
  return `You said "${quote.trim()}". I have no language model behind me, so I cannot answer that from knowledge. ${abilities(tools)}${memory}`
}

function abilities(tools: readonly ModelTool[]): string {
  if (tools.length === 0) return 'This agent has no tools, so I can only chat.'
  const shown = tools.slice(0, 4).map(({ name, description }) => {
    const sentence = description.split(/(?<=[.!?])\s/)[0]?.replace(/[.!?]$/, '') ?? ''
    return sentence === '' ? name : `${name} (${sentence.length > 80 ? `${sentence.slice(0, 80)}...` : sentence})`
  })
  const more = tools.length > shown.length ? ` and ${tools.length - shown.length} more` : ''
  return `I can call ${shown.join(', ')}${more}: ask for it in your own words.`
}

/** The question for a value that a tool needs. */
export function askFor(property: string): string {
  return `${capitalise(`which ${property.replaceAll(/[_-]/g, ' ')}`)} do you mean?`
}
