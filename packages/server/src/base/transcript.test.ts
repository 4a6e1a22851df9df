import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Message } from './message.ts'
import { cutsOf, upToLastUser, withoutLastReply } from './transcript.ts'
import { NO_USAGE } from './usage.ts'

const user = (content = 'hi', isCorrection?: true): Message => {
  return { role: 'user', id: content, createdAt: 1, content, ...(isCorrection && { isCorrection }) }
}
const reply = (text: string, ...calls: string[]): Message => ({
  role: 'assistant',
  id: text,
  createdAt: 1,
  parts: [
    { type: 'text', text },
    ...calls.map((toolCallId) => ({ type: 'tool-call' as const, toolCallId, toolName: 'look', input: {} })),
  ],
  usage: NO_USAGE,
})
const tool = (toolCallId: string): Message => {
  const call = { toolCallId, toolName: 'look', input: {}, content: 'seen' }
  return { role: 'tool', id: `of ${toolCallId}`, createdAt: 1, ...call, isError: false, durationMs: 1 }
}
const system: Message = { role: 'system', id: 's', createdAt: 1, content: 'be kind' }

/** What providers ask of a transcript: it begins with the user, and the results of a step come right after its calls. */
function isAccepted(messages: readonly Message[]): boolean {
  let open: string[] = []
  let asked = false
  for (const message of messages) {
    if (message.role === 'system') continue
    if (message.role === 'tool') {
      if (!open.includes(message.toolCallId)) return false
      open = open.filter((id) => id !== message.toolCallId)
      continue
    }
    if (open.length > 0) return false
    if (message.role === 'user') asked = true
    else if (!asked) return false
    if (message.role === 'assistant') {
      open = message.parts.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : []))
    }
  }
  return asked && open.length === 0
}

/** Journals as runs write them: steps with results in any order, corrections, and an end at any point. */
const journals = fc
  .record({
    hasSystem: fc.boolean(),
    steps: fc.array(
      fc.record({ calls: fc.integer({ min: 0, max: 3 }), reversed: fc.boolean(), corrected: fc.boolean() }),
    ),
    lost: fc.nat({ max: 5 }),
  })
  .map(({ hasSystem, steps, lost }) => {
    const messages = [...(hasSystem ? [system] : []), user()]
    for (const [step, { calls, reversed, corrected }] of steps.entries()) {
      const ids = Array.from({ length: calls }, (_, call) => `${step}.${call}`)
      messages.push(reply(`step ${step}`, ...ids), ...(reversed ? ids.toReversed() : ids).map(tool))
      if (calls === 0) messages.push(user('mend it', corrected || undefined))
    }
    return messages.slice(0, Math.max(0, messages.length - lost))
  })

test('every cut is a transcript that a provider accepts, and no other point is one', () => {
  fc.assert(
    fc.property(journals, (messages) => {
      const cuts = cutsOf(messages)
      for (let kept = 0; kept <= messages.length; kept++) {
        expect([kept, cuts.includes(kept)]).toEqual([kept, isAccepted(messages.slice(0, kept))])
      }
    }),
  )
})

test('without the last reply, a whole transcript is one that the model can be asked to go on with', () => {
  fc.assert(
    fc.property(journals, (messages) => {
      for (const kept of cutsOf(messages)) {
        const asked = messages.slice(0, withoutLastReply(messages.slice(0, kept)))
        expect(isAccepted(asked)).toBe(true)
        expect(['user', 'tool']).toContain(asked.at(-1)?.role)
      }
    }),
  )
})

test('a reply that calls tools is kept, one that only says something is not', () => {
  expect(withoutLastReply([user(), reply('a', '1'), tool('1'), reply('b'), reply('c')])).toBe(3)
  expect(withoutLastReply([user(), reply('a', '1')])).toBe(2)
  expect(withoutLastReply([])).toBe(0)
})

test('the last message of the user is one that the user wrote', () => {
  expect(upToLastUser([system, user(), reply('a'), user('mend it', true), reply('b')])).toBe(2)
  expect(upToLastUser([system])).toBe(0)
})

test('nothing can be kept of a transcript that nobody has asked anything in', () => {
  expect(cutsOf([system])).toEqual([])
  expect(cutsOf([])).toEqual([])
})
