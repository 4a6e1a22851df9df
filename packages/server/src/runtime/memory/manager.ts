/**
 * A memory manager at work: a model that is shown a message and what is remembered, and changes that with tools. What it
 * decides is handed back; nothing is stored here.
 * @module
 */
import { isJsonObject, type Json } from '../../base/json.ts'
import type { Memory, MemoryChange, Recollection } from '../../base/memory.ts'
import { textOf, toolCallsOf, type Message, type ToolCall, type ToolMessage } from '../../base/message.ts'
import type { SideUsage } from '../../base/run.ts'
import type { Model } from '../../models/model.ts'
import { managerTools, type ManagerRights, writeManagerPrompt } from './manager-prompt.ts'
import { createNotebook, type Notebook } from './notebook.ts'
import { callBeside, type SideDeps, usageOf } from './side-call.ts'

export type PreparedManager = {
  readonly model: Model
  /** What is worth remembering; undefined is what most agents need. */
  readonly instructions: string | undefined
  readonly rights: ManagerRights
}

export type Managed = {
  readonly changes: readonly MemoryChange[]
  /** Memories that are new or others than they were. */
  readonly changed: readonly Memory[]
  /** What the manager says at the end; often nothing. */
  readonly words: string
  /** Its model calls, in their order. */
  readonly used: readonly SideUsage[]
}

/** Memories that a manager is shown, those that changed last. */
export const MOST_SHOWN = 200

/** Most model calls for one message; a manager that goes on has lost its way, and what it decided stands. */
const MOST_CALLS = 5

/**
 * Lets the manager look at a message.
 * @param idOf the id of the n-th memory that it adds, from 0
 * @throws {ModelError} when its model fails for good, and the signal's reason when it aborts
 */
export function manageMemories(
  manager: PreparedManager,
  message: string,
  known: Pick<Recollection, 'memories' | 'room'>,
  deps: SideDeps & { readonly idOf: (index: number) => string },
): Promise<Managed> {
  return letManagerRead(manager, message, openNotebook(known, deps.idOf), deps)
}

/** With as much as a manager is shown. */
export function openNotebook(
  { memories, room }: Pick<Recollection, 'memories' | 'room'>,
  idOf: (index: number) => string,
): Notebook {
  return createNotebook(memories.slice(0, MOST_SHOWN), { room, idOf })
}

/**
 * {@link manageMemories} on a notebook that is read in before or further on: what comes back is all that it holds then, but
 * for `used`. One on which a manager has failed may hold half of what it had decided.
 */
export async function letManagerRead(
  { model, instructions, rights }: PreparedManager,
  message: string,
  book: Notebook,
  deps: SideDeps,
): Promise<Managed> {
  const { clock, ids } = deps
  const stamp = () => ({ id: ids.uuid(), createdAt: clock.now() })
  const transcript: Message[] = [
    { role: 'system', ...stamp(), content: writeManagerPrompt(instructions, rights, book.list()) },
    { role: 'user', ...stamp(), content: message },
  ]
  const tools = managerTools(rights)
  const used: SideUsage[] = []
  let words = ''
  for (let calls = 0; calls < MOST_CALLS; calls++) {
    const reply = await callBeside(model, { messages: transcript, tools, output: undefined }, deps)
    used.push(usageOf(reply, 'memory_model', model))
    words = textOf(reply)
    const asked = toolCallsOf(reply)
    if (asked.length === 0) break
    transcript.push(reply, ...asked.map((call) => answer(book, rights, call, stamp())))
  }
  return { changes: book.changes(), changed: book.changed(), words, used }
}

function answer(
  book: Notebook,
  rights: ManagerRights,
  { toolCallId, toolName, input }: ToolCall,
  stamp: Pick<ToolMessage, 'id' | 'createdAt'>,
): ToolMessage {
  const content = carryOut(book, rights, toolName, input)
  return { role: 'tool', ...stamp, toolCallId, toolName, input, content, isError: false, durationMs: 0 }
}

function carryOut(book: Notebook, rights: ManagerRights, toolName: string, input: Json): string {
  const given = isJsonObject(input) ? input : {}
  const memory = textIn(given['memory'])
  const name = textIn(given['memory_id'])
  const topics = Array.isArray(given['topics']) ? given['topics'].filter((topic) => typeof topic === 'string') : []
  if (toolName === 'add_memory' && rights.add) return book.add(memory, topics)
  if (toolName === 'update_memory' && rights.update) return book.update(name, memory, topics)
  if (toolName === 'delete_memory' && rights.delete) return book.remove(name)
  if (toolName === 'clear_memory' && rights.clear) return book.clear()
  const known = managerTools(rights).map((tool) => tool.name)
  return `There is no tool "${toolName}". Tools that exist: ${known.join(', ')}.`
}

function textIn(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
