import { expect, test } from 'vitest'
import { agent } from './agent.ts'
import { isMemoryManager, isSessionSummaryManager, memoryManager, sessionSummaryManager } from './memory.ts'

test('makes frozen definitions that an agent takes as they are', () => {
  const manager = memoryManager({ model: 'openai:gpt-5-nano', instructions: 'Only food.', clearMemories: true })
  const summarizer = sessionSummaryManager()
  expect(isMemoryManager(manager)).toBe(true)
  expect(isMemoryManager(summarizer)).toBe(false)
  expect(isSessionSummaryManager(summarizer)).toBe(true)
  expect(Object.isFrozen(manager.options)).toBe(true)
  const { options } = agent({ memoryManager: manager, sessionSummaryManager: summarizer })
  expect(isMemoryManager(options.memoryManager)).toBe(true)
  expect(isSessionSummaryManager(options.sessionSummaryManager)).toBe(true)
})

test.each([
  [() => memoryManager({ modell: 'x' } as never), 'memoryManager() has no option "modell"; did you mean "model"?'],
  [
    () => memoryManager({ model: 7 } as never),
    'memoryManager(): model must be "provider:id" or an AI SDK model, got 7',
  ],
  [() => memoryManager({ addMemories: 'no' } as never), 'memoryManager(): addMemories must be true or false, got "no"'],
  [
    () => sessionSummaryManager({ instructions: [] } as never),
    'sessionSummaryManager(): instructions must be text, got []',
  ],
  [() => agent({ memoryManager: {} } as never), 'agent(): memoryManager must be what memoryManager() makes, got {}'],
  [
    () => agent({ numPastSessionsToSearch: 101 }),
    'agent(): numPastSessionsToSearch must be a whole number from 1 to 100',
  ],
  [
    () => agent({ learning: { learnedKnowledge: true, namespace: 'a b' } }),
    'agent(): learning must be { learnedKnowledge',
  ],
  [
    () => agent({ learning: { learnedKnowledge: true, other: 1 } } as never),
    'agent(): learning must be { learnedKnowledge',
  ],
  [() => agent({ learning: true } as never), 'agent(): learning must be { learnedKnowledge'],
])('refuses what cannot work, naming it (%#)', (make, message) => {
  expect(make).toThrow(message)
})
