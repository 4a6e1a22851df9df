/**
 * The tools with which a model manages memories itself and looks into earlier conversations, under Agno's names. What
 * they find and change is the run's own user's: the main thread sees to that.
 * @module
 */
import type { ToolContext } from '@agentos/sdk'
import { isJsonObject, type JsonObject } from '../../base/json.ts'
import { uuidOf } from '../../base/ids.ts'
import type { PastConversation } from '../../base/memory.ts'
import type { Inside } from '../inside.ts'
import type { PreparedTool } from '../tool.ts'
import { manageMemories, MOST_SHOWN, type PreparedManager } from './manager.ts'

export type PastSessionLimits = {
  /** Sessions that a search looks at. */
  readonly sessions: number
  /** Runs of each that it shows. */
  readonly runs: number
}

type Work = (input: JsonObject, ctx: ToolContext, inside: Inside) => Promise<string>

const NOBODY = 'It is not known who the user is, so nothing is remembered about them.'

/** `update_user_memory`: a task in words, carried out by the memory manager at once. */
export function updateMemoryTool(manager: PreparedManager): PreparedTool {
  const task = {
    type: 'string',
    minLength: 1,
    description: 'What to remember, change or forget, in full sentences with all that belongs to it.',
  }
  const description =
    'Changes what is remembered of the user in later conversations: adds, updates or deletes memories. Say exactly what should be remembered, changed or forgotten.'
  // Done again with the same key, it adds the same memories: their ids are made of it.
  return describe('update_user_memory', description, 'keyed', { task }, ['task'], async (input, ctx, inside) => {
    if (ctx.userId === undefined) return NOBODY
    const known = await inside.ask('recall', { memories: MOST_SHOWN, summary: false })
    const { changes, words, usage } = await manageMemories(manager, textOf(input['task']), known, {
      ...inside,
      signal: ctx.signal,
      idOf: (index) => uuidOf('memory', ctx.effectKey, String(index)),
    })
    inside.spend({ purpose: 'memory_model', model: manager.model.name, usage })
    if (changes.length === 0) return words.trim() || 'Nothing had to be changed.'
    const changed = await inside.ask('change-memories', changes)
    return changed === 1 ? 'One memory was changed.' : `${changed} memories were changed.`
  })
}

/** `search_past_sessions` and `read_past_session`. */
export function pastSessionTools({ sessions, runs }: PastSessionLimits): readonly PreparedTool[] {
  const query = { type: 'string', description: 'Words to look for. Leave it out to see the latest conversations.' }
  const session_id = { type: 'string', description: 'The session_id that search_past_sessions has told.' }
  const num_runs = { type: 'integer', minimum: 1, maximum: 1000, description: 'How many turns to read; default all.' }
  return [
    describe(
      'search_past_sessions',
      `Lists earlier conversations with this user, the latest first, with the beginnings of what was said. Read one with read_past_session.`,
      'read',
      { query },
      [],
      async (input, _ctx, inside) => {
        const wanted = textOf(input['query']).trim()
        const found = await inside.ask('search-sessions', { query: wanted === '' ? null : wanted, sessions, runs })
        const shown = found.map((past) => ({
          session_id: past.sessionId,
          name: past.name,
          created_at: past.createdAt,
          ...(past.summary !== null && { summary: past.summary }),
          runs: past.runs,
        }))
        return JSON.stringify(shown)
      },
    ),
    describe(
      'read_past_session',
      'Reads an earlier conversation with this user that search_past_sessions has found.',
      'read',
      { session_id, num_runs },
      ['session_id'],
      async (input, _ctx, inside) => {
        const asked = input['num_runs']
        const sessionId = textOf(input['session_id'])
        const past = await inside.ask('read-session', { sessionId, runs: typeof asked === 'number' ? asked : null })
        return past === null ? 'Session not found.' : writeConversation(past)
      },
    ),
  ]
}

function writeConversation({ sessionId, createdAt, said }: PastConversation): string {
  const lines = said.map(({ role, text }) => `${role === 'user' ? 'User' : 'Assistant'}: ${text}`)
  return [`Session: ${sessionId}\nCreated: ${createdAt}`, ...lines].join('\n\n')
}

function describe(
  name: string,
  description: string,
  effect: PreparedTool['effect'],
  properties: JsonObject,
  required: readonly string[],
  work: Work,
): PreparedTool {
  const parameters = { type: 'object', properties, required, additionalProperties: false }
  return {
    name,
    description,
    parameters,
    inputSchema: parameters,
    effect,
    timeoutMs: undefined,
    stopAfterToolCall: false,
    validate: async (value) => check(name, value, required),
    run: (input, ctx, _transcript, inside) => work(isJsonObject(input) ? input : {}, ctx, inside),
    gate: undefined,
    approval: null,
  }
}

function check(name: string, value: unknown, required: readonly string[]) {
  if (!isJsonObject(value)) return { ok: false, issues: [{ path: '', message: `${name} takes an object` }] } as const
  const missing = required.find((key) => textOf(value[key]).trim() === '')
  if (missing === undefined) return { ok: true, value } as const
  return { ok: false, issues: [{ path: missing, message: 'must be a text that is not empty' }] } as const
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
