/**
 * What a test says is remembered of its user; earlier sessions there are none.
 * @module
 */
import type { Ask, AskKind, Asks } from '../base/ask.ts'
import type { Memory, MemoryChange } from '../base/memory.ts'

type Answering = { readonly [K in AskKind]?: (question: Asks[K]['question']) => Asks[K]['answer'] }

/** @param ask answers everything else */
export function withMemories(ask: Ask, texts: readonly string[]): Ask {
  const known = new Map(texts.map((memory, index) => [`memory-${index}`, { memory, topics: [] as readonly string[] }]))
  const answers: Answering = {
    recall: ({ memories }) => ({
      memories: [...known].slice(0, memories).map(([memoryId, memory]): Memory => ({ memoryId, ...memory })),
      room: 1000,
      summary: null,
    }),
    'missed-messages': () => [],
    'change-memories': (changes) => {
      for (const change of changes) apply(known, change)
      return changes.length
    },
    'save-learning': () => null,
    'search-learnings': () => [],
    'search-sessions': () => [],
    'read-session': () => null,
  }
  return (kind, question) => {
    const answer = answers[kind]
    return answer === undefined ? ask(kind, question) : Promise.resolve(answer(question))
  }
}

function apply(known: Map<string, Omit<Memory, 'memoryId'>>, change: MemoryChange): void {
  if (change.type === 'clear') known.clear()
  else if (change.type === 'delete') known.delete(change.memoryId)
  else known.set(change.memoryId, { memory: change.memory, topics: change.topics })
}
