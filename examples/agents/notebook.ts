import { agent, tool } from '@agentos/sdk'
import { z } from 'zod'

/** What is kept with the session, from run to run, on whichever replica the next one lands. */
const State = z.object({ notes: z.array(z.string()).default([]) })

const addNote = tool({
  name: 'add_note',
  description: 'Save a note',
  input: z.object({ note: z.string().min(1).describe('The note, in the words of the user') }),
  effect: 'once',
  run: ({ note }, ctx) => {
    const { notes } = State.parse(ctx.sessionState)
    ctx.sessionState['notes'] = [...notes, note]
    return `Saved as note ${notes.length + 1}.`
  },
})

const listNotes = tool({
  name: 'list_notes',
  description: 'All saved notes, oldest first',
  input: z.object({}),
  effect: 'read',
  run: (_input, ctx) => State.parse(ctx.sessionState).notes,
})

/** Session state: tools read and change `ctx.sessionState`, the server stores it with the run. */
export default agent({
  name: 'Notebook',
  description: 'Keeps notes in the session',
  instructions: (ctx) =>
    [
      'You keep notes for the user. Save what they ask you to remember and read it back when asked.',
      `There are ${State.parse(ctx.sessionState).notes.length} notes in this session.`,
    ].join('\n'),
  sessionState: { notes: [] },
  tools: [addNote, listNotes],
  quickPrompts: ['Remember that the release is on Thursday.', 'List my notes.'],
})
