/**
 * The demo model's memory of users: what it notes of a message when it plays the memory manager, what of that it reads in
 * its prompt later, and how it makes one note of many. Pure.
 * @module
 */
import type { Message } from '../../base/message.ts'
import type { JsonObject } from '../../base/json.ts'
import { factsIn } from './facts.ts'

export type MemoryCall = { readonly toolName: string; readonly input: JsonObject }

const MOST_NOTES = 4
const MOST_JOINED = 4000

/** What stands behind `I ...`, up to the end of the sentence or to what the user says next. */
const about = (verb: string) =>
  new RegExp(String.raw`\bI(?: ${verb}) (?:to )?([^.!?,;\n]{1,80}?)(?=\s+and (?:i|my)\b|[.!?,;\n]|$)`, 'i')

/** What the user likes and does, and how a note of it begins. */
const HABITS: readonly (readonly [RegExp, string])[] = [
  [about('(?:really )?(?:like|love|enjoy)'), 'The user likes'],
  [about('(?:hate|dislike|do not like|don.t like)'), 'The user dislikes'],
  [about('prefer'), 'The user prefers'],
  [about('live in'), 'The user lives in'],
  [about('work as'), 'The user works as'],
  [about('work for'), 'The user works for'],
  [about('am allergic to'), 'The user is allergic to'],
]

/** Notes of which there is one: another value takes the place of the first. */
const SINGLE = /^(The user's [^.]*? is|The user lives in|The user works (?:as|for)) /

/** What a memory manager does about a message: its tools, from what they are told and the list in its prompt. */
export function manageCalls(message: string, system: string): readonly MemoryCall[] {
  const known = linesIn(system, 'existing_memories').flatMap((line) => {
    const [, name, text] = /^(m\d+): (.*)$/.exec(line) ?? []
    return name === undefined || text === undefined ? [] : [{ name, text }]
  })
  const unwanted = /\bforget (?:that |about |all about )?(?:my |I )?([^.!?,;\n]{2,80})/i
    .exec(message)?.[1]
    ?.toLowerCase()
  if (unwanted !== undefined) {
    const all = /^(?:everything|all|me)\b/.test(unwanted)
    const gone = known.filter(({ text }) => all || text.toLowerCase().includes(unwanted.trim()))
    return gone.map(({ name }) => ({ toolName: 'delete_memory', input: { memory_id: name } }))
  }
  return notesOf(message).flatMap(({ text, topic }): MemoryCall[] => {
    if (known.some((one) => one.text === text)) return []
    const begin = SINGLE.exec(text)?.[1]
    const old = begin === undefined ? undefined : known.find((one) => one.text.startsWith(`${begin} `))
    if (old === undefined) return [{ toolName: 'add_memory', input: { memory: text, topics: [topic] } }]
    return [{ toolName: 'update_memory', input: { memory_id: old.name, memory: text, topics: [topic] } }]
  })
}

/** Whether a message is something that a model with `update_user_memory` hands on. */
export function isForMemory(message: string): boolean {
  return /^(?:please )?(?:remember|forget|note)\b/i.test(message.trim()) || notesOf(message).length > 0
}

/** What is remembered of the user, as the prompt of an agent tells it. */
export function rememberedIn(messages: readonly Message[]): readonly string[] {
  const [first] = messages
  const system = first?.role === 'system' ? first.content : ''
  return linesIn(system, 'memories_from_previous_interactions').map((line) => line.replace(/^- /, ''))
}

/** As if the user had said it: `The user's name is Ada.` is `My name is Ada.`. */
export function asSaid(memory: string): string {
  return memory.replace(/^The user's /, 'My ').replace(/^The user /, 'I ')
}

/** One note of the many in a message; undefined when there are none in it. */
export function joinNotes(message: string): string | undefined {
  const notes = linesIn(message, 'notes').map((line) => line.replace(/^- /, ''))
  return notes.length === 0 ? undefined : [...new Set(notes)].join(' ').slice(0, MOST_JOINED)
}

function notesOf(message: string): readonly { readonly text: string; readonly topic: string }[] {
  if (message.includes('?')) return []
  const facts = factsIn(message).map(([key, value]) => ({ text: `The user's ${key} is ${value}.`, topic: key }))
  const habits = HABITS.flatMap(([pattern, begin]) => {
    const said = pattern.exec(message)?.[1]?.trim()
    const topic = begin.replace('The user ', '').replace('is ', '').split(' ')[0] ?? ''
    return said === undefined ? [] : [{ text: `${begin} ${said}.`, topic }]
  })
  return [...facts, ...habits].slice(0, MOST_NOTES)
}

function linesIn(text: string, tag: string): readonly string[] {
  const from = text.indexOf(`<${tag}>`)
  const to = text.indexOf(`</${tag}>`, from)
  if (from < 0 || to < 0) return []
  return text
    .slice(from + tag.length + 2, to)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
