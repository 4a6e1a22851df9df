import { expect, test } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import type { ToolInfo } from '../base/runnable.ts'
import { checkToolInput } from './tool-input.ts'

const TO = { to: { type: 'string' } }
const MAIL: ToolInfo = {
  name: 'send_mail',
  description: '',
  effect: 'once',
  pause: 'user-input',
  parameters: { type: 'object', properties: TO, additionalProperties: false },
  inputSchema: {
    type: 'object',
    properties: { ...TO, subject: { type: 'string', minLength: 3, pattern: '^(a+)+$' } },
    required: ['subject'],
    additionalProperties: false,
  },
}

function check(input: JsonObject, tool: ToolInfo | undefined = MAIL, agentId = 'writer') {
  const agents = [{ id: 'writer', tools: [tool] }]
  // Of a generation, only its agents' ids and tools are looked at.
  const registry = { current: () => ({ manifest: { agents } }) } as unknown as Parameters<typeof checkToolInput>[0]
  return checkToolInput(registry, agentId, 'send_mail', input)
}

test('what a person fills in is checked with the schema of all arguments', async () => {
  expect(await check({ to: 'ada', subject: 'Hello' })).toBeUndefined()
  expect(await check({ to: 'ada' })).toBe("- must have required property 'subject'")
  expect(await check({ subject: 'no' })).toBe('- subject: must NOT have fewer than 3 characters')
  expect(await check({ subject: 'Hello', cc: 'bob' })).toBe('- has an unknown key "cc"')
})

test('a tool without fields for people is checked with what its model sees', async () => {
  const { inputSchema: _, ...tool } = MAIL
  expect(await check({ to: 1 }, tool)).toBe('- to: must be string')
})

test('a tool that is gone, or whose schema is none, is left to the worker', async () => {
  expect(await check({ to: 1 }, { ...MAIL, name: 'other' })).toBeUndefined()
  expect(await check({ to: 1 }, MAIL, 'nobody')).toBeUndefined()
  expect(await check({ to: 1 }, { ...MAIL, inputSchema: { type: 'nonsense' } })).toBeUndefined()
})
