import { agent, tool, type AgentOptions, type Tool } from '@agentos/sdk'
import { tool as aiTool } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { AgentOSError } from '../base/errors.ts'
import type { Model } from '../models/model.ts'
import { prepareAgent } from './agent.ts'

const look = tool({ name: 'look', description: 'Looks', input: z.object({ city: z.string() }), run: () => 1 })

function prepare(options: AgentOptions, beside: { instructions?: string; tools?: readonly Tool[] } = {}) {
  const asked: unknown[] = []
  const resolve = (model: unknown): Promise<Model> => {
    asked.push(model)
    if (model === 'nobody:x') return Promise.reject(new AgentOSError('MODEL_UNKNOWN', 'No provider "nobody"'))
    return Promise.resolve({ name: { provider: 'fake', id: String(model) }, stream: async function* () {} })
  }
  const found = {
    agent: agent(options),
    id: 'desk',
    file: 'desk/agent.ts',
    instructions: beside.instructions,
    tools: beside.tools ?? [],
  }
  return prepareAgent(found, { models: { resolve }, defaultModel: 'fake:default' })
}

test('tells everything of an agent that says nothing', async () => {
  expect((await prepare({})).info).toEqual({
    id: 'desk',
    name: 'desk',
    description: null,
    role: null,
    model: { provider: 'fake', id: 'fake:default' },
    modelSettings: {},
    instructions: null,
    expectedOutput: null,
    additionalContext: null,
    introduction: null,
    markdown: false,
    addDatetimeToContext: false,
    timezone: null,
    tools: [],
    toolCallLimit: null,
    toolChoice: null,
    addHistoryToContext: true,
    numHistoryRuns: 3,
    retries: 2,
    delayBetweenRetriesSeconds: 1,
    exponentialBackoff: true,
    outputSchema: null,
    quickPrompts: [],
    metadata: null,
    sessionState: {},
    file: 'desk/agent.ts',
  })
})

test('tells what an agent says, as plain data that crosses threads', async () => {
  const { info } = await prepare({
    name: 'Desk',
    model: 'openai:gpt-5-mini',
    instructions: ['Be kind.', 'Be brief.'],
    tools: [look],
    toolChoice: { tool: 'look' },
    outputSchema: z.object({ a: z.string() }).meta({ title: 'Answer' }),
    sessionState: { cart: [] },
    metadata: { team: 'blue' },
  })
  expect(structuredClone(info)).toEqual(info)
  expect(info).toMatchObject({
    name: 'Desk',
    instructions: 'Be kind.\nBe brief.',
    model: { id: 'openai:gpt-5-mini' },
    toolChoice: 'look',
    tools: [{ name: 'look', description: 'Looks', effect: 'once', parameters: { type: 'object' } }],
    outputSchema: { name: 'Answer', schema: { type: 'object' } },
    sessionState: { cart: [] },
    metadata: { team: 'blue' },
  })
})

test('takes instructions and tools from beside the file, but the agent wins', async () => {
  expect((await prepare({}, { instructions: 'From the file.\n' })).info.instructions).toBe('From the file.')
  expect((await prepare({ instructions: 'Own.' }, { instructions: 'From the file.' })).info.instructions).toBe('Own.')
  const other = tool({ name: 'other', input: {}, run: () => 1 })
  const { info } = await prepare({ tools: [look] }, { tools: [look, other] })
  expect(info.tools.map(({ name }) => name)).toEqual(['look', 'other'])
})

test('takes tools as a list or by name, from the SDK and the AI SDK', async () => {
  const search = aiTool({ inputSchema: z.object({}), execute: () => 1 })
  const { info } = await prepare({ tools: { search, anything: look } })
  expect(info.tools.map(({ name }) => name)).toEqual(['search', 'look'])
})

test('tells which tools wait for somebody, and of what approval', async () => {
  const basics = { input: z.object({ a: z.string(), b: z.string() }), run: () => 1 }
  const tools = [
    look,
    tool({ ...basics, name: 'erase', approval: 'required' }),
    tool({ ...basics, name: 'pay', requiresUserInput: ['b'], approval: 'audit' }),
  ]
  const { info } = await prepare({ tools })
  expect(info.tools[0]).not.toHaveProperty('pause')
  expect(info.tools).toMatchObject([
    { name: 'look' },
    { name: 'erase', pause: 'confirmation', approval: 'required' },
    { name: 'pay', pause: 'user-input', approval: 'audit', parameters: { required: ['a'] } },
  ])
  expect(info.tools[1]).not.toHaveProperty('inputSchema')
  expect(info.tools[2]?.inputSchema).toMatchObject({ required: ['a', 'b'] })
})

test('does not show instructions that are a function', async () => {
  expect((await prepare({ instructions: () => 'x' })).info.instructions).toBeNull()
})

const other = tool({ name: 'look', input: {}, run: () => 1 })

test.each<[string, AgentOptions, string]>([
  ['two tools of one name', { tools: [look, other] }, 'agent "desk" has two tools named "look"'],
  [
    'a forced tool that it does not have',
    { tools: [look], toolChoice: { tool: 'fly' } },
    'names the tool "fly", but its tools are look',
  ],
  ['a forced tool without any', { toolChoice: 'required' }, 'toolChoice is "required", but it has no tools'],
  ['state that is no JSON', { sessionState: { at: new Date(0) } }, 'agent "desk": sessionState.at is a Date'],
  ['metadata that is no JSON', { metadata: { f: () => 1 } }, 'agent "desk": metadata.f is a function'],
  [
    'an output schema that JSON Schema cannot say',
    { outputSchema: z.date() },
    'agent "desk": outputSchema: its zod schema cannot',
  ],
  ['a model that nobody has', { model: 'nobody:x' }, 'No provider "nobody"'],
])('refuses %s', async (_, options, reason) => {
  await expect(prepare(options)).rejects.toThrow(reason)
})
