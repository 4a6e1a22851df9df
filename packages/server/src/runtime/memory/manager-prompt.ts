/**
 * What a memory manager is told: what to remember, how, with which tools, and what is remembered already.
 * @module
 */
import type { JsonObject } from '../../base/json.ts'
import { MAX_MEMORY_LENGTH } from '../../base/memory.ts'
import type { ModelTool } from '../../models/model.ts'
import type { Notebook } from './notebook.ts'

/** What a manager may do. */
export type ManagerRights = {
  readonly add: boolean
  readonly update: boolean
  readonly delete: boolean
  readonly clear: boolean
}

const CAPTURE = `- Who the user is: name, age, work, home, family, languages.
- What the user likes, dislikes, prefers or avoids, allergies and diets included.
- Plans, goals, worries and events that will still matter in a later conversation.
- How the user wants to be answered.`

/** @param instructions what is worth remembering; undefined is what most agents need */
export function writeManagerPrompt(
  instructions: string | undefined,
  rights: ManagerRights,
  known: ReturnType<Notebook['list']>,
): string {
  const can = [
    rights.add && 'add a memory',
    rights.update && 'update one',
    rights.delete && 'delete one',
    rights.clear && 'delete all of them',
  ].filter((word) => word !== false)
  const memories = known.map(([name, { memory }]) => `${name}: ${memory}`)
  return `You keep the memory of an assistant: short notes about one user, for conversations to come.
The next message comes from that user, or from the assistant on the user's behalf. Do not answer it. Decide only whether the notes have to change, and change them with your tools: you can ${can.join(', ')}. Most messages change nothing; then call no tool.

Worth remembering:
<memories_to_capture>
${instructions?.trim() || CAPTURE}
</memories_to_capture>

How to keep notes:
- One fact in each, a short sentence in the third person, for example "The user's name is Ada."
- Only what the message says or clearly means. Never guess, and never note what the assistant said or what passes within the hour.
- When a note says it already, leave it. When something has changed, update the note that says otherwise instead of adding a second one.
- What the user wants forgotten goes out of every note, without a word that it was there.
- In the language of the user, with one to three topics of one word each.

<existing_memories>
${memories.length === 0 ? 'None yet.' : memories.join('\n')}
</existing_memories>`
}

const MEMORY = {
  type: 'string',
  minLength: 1,
  maxLength: MAX_MEMORY_LENGTH,
  description: 'The fact, as one short sentence in the third person.',
}
const TOPICS = {
  type: 'array',
  items: { type: 'string' },
  description: 'One to three topics of one word each.',
}
const NAME = { type: 'string', description: 'The name before the memory in the list, for example "m1".' }

const TOOLS: Readonly<Record<keyof ManagerRights, ModelTool>> = {
  add: describeTool('add_memory', 'Adds a memory of the user.', { memory: MEMORY, topics: TOPICS }, ['memory']),
  update: describeTool(
    'update_memory',
    'Puts other words in the place of a memory.',
    { memory_id: NAME, memory: MEMORY, topics: TOPICS },
    ['memory_id', 'memory'],
  ),
  delete: describeTool('delete_memory', 'Deletes a memory.', { memory_id: NAME }, ['memory_id']),
  clear: describeTool('clear_memory', 'Deletes all memories of the user.', {}, []),
}

/** Under Agno's names. */
export function managerTools(rights: ManagerRights): readonly ModelTool[] {
  const { add, update, delete: remove, clear } = TOOLS
  return [
    ...(rights.add ? [add] : []),
    ...(rights.update ? [update] : []),
    ...(rights.delete ? [remove] : []),
    ...(rights.clear ? [clear] : []),
  ]
}

function describeTool(
  name: string,
  description: string,
  properties: JsonObject,
  required: readonly string[],
): ModelTool {
  return { name, description, parameters: { type: 'object', properties, required, additionalProperties: false } }
}
