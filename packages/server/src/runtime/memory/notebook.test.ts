import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Memory, MemoryChange } from '../../base/memory.ts'
import { createNotebook } from './notebook.ts'

const KNOWN: readonly Memory[] = [
  { memoryId: 'a', memory: "The user's name is Ada.", topics: ['name'] },
  { memoryId: 'b', memory: 'The user likes tea.', topics: ['drinks'] },
]
const open = (known: readonly Memory[] = KNOWN, room = 10) =>
  createNotebook(known, { room, idOf: (index) => `new-${index}` })

test('shows what is known under short names', () => {
  expect(open().list()).toEqual([
    ['m1', KNOWN[0]],
    ['m2', KNOWN[1]],
  ])
})

test('tells what was added, updated and deleted, in words and as changes', () => {
  const book = open()
  expect(book.add(' The user lives in Oslo. ', ['Home', 'home', ''])).toBe('Added as m3.')
  expect(book.update('m2', 'The user likes coffee.', [])).toBe('Updated m2.')
  expect(book.remove('m1')).toBe('Deleted m1.')
  expect(book.changes()).toEqual([
    { type: 'delete', memoryId: 'a' },
    { type: 'update', memoryId: 'b', memory: 'The user likes coffee.', topics: ['drinks'] },
    { type: 'add', memoryId: 'new-0', memory: 'The user lives in Oslo.', topics: ['home'] },
  ])
  expect(book.changed().map(({ memory }) => memory)).toEqual(['The user likes coffee.', 'The user lives in Oslo.'])
})

test('changes nothing for what is known, empty, too long, unknown or too much', () => {
  const book = open(KNOWN, 0)
  expect(book.add('the user LIKES tea.', [])).toBe('That is known already, as m2.')
  expect(book.add('  ', [])).toBe('A memory cannot be empty.')
  expect(book.add('x'.repeat(5001), [])).toContain('at most 5000 characters')
  expect(book.add('The user sails.', [])).toContain('no room')
  expect(book.update('m9', 'x', [])).toBe('There is no memory "m9". Those that exist: m1, m2.')
  expect(book.remove('m9')).toContain('There is no memory "m9"')
  expect(book.changes()).toEqual([])
})

test('makes room by deleting', () => {
  const book = open(KNOWN, 0)
  book.remove('m1')
  expect(book.add('The user sails.', [])).toBe('Added as m3.')
})

test('what is added and taken back is no change', () => {
  const book = open()
  book.add('The user sails.', [])
  book.update('m3', 'The user rows.', [])
  book.remove('m3')
  expect(book.changes()).toEqual([])
})

test('a clear forgets everything, also what was not shown, and keeps what comes after', () => {
  const book = open()
  book.update('m1', 'Changed.', [])
  book.clear()
  book.add('The user sails.', [])
  expect(book.changes()).toEqual([
    { type: 'clear' },
    { type: 'add', memoryId: 'new-0', memory: 'The user sails.', topics: [] },
  ])
})

const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), text: fc.constantFrom('one', 'two', 'three', 'four') }),
  fc.record({ kind: fc.constant('update' as const), at: fc.nat(6), text: fc.constantFrom('five', 'six', 'one') }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(6) }),
  fc.record({ kind: fc.constant('clear' as const) }),
)

/** What the database makes of changes. */
function applyChanges(memories: readonly Memory[], changes: readonly MemoryChange[]): Map<string, string> {
  const stored = new Map(memories.map(({ memoryId, memory }) => [memoryId, memory]))
  for (const change of changes) {
    if (change.type === 'clear') stored.clear()
    else if (change.type === 'delete') stored.delete(change.memoryId)
    else stored.set(change.memoryId, change.memory)
  }
  return stored
}

test('the changes lead from what was known to what the manager sees, whatever it does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.nat(4), (steps, room) => {
      const book = open(KNOWN, room)
      for (const { kind, ...rest } of steps) {
        if (kind === 'add' && 'text' in rest) book.add(rest.text, [])
        if (kind === 'update' && 'at' in rest && 'text' in rest) book.update(`m${rest.at}`, rest.text, [])
        if (kind === 'remove' && 'at' in rest) book.remove(`m${rest.at}`)
        if (kind === 'clear') book.clear()
      }
      const seen = new Map(book.list().map(([, { memoryId, memory }]) => [memoryId, memory]))
      const changes = book.changes()
      expect(applyChanges(KNOWN, changes)).toEqual(seen)
      const named = changes.flatMap((change) => (change.type === 'clear' ? [] : [change.memoryId]))
      expect(new Set(named).size).toBe(named.length)
      const most = steps.some(({ kind }) => kind === 'clear') ? Infinity : KNOWN.length + room
      expect(seen.size).toBeLessThanOrEqual(most)
    }),
  )
})
