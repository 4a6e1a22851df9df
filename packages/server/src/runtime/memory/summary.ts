/**
 * What a session is about, after each run: the summary before, and what was said since. So it costs as much after a
 * thousand runs as after two.
 * @module
 */
import { isJsonObject, parseJson } from '../../base/json.ts'
import type { SessionSummary } from '../../base/memory.ts'
import { textOf, type Message } from '../../base/message.ts'
import type { SideUsage } from '../../base/run.ts'
import { NO_USAGE } from '../../base/usage.ts'
import type { Model, ModelRequest } from '../../models/model.ts'
import { cleanTopics } from './notebook.ts'
import { callBeside, type SideDeps, usageOf } from './side-call.ts'

export type PreparedSummarizer = {
  readonly model: Model
  /** What a summary holds; undefined is what most conversations need. */
  readonly instructions: string | undefined
}

/** Characters of one message that a summary looks at, and of all. */
const MOST_OF_MESSAGE = 8000
const MOST_OF_ALL = 60_000
/** Longest summary that is kept, in characters. */
const MOST_OF_SUMMARY = 10_000

const HOLD = `What the user wants, what was found out, decided and done, what is still open, and names, numbers and dates that a later turn may need.`

const OUTPUT: ModelRequest['output'] = {
  name: 'SessionSummary',
  schema: {
    type: 'object',
    properties: {
      summary: { type: 'string', description: 'The summary. Short, and nothing that was not said.' },
      topics: {
        type: 'array',
        items: { type: 'string' },
        description: 'What the conversation was about, a few words.',
      },
    },
    required: ['summary', 'topics'],
    additionalProperties: false,
  },
}

/**
 * @param before the summary up to now, which the new one takes in
 * @param said what was said since, oldest first
 * @returns without a summary when nothing was said, or the model's answer is none
 * @throws {ModelError} when the model fails for good, and the signal's reason when it aborts
 */
export async function summarizeSession(
  { model, instructions }: PreparedSummarizer,
  before: string | null,
  said: readonly Message[],
  deps: SideDeps,
): Promise<{ readonly summary: SessionSummary | undefined; readonly used: readonly SideUsage[] }> {
  const turns = turnsOf(said)
  if (turns.length === 0) return { summary: undefined, used: [] }
  const { clock, ids, log } = deps
  const stamp = () => ({ id: ids.uuid(), createdAt: clock.now() })
  const messages: Message[] = [
    { role: 'system', ...stamp(), content: writePrompt(instructions, before) },
    ...turns.map(({ role, text }): Message => {
      if (role === 'user') return { role, ...stamp(), content: text }
      return { role, ...stamp(), parts: [{ type: 'text', text }], usage: NO_USAGE }
    }),
    { role: 'user', ...stamp(), content: 'Now write the summary of this conversation so far, as JSON.' },
  ]
  const reply = await callBeside(model, { messages, tools: [], output: OUTPUT }, deps)
  const summary = readSummary(textOf(reply), new Date(clock.now()).toISOString())
  if (summary === undefined) log.warn('The summary of the session is not what was asked for, so the one before stays')
  return { summary, used: [usageOf(reply, 'session_summary_model', model)] }
}

function writePrompt(instructions: string | undefined, before: string | null): string {
  const so = `You sum conversations between a user and an assistant up. What the summary should hold:
${instructions?.trim() || HOLD}
Write it in a few sentences, in the language of the conversation, without remarks about the summary itself.`
  if (before === null) return so
  return `${so}

What came before the messages below is summed up here; the new summary takes its place, so keep what still matters:
<summary_so_far>
${before}
</summary_so_far>`
}

type Turn = { readonly role: 'user' | 'assistant'; readonly text: string }

/** What was said in words, the newest as far as there is room; what one side said in a row is one turn. */
function turnsOf(said: readonly Message[]): Turn[] {
  const turns: Turn[] = []
  let room = MOST_OF_ALL
  for (const message of said.toReversed()) {
    if (message.role === 'system' || message.role === 'tool') continue
    if (message.role === 'user' && message.isCorrection === true) continue
    const text = (message.role === 'user' ? message.content : textOf(message)).slice(0, Math.min(MOST_OF_MESSAGE, room))
    if (text.trim() === '') continue
    room -= text.length
    const last = turns.at(-1)
    if (last?.role === message.role) turns[turns.length - 1] = { role: message.role, text: `${text}\n\n${last.text}` }
    else turns.push({ role: message.role, text })
  }
  return turns.toReversed()
}

function readSummary(text: string, updatedAt: string): SessionSummary | undefined {
  const value = parseJson(text) ?? parseJson(/\{[^]*\}/.exec(text)?.[0] ?? '')
  if (!isJsonObject(value) || typeof value['summary'] !== 'string') return undefined
  const summary = value['summary'].trim().slice(0, MOST_OF_SUMMARY)
  const topics = Array.isArray(value['topics']) ? value['topics'].filter((topic) => typeof topic === 'string') : []
  return summary === '' ? undefined : { summary, topics: cleanTopics(topics), updatedAt }
}
