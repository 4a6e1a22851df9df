import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AssistantPart, Message } from '../base/message.ts'
import { NO_USAGE } from '../base/usage.ts'
import { usableHistory } from './history.ts'
import { replay } from './loop.ts'

const base = { id: 'm', createdAt: 5 }
const user: Message = { ...base, role: 'user', content: 'Hello' }
const system: Message = { ...base, role: 'system', content: 'Old.' }
const said = (...parts: readonly AssistantPart[]): Message => ({ ...base, role: 'assistant', parts, usage: NO_USAGE })
const call = (toolCallId: string): AssistantPart => ({ type: 'tool-call', toolCallId, toolName: 'look', input: {} })
const answer = (toolCallId: string): Message => ({
  ...base,
  role: 'tool',
  toolCallId,
  toolName: 'look',
  input: {},
  content: 'seen',
  isError: false,
  durationMs: 1,
})
const words: AssistantPart = { type: 'text', text: 'Yes' }

test('leaves out the system messages of earlier runs', () => {
  expect(usableHistory([system, user, said(words), system, user])).toEqual([user, said(words), user])
})

test('answers calls that a cancelled run left open', () => {
  const history = usableHistory([user, said(call('a'), call('b')), answer('b'), user])
  expect(history).toMatchObject([
    { role: 'user' },
    { role: 'assistant' },
    { role: 'tool', toolCallId: 'b' },
    { role: 'tool', toolCallId: 'a', isError: true, content: 'No result: the run ended before this call did.' },
    { role: 'user' },
  ])
})

test('answers calls that end the history', () => {
  expect(usableHistory([user, said(call('a'))])).toMatchObject([{}, {}, { toolCallId: 'a', isError: true }])
})

test('leaves out replies that say nothing, and answers that nobody asked for', () => {
  const history = [user, said(), said({ type: 'text', text: '' }), said({ type: 'reasoning', text: 'Hm' }), answer('x')]
  expect(usableHistory(history)).toEqual([user])
})

const message = fc.oneof(
  fc.constantFrom(user, system, said(), said(words)),
  fc.array(fc.constantFrom('a', 'b', 'c').map(call), { maxLength: 3 }).map((calls) => said(words, ...calls)),
  fc.constantFrom('a', 'b', 'c').map(answer),
)

test('property: whatever a history looks like, what is left of it is a transcript', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 20 }), (history) => {
      const usable = usableHistory(history.map((one) => ({ ...one })))
      expect(replay(usable).pending).toEqual([])
      expect(usable.some(({ role }) => role === 'system')).toBe(false)
    }),
  )
})
