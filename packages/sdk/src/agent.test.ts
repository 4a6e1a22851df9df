import { expect, expectTypeOf, test } from 'vitest'
import { agent, isAgent, type Agent, type AgentOptions } from './agent.ts'
import { tool } from './tool.ts'

const look = tool({ name: 'look', input: {}, run: () => 1 })
const aiTool = { inputSchema: {}, execute: () => 1 }
const model = { specificationVersion: 'v3', provider: 'fake', modelId: 'one', doStream: () => Promise.resolve() }

// What an author without TypeScript may hand over.
const wrong = (options: Record<string, unknown>) => options as AgentOptions

test('makes an agent that the server recognises', () => {
  const desk = agent({ id: 'desk', model: 'openai:gpt-5-mini', tools: [look] })
  expect(isAgent(desk)).toBe(true)
  expect(desk.options).toEqual({ id: 'desk', model: 'openai:gpt-5-mini', tools: [look] })
  expect(isAgent({ kind: 'agent', options: {} })).toBe(false)
  expect(isAgent(look)).toBe(false)
  expectTypeOf(desk).toEqualTypeOf<Agent>()
})

test('recognises what another copy of the SDK made', async () => {
  const copy = (await import(`${import.meta.resolve('./agent.ts')}?copy`)) as { agent: typeof agent }
  expect(copy.agent).not.toBe(agent)
  expect(isAgent(copy.agent({}))).toBe(true)
})

test('is frozen, with its lists and records', () => {
  const tools = [look]
  const metadata = { team: 'blue' }
  const { options } = agent({ tools, metadata })
  tools.length = 0
  metadata.team = 'red'
  expect(options).toEqual({ tools: [look], metadata: { team: 'blue' } })
  expect(() => Object.assign(options, { name: 'x' })).toThrow(TypeError)
  expect(() => (options.tools as unknown[]).push(look)).toThrow(TypeError)
})

test('leaves models and schemas as they are', () => {
  const outputSchema = { type: 'object' }
  const { options } = agent({ model, outputSchema })
  expect(options.model).toBe(model)
  expect(options.outputSchema).toBe(outputSchema)
  expect(Object.isFrozen(model)).toBe(false)
})

test.each<[string, Record<string, unknown>, string]>([
  [
    'an unknown option, listing those it knows',
    { colour: 'red' },
    'agent() has no option "colour"; it knows id, name,',
  ],
  ["Agno's spelling", { num_history_runs: 3 }, 'has no option "num_history_runs"; did you mean "numHistoryRuns"?'],
  ['a slip of the keyboard', { instuctions: 'x' }, 'did you mean "instructions"?'],
  [
    'an unknown model setting',
    { modelSettings: { temprature: 1 } },
    'modelSettings has no option "temprature"; did you mean "temperature"?',
  ],
  ['an id that cannot stand in a path', { id: 'a/b' }, 'agent "a/b": id must be 1 to 128 letters'],
  ['an id of dots', { id: '..' }, 'id must be'],
  [
    'a model that is neither name nor instance',
    { id: 'a', model: {} },
    'agent "a": model must be "provider:id" or an AI SDK model, got {}',
  ],
  [
    'text for a number',
    { name: 'Desk', maxSteps: '5' },
    'agent "Desk": maxSteps must be a whole number from 1 to 1000, got "5"',
  ],
  ['a number out of range', { retries: 11 }, 'retries must be a whole number from 0 to 10, got 11'],
  ['a fraction of steps', { maxSteps: 1.5 }, 'maxSteps must be a whole number'],
  [
    'instructions of numbers',
    { instructions: [1] },
    'instructions must be text or a list of texts or a function, got [1]',
  ],
  ['an unknown time zone', { timezone: 'Mars/Olympus' }, 'timezone must be an IANA time zone'],
  [
    'a tool choice without a name',
    { toolChoice: { tool: 1 } },
    'toolChoice must be "auto", "none", "required" or { tool: name }',
  ],
  ['a value that JSON cannot show', { name: 1n }, 'agent(): name must be text, got 1n'],
  ['a function where none belongs', { name: () => 1 }, 'name must be text, got a function'],
  ['a tool that tool() did not make', { tools: [{ name: 'x' }] }, 'tools[0] is {"name":"x"}; it must come from tool()'],
  ['an AI SDK tool without a name', { tools: [aiTool] }, 'write tools: { name: tool }'],
  ['no tool under a name', { tools: { x: 1 } }, 'tools.x is 1; it must come from tool()'],
])('refuses %s', (_, options, message) => {
  expect(() => agent(wrong(options))).toThrow(TypeError)
  expect(() => agent(wrong(options))).toThrow(message)
})

test('refuses what is no object of options', () => {
  expect(() => agent('desk' as never)).toThrow('agent() takes one object of options')
})

test('takes every option in its kinds', () => {
  const options: AgentOptions[] = [
    { instructions: 'x', tools: { aiTool, look }, model, toolChoice: { tool: 'look' } },
    { instructions: ['x', 'y'], toolChoice: 'required', tools: [look], timezone: 'Europe/Oslo' },
    { instructions: ({ userId }) => `For ${userId ?? 'nobody'}`, modelSettings: { temperature: 0 } },
    { instructions: async () => 'x', outputSchema: { type: 'object' }, retries: 0, delayBetweenRetries: 0.5 },
  ]
  for (const one of options) expect(isAgent(agent(one))).toBe(true)
})
