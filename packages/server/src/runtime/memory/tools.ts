/**
 * The tools with which a model manages memories itself and looks into earlier conversations, under Agno's names. What
 * they find and change is the run's own user's: the main thread sees to that.
 * @module
 */
import { uuidOf } from '../../base/ids.ts'
import type { PastConversation } from '../../base/memory.ts'
import type { PreparedTool } from '../tool.ts'
import { manageMemories, MOST_SHOWN, type PreparedManager } from './manager.ts'
import { describeTool, textOf } from './own-tool.ts'

export type PastSessionLimits = {
  /** Sessions that a search looks at. */
  readonly sessions: number
  /** Runs of each that it shows. */
  readonly runs: number
}

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
  return describeTool('update_user_memory', description, 'keyed', { task }, ['task'], async (input, ctx, inside) => {
    if (ctx.userId === undefined) return NOBODY
    const known = await inside.ask('recall', { memories: MOST_SHOWN, summary: false })
    const { changes, words, used } = await manageMemories(manager, textOf(input['task']), known, {
      ...inside,
      signal: ctx.signal,
      idOf: (index) => uuidOf('memory', ctx.effectKey, String(index)),
    })
    for (const usage of used) inside.spend(usage)
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
    describeTool(
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
    describeTool(
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
