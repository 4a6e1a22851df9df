/**
 * What a memory manager works on: the memories it was shown, under short names, and what becomes of them. Pure; nothing
 * is stored before the changes are.
 * @module
 */
import { MAX_MEMORY_LENGTH, MAX_TOPIC_LENGTH, MAX_TOPICS, type Memory, type MemoryChange } from '../../base/memory.ts'

export type Notebook = {
  /** What there is now, each under its name. */
  readonly list: () => readonly (readonly [name: string, memory: Memory])[]
  /** Each answers what the manager is told. */
  readonly add: (memory: string, topics: readonly string[]) => string
  readonly update: (name: string, memory: string, topics: readonly string[]) => string
  readonly remove: (name: string) => string
  readonly clear: () => string
  /** From what it was to what it is; empty when nothing came of it all. */
  readonly changes: () => readonly MemoryChange[]
  /** Memories that are new or others than they were. */
  readonly changed: () => readonly Memory[]
}

export type NotebookOptions = {
  /** How many more memories the user may have. */
  readonly room: number
  /** The id of the n-th memory that is added, from 0: the same one whenever the work is done again. */
  readonly idOf: (index: number) => string
}

/** @param known in the order in which they are shown */
export function createNotebook(known: readonly Memory[], { room, idOf }: NotebookOptions): Notebook {
  const before = new Map(known.map((memory) => [memory.memoryId, memory]))
  const now = new Map(known.map((memory, index) => [`m${index + 1}`, memory]))
  let added = 0
  let isCleared = false
  const isNew = ({ memoryId }: Memory) => isCleared || !before.has(memoryId)
  const newOnes = () => [...now.values()].filter(isNew)
  const goneIds = () => {
    const left = new Set([...now.values()].map(({ memoryId }) => memoryId))
    return [...before.keys()].filter((id) => !left.has(id))
  }
  const changedOnes = () =>
    [...now.values()].filter((memory) => !isNew(memory) && before.get(memory.memoryId) !== memory)
  const findSame = (text: string) => [...now].find(([, { memory }]) => memory.toLowerCase() === text.toLowerCase())
  const unknown = (name: string) => `There is no memory "${name}". ${describeNames([...now.keys()])}`
  return {
    list: () => [...now],
    add(memory, topics) {
      const text = memory.trim()
      const problem = problemOf(text)
      if (problem !== undefined) return problem
      const same = findSame(text)
      if (same !== undefined) return `That is known already, as ${same[0]}.`
      if (!isCleared && newOnes().length - goneIds().length >= room) {
        return 'There is no room for another memory of this user: update or delete one instead.'
      }
      const name = `m${known.length + ++added}`
      now.set(name, { memoryId: idOf(added - 1), memory: text, topics: cleanTopics(topics) })
      return `Added as ${name}.`
    },
    update(name, memory, topics) {
      const text = memory.trim()
      const old = now.get(name)
      if (old === undefined) return unknown(name)
      const problem = problemOf(text)
      if (problem !== undefined) return problem
      const cleaned = cleanTopics(topics)
      now.set(name, { ...old, memory: text, topics: cleaned.length > 0 ? cleaned : old.topics })
      return `Updated ${name}.`
    },
    remove: (name) => (now.delete(name) ? `Deleted ${name}.` : unknown(name)),
    clear() {
      now.clear()
      isCleared = true
      return 'Deleted all memories of the user.'
    },
    changes: () => [
      ...(isCleared
        ? [{ type: 'clear' } as const]
        : goneIds().map((memoryId) => ({ type: 'delete', memoryId }) as const)),
      ...changedOnes().map((memory) => ({ type: 'update', ...memory }) as const),
      ...newOnes().map((memory) => ({ type: 'add', ...memory }) as const),
    ],
    changed: () => [...changedOnes(), ...newOnes()],
  }
}

function problemOf(text: string): string | undefined {
  if (text === '') return 'A memory cannot be empty.'
  if (text.length <= MAX_MEMORY_LENGTH) return undefined
  return `A memory has at most ${MAX_MEMORY_LENGTH} characters, this one has ${text.length}: make several.`
}

/** Lower case, each once, none that is empty or longer than it may be. */
export function cleanTopics(topics: readonly string[]): string[] {
  const clean = topics.map((topic) => topic.trim().toLowerCase()).filter((topic) => topic !== '')
  return [...new Set(clean.filter((topic) => topic.length <= MAX_TOPIC_LENGTH))].slice(0, MAX_TOPICS)
}

function describeNames(names: readonly string[]): string {
  return names.length === 0 ? 'There are none.' : `Those that exist: ${names.join(', ')}.`
}
