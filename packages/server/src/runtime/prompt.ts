/**
 * The system prompt of a run. The blocks and their order are Agno's, so that prompts written for it read the same here:
 *
 * 1. `description`, as it is
 * 2. `<your_role>`: role
 * 3. instructions: a single text as it is, several lines as a list in `<instructions>`
 * 4. `<additional_information>`: the Markdown note, then the date and time
 * 5. `<expected_output>`
 * 6. `additionalContext`, as it is
 * 7. `<knowledge_base>`: how to search
 * 8. `<memories_from_previous_interactions>`: what is remembered of the user, and `<updating_user_memories>`
 * 9. `<summary_of_previous_interactions>`: what the session was about
 * 10. `<dependencies>`: JSON of those that JSON can carry
 * 11. `<session_state>`: JSON
 *
 * Blocks that are empty are left out, one blank line stands between two, and the same input makes the same text.
 * @module
 */
import { isJsonObject, type JsonObject } from '../base/json.ts'
import { findNonJson } from './state.ts'

export type PromptParts = {
  readonly description: string | null
  readonly role: string | null
  /** One text, or lines. */
  readonly instructions: string | readonly string[]
  readonly markdown: boolean
  /** Milliseconds since the epoch and IANA zone; undefined leaves the date out. */
  readonly datetime: { readonly at: number; readonly timezone: string } | undefined
  readonly expectedOutput: string | null
  readonly additionalContext: string | null
  /** How to search its knowledge, in its tag; undefined or empty leaves it out. */
  readonly knowledge?: string
  /** What is remembered of the user, newest first; undefined leaves them out. */
  readonly memories?: readonly string[] | undefined
  /** Whether the model can change them with `update_user_memory`. */
  readonly managesMemories?: boolean
  /** Of the session; undefined leaves it out. */
  readonly summary?: string | undefined
  /** Undefined leaves them out. */
  readonly dependencies: Readonly<Record<string, unknown>> | undefined
  readonly sessionState: JsonObject | undefined
}

/** @returns the prompt, empty when the agent says nothing at all */
export function writeSystemPrompt(parts: PromptParts): string {
  const information: string[] = []
  if (parts.markdown) information.push('Use markdown to format your answers.')
  if (parts.datetime) information.push(`The current time is ${writeTime(parts.datetime.at, parts.datetime.timezone)}.`)
  const blocks = [
    parts.description ?? '',
    inTag('your_role', parts.role ?? ''),
    writeInstructions(parts.instructions),
    inTag('additional_information', asList(information)),
    inTag('expected_output', parts.expectedOutput ?? ''),
    parts.additionalContext ?? '',
    parts.knowledge ?? '',
    writeMemories(parts),
    parts.managesMemories === true ? inTag('updating_user_memories', UPDATING) : '',
    writeSummary(parts.summary ?? ''),
    parts.dependencies === undefined
      ? ''
      : inTag('dependencies', JSON.stringify(jsonOnly(parts.dependencies), null, 2)),
    parts.sessionState === undefined ? '' : inTag('session_state', JSON.stringify(parts.sessionState, null, 2)),
  ]
  return blocks
    .map((block) => block.trim())
    .filter((block) => block !== '')
    .join('\n\n')
}

/**
 * `2026-11-23 05:47:00 (Europe/Oslo)`.
 * @throws {RangeError} when the zone is unknown
 */
export function writeTime(at: number, timezone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: timezone, dateStyle: 'short', timeStyle: 'medium' })
  return `${format.format(at)} (${timezone})`
}

function writeInstructions(instructions: string | readonly string[]): string {
  if (typeof instructions === 'string') return instructions
  const lines = instructions.map((line) => line.trim()).filter((line) => line !== '')
  return lines.length > 1 ? inTag('instructions', asList(lines)) : (lines[0] ?? '')
}

const UPDATING = `- With the tool \`update_user_memory\` you change what is remembered of the user: add, update or delete memories.
- Use it when the user says something about themselves that will still matter in later conversations, and when they ask you to remember, correct or forget something.
- Do not mention the tool; say in a few words what you will remember, or that it is forgotten.`

function writeMemories({ memories }: PromptParts): string {
  if (memories === undefined) return ''
  if (memories.length === 0) return 'You remember users between conversations. Of this one nothing is known yet.'
  const list = inTag('memories_from_previous_interactions', asList(memories))
  return `This is remembered of the user from earlier conversations:\n\n${list}\n\nIt may be out of date: what the user says in this conversation counts more.`
}

function writeSummary(summary: string): string {
  if (summary.trim() === '') return ''
  const block = inTag('summary_of_previous_interactions', summary)
  return `This is what the conversation was about so far:\n\n${block}\n\nWhat is said in the messages counts more than this summary.`
}

function asList(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n')
}

function inTag(tag: string, text: string): string {
  return text.trim() === '' ? '' : `<${tag}>\n${text.trim()}\n</${tag}>`
}

/** Dependencies are often clients and functions, which mean nothing to a model. */
function jsonOnly(dependencies: Readonly<Record<string, unknown>>): JsonObject {
  const kept = Object.entries(dependencies).filter(([key, value]) => findNonJson(value, key) === undefined)
  const copy: unknown = JSON.parse(JSON.stringify(Object.fromEntries(kept)))
  return isJsonObject(copy) ? copy : {}
}
