import { expect, test } from 'vitest'
import type { Message } from '../../base/message.ts'
import { asSaid, isForMemory, joinNotes, manageCalls, rememberedIn } from './remember.ts'

const prompt = (...lines: readonly string[]) => `Keep.\n<existing_memories>\n${lines.join('\n')}\n</existing_memories>`

test.each([
  ['My name is Ada.', "The user's name is Ada."],
  ['Hi, I live in Oslo!', 'The user lives in Oslo.'],
  ['I really like to sail', 'The user likes sail.'],
  ['I am allergic to nuts, sadly.', 'The user is allergic to nuts.'],
])('notes what "%s" tells of the user', (message, memory) => {
  expect(manageCalls(message, prompt('None yet.'))).toEqual([
    { toolName: 'add_memory', input: { memory, topics: [expect.stringMatching(/^[a-z]+$/)] } },
  ])
})

test('leaves what is known, and updates what has changed', () => {
  const known = prompt("m1: The user's name is Ada.", 'm2: The user lives in Oslo.')
  expect(manageCalls('My name is Ada.', known)).toEqual([])
  expect(manageCalls('I live in Bergen now', known)).toMatchObject([
    { toolName: 'update_memory', input: { memory_id: 'm2', memory: 'The user lives in Bergen now.' } },
  ])
})

test('forgets what it is told to, one thing or all', () => {
  const known = prompt("m1: The user's name is Ada.", 'm2: The user likes tea.')
  expect(manageCalls('Please forget my name', known)).toMatchObject([{ input: { memory_id: 'm1' } }])
  expect(manageCalls('Forget everything about me', known)).toHaveLength(2)
})

test('notes nothing of a question', () => {
  expect(manageCalls('Do you think my name is Ada?', prompt())).toEqual([])
  expect(isForMemory('What is the weather?')).toBe(false)
  expect(isForMemory('Remember the milk')).toBe(true)
})

test('reads in its prompt what is remembered, as if the user had said it', () => {
  const content =
    "x\n<memories_from_previous_interactions>\n- The user's name is Ada.\n</memories_from_previous_interactions>"
  const system: Message = { role: 'system', id: 's', createdAt: 0, content }
  expect(rememberedIn([system])).toEqual(["The user's name is Ada."])
  expect(rememberedIn([])).toEqual([])
  expect(asSaid("The user's name is Ada.")).toBe('My name is Ada.')
  expect(asSaid('The user likes tea.')).toBe('I likes tea.')
})

test('makes one note of many', () => {
  expect(joinNotes('<notes>\n- A.\n- B.\n- A.\n</notes>')).toBe('A. B.')
  expect(joinNotes('Hello')).toBeUndefined()
})
