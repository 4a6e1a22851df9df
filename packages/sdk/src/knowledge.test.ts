import { expect, test } from 'vitest'
import { isKnowledge, knowledge } from './knowledge.ts'

test('makes a frozen, recognisable base', () => {
  const base = knowledge({ id: 'handbook', sources: ['docs/**'], chunkSize: 500, chunkOverlap: 50 })
  expect(isKnowledge(base)).toBe(true)
  expect([Object.isFrozen(base.options), Object.isFrozen(base.options.sources)]).toEqual([true, true])
})

test.each([
  [{}, 'knowledge(): id must be 1 to 128 letters'],
  [{ id: 'a b' }, 'id must be'],
  [{ id: 'a', chunkSise: 3 }, 'has no option "chunkSise"; did you mean "chunkSize"?'],
  [{ id: 'a', chunkSize: 0 }, 'knowledge "a": chunkSize must be a whole number from 1 to 100000, got 0'],
  [{ id: 'a', chunkSize: 10, chunkOverlap: 10 }, 'chunkOverlap must be less than chunkSize, got 10 and 10'],
  [{ id: 'a', sources: ['../secrets'] }, 'stay within its directory'],
  [{ id: 'a', sources: ['/etc/**'] }, 'stay within its directory'],
  [{ id: 'a', searchType: 'fuzzy' }, 'searchType must be "vector", "keyword" or "hybrid"'],
  [{ id: 'a', embedder: 'small' }, 'embedder must be "provider:id"'],
  [{ id: 'a', metadata: [] }, 'metadata must be an object'],
])('refuses %j', (options, message) => {
  // Written by hand, as an author without types would.
  expect(() => knowledge(options as never)).toThrow(message)
})
