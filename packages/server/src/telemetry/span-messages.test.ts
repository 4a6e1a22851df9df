import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Message } from '../base/message.ts'
import { NO_USAGE } from '../base/usage.ts'
import { shownMessages, toolDefinitions } from './span-messages.ts'

const ROOM = 8_192
const system = (content: string): Message => ({ id: 's', createdAt: 1, role: 'system', content })
const said = fc.oneof(
  fc.string({ maxLength: 3_000 }).map((content): Message => ({ id: 'u', createdAt: 1, role: 'user', content })),
  fc.string({ maxLength: 3_000 }).map((text): Message => {
    return { id: 'a', createdAt: 1, role: 'assistant', parts: [{ type: 'text', text }], usage: NO_USAGE }
  }),
)
const length = (message: Message) => JSON.stringify(message).length

test('of any conversation, the instructions and the newest messages are shown, in order and within bounds', () => {
  fc.assert(
    fc.property(fc.array(said), fc.array(said), fc.string({ maxLength: 20_000 }), (history, own, instructions) => {
      const shown = shownMessages(history, [system(instructions), ...own])
      expect(shown[0]).toMatchObject({ role: 'system' })
      const rest = shown.slice(1)
      expect(rest).toEqual([...history, ...own].slice(history.length + own.length - rest.length))
      expect(rest.length).toBeGreaterThanOrEqual(Math.min(1, history.length + own.length))
      // The last one that had room may go beyond it, as may the JSON around the texts.
      const size = shown.reduce((sum, message) => sum + length(message), 0)
      expect(size).toBeLessThan(2 * (ROOM + 3_000) + 200 * shown.length)
    }),
  )
})

test('long instructions are cut, so that there is room for what was said', () => {
  const [first, second] = shownMessages(
    [],
    [system('x'.repeat(50_000)), { id: 'u', createdAt: 1, role: 'user', content: 'Hi' }],
  )
  expect(first).toMatchObject({ content: expect.stringMatching(/^x+\.\.\. \[cut from 50000 characters\]$/) })
  expect(second).toMatchObject({ content: 'Hi' })
})

test('of very many tools, those are told of that fit', () => {
  const tools = Array.from({ length: 100 }, (_, n) => ({
    name: `tool_${n}`,
    description: 'x'.repeat(1_000),
    parameters: {},
  }))
  const attributes = toolDefinitions(tools)
  const told = JSON.parse(String(attributes['gen_ai.tool.definitions']))
  expect(told).toHaveLength(Object.keys(attributes).length - 1)
  expect(told.length).toBeGreaterThan(10)
  expect(told.length).toBeLessThan(17)
  expect(toolDefinitions([])).toEqual({})
})
