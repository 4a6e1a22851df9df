import { tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { fillFields, layOver, prepareGate, readQuestions } from './gate.ts'
import { prepareTool } from './tool.ts'

const input = z.object({
  to: z.string().describe('Address'),
  count: z.number().int(),
  price: z.number().nullable(),
  fast: z.boolean().optional(),
  tags: z.array(z.string()),
  extra: z.object({ note: z.string() }),
  odd: z.union([z.string(), z.number()]),
})

test('lists the arguments for a person to fill in, in the words of Agno', async () => {
  const { gate } = await prepareTool(tool({ name: 'a', input, requiresUserInput: true, run: () => 1 }), 'a')
  if (gate?.kind !== 'user-input') throw new Error(`it waits for ${gate?.kind}`)
  expect(fillFields(gate.fields, { to: 'Oslo', count: 0, strange: 1 })).toEqual([
    { name: 'to', fieldType: 'str', description: 'Address', value: 'Oslo' },
    { name: 'count', fieldType: 'int', description: null, value: 0 },
    { name: 'price', fieldType: 'float', description: null, value: null },
    { name: 'fast', fieldType: 'bool', description: null, value: null },
    { name: 'tags', fieldType: 'list', description: null, value: null },
    { name: 'extra', fieldType: 'dict', description: null, value: null },
    { name: 'odd', fieldType: 'str', description: null, value: null },
  ])
})

test('takes the type of an argument that may be null, and null as a field left empty everywhere else', () => {
  const gate = prepareGate(
    { kind: 'user-input', fields: undefined },
    { properties: { a: { type: ['null', 'integer'] }, b: { anyOf: [{ type: 'number' }, { type: 'null' }] }, c: true } },
    'tool "a"',
  )
  if (gate?.kind !== 'user-input') throw new Error(`it waits for ${gate?.kind}`)
  expect(gate.fields.map(({ fieldType }) => fieldType)).toEqual(['int', 'float', 'str'])
  expect(layOver(gate.fields, { a: 1, c: 1 }, { a: null, b: null, c: null })).toEqual({ a: null, b: null })
})

test('leaves what only a person fills in out of what the model is told', async () => {
  const made = tool({ name: 'a', input, requiresUserInput: ['count', 'fast'], run: () => 1 })
  const { parameters, inputSchema } = await prepareTool(made, 'a')
  expect(Object.keys(parameters['properties'] ?? {})).toEqual(['to', 'price', 'tags', 'extra', 'odd'])
  expect(parameters['required']).toEqual(['to', 'price', 'tags', 'extra', 'odd'])
  expect(inputSchema['required']).toContain('count')
})

test('refuses an argument that the tool does not have', async () => {
  const made = tool({ name: 'a', input, requiresUserInput: ['count', 'colour'], run: () => 1 })
  await expect(prepareTool(made, 'a')).rejects.toThrow(
    'tool "a": requiresUserInput names the argument "colour", but its arguments are to, count, price',
  )
  const none = tool({ name: 'a', input: {}, requiresUserInput: ['colour'], run: () => 1 })
  await expect(prepareTool(none, 'a')).rejects.toThrow('names the argument "colour", but it has none')
})

test('reads questions whatever the model left out', () => {
  expect(readQuestions({ questions: [{ question: 'Q?' }, 7, { options: [{ label: 'A' }, null] }] })).toEqual([
    { question: 'Q?', header: null, options: [], multiSelect: false },
    { question: '', header: null, options: [{ label: 'A', description: null }], multiSelect: false },
  ])
  expect(readQuestions('x')).toEqual([])
})
