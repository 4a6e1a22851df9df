import { tool, type AiTool } from '@agentos/sdk'
import { dynamicTool, jsonSchema, tool as aiTool } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { prepareTool } from './tool.ts'
import { call, say, testRun } from './test-run.ts'

const input = z.object({ city: z.string() })

test('describes an SDK tool for the model', async () => {
  const look = tool({ name: 'look', description: 'Looks', input, effect: 'read', run: () => 1 })
  expect(await prepareTool(look, '0')).toMatchObject({
    name: 'look',
    description: 'Looks',
    effect: 'read',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  })
})

test('takes arguments of no particular type as an object', async () => {
  const { parameters } = await prepareTool(tool({ name: 'look', input: {}, run: () => 1 }), '0')
  expect(parameters).toEqual({ type: 'object', properties: {} })
})

test('runs an AI SDK tool as the AI SDK would', async () => {
  let seen: { input: unknown; toolCallId: string; aborted: boolean | undefined; messages: unknown } | undefined
  const look = aiTool({
    description: 'Looks',
    inputSchema: input,
    execute: (input, { toolCallId, abortSignal, messages }) => {
      seen = { input, toolCallId, aborted: abortSignal?.aborted, messages }
      return { celsius: 4 }
    },
  })
  const turns = [call(['look', { city: 'Oslo' }]), call(['look', { city: 'Bergen' }]), say('ok')]
  const run = await testRun({ turns, agent: { tools: { look }, instructions: 'Be kind.' } })
  expect(run.messages.find((one) => one.role === 'tool')).toMatchObject({ toolName: 'look', content: '{"celsius":4}' })
  expect(run.requests[0]?.tools).toMatchObject([{ name: 'look', description: 'Looks', parameters: { type: 'object' } }])
  expect(seen).toMatchObject({ input: { city: 'Bergen' }, aborted: false })
  expect(seen?.messages).toEqual([
    { role: 'user', content: 'Hello' },
    {
      role: 'assistant',
      content: [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'look', input: { city: 'Oslo' } }],
    },
    {
      role: 'tool',
      content: [
        {
          type: 'tool-result',
          toolCallId: 'call-1',
          toolName: 'look',
          output: { type: 'text', value: '{"celsius":4}' },
        },
      ],
    },
  ])
})

test('takes the last of an AI SDK tool that reports its progress', async () => {
  const look = aiTool({
    inputSchema: jsonSchema<{ city: string }>({ type: 'object', required: ['city'] }),
    async *execute() {
      yield 'looking'
      yield 'four degrees'
    },
  })
  const run = await testRun({
    turns: [call(['look', { city: 'Oslo' }]), call(['look', {}]), say('ok')],
    agent: { tools: { look } },
  })
  const results = run.messages.filter((one) => one.role === 'tool')
  expect(results.map(({ content }) => content)).toEqual([
    'four degrees',
    expect.stringContaining("must have required property 'city'"),
  ])
})

test('writes the output of an AI SDK tool as it asks for', async () => {
  const outputs = [
    { type: 'text' as const, value: 'plain' },
    { type: 'json' as const, value: { a: 1 } },
    { type: 'content' as const, value: [{ type: 'text' as const, text: 'one' }] },
    { type: 'error-text' as const, value: 'broken' },
  ]
  const look = dynamicTool({
    inputSchema: jsonSchema({ type: 'object' }),
    execute: () => 'ignored',
    toModelOutput: () => outputs.shift() ?? { type: 'text', value: '' },
  })
  const run = await testRun({
    turns: [...outputs.map(() => call(['look', {}])), say('ok')],
    agent: { tools: { look } },
  })
  const results = run.messages.filter((one) => one.role === 'tool')
  expect(results.map(({ content, isError }) => [content, isError])).toEqual([
    ['plain', false],
    ['{"a":1}', false],
    ['one', false],
    ['Tool "look" failed: broken', true],
  ])
})

const execute = () => 1

test.each([
  [{ readOnlyHint: true, idempotentHint: true }, 'read'],
  [{ readOnlyHint: false, idempotentHint: true }, 'idempotent'],
  [{ readOnlyHint: false, destructiveHint: false }, 'once'],
  [{ readOnlyHint: 'yes' }, 'once'],
])('takes the effect of a tool of an MCP server from its annotations %j', async (annotations, effect) => {
  // As `@ai-sdk/mcp` makes them: its tools carry what the server says in `metadata`.
  const metadata = { clientName: 'client', toolName: 'look', annotations }
  const made = { ...dynamicTool({ inputSchema: jsonSchema({ type: 'object' }), execute }), metadata }
  expect(await prepareTool(made, 'look')).toMatchObject({ effect })
})

test.each([undefined, null, 'x', {}, { annotations: null }])(
  '%j as metadata says nothing of an effect',
  async (metadata) => {
    expect(await prepareTool({ inputSchema: input, execute, metadata } as AiTool, 'look')).toMatchObject({
      effect: 'once',
    })
  },
)

test.each([
  [
    'needs approval but is executed by a client',
    { inputSchema: input, needsApproval: true },
    'tool "look" has needsApproval but no execute function',
  ],
  [
    'has something else for an approval',
    { inputSchema: input, execute, needsApproval: 'yes' },
    'tool "look": needsApproval must be true, false or a function',
  ],
  [
    'has something else to execute',
    // As a folder without types may have it.
    { inputSchema: input, execute: 'x' as unknown as typeof execute },
    'tool "look": execute must be a function',
  ],
  [
    'belongs to a provider',
    { type: 'provider', id: 'x.y', args: {}, inputSchema: input, execute },
    'tool "look" is a tool of a provider',
  ],
  [
    'has a schema that JSON Schema cannot say',
    aiTool({ inputSchema: z.object({ at: z.date() }), execute }),
    'tool "look": its zod schema cannot become',
  ],
  ['takes no object', aiTool({ inputSchema: z.string(), execute }), 'tool "look": input must describe an object'],
])('refuses an AI SDK tool that %s', async (_, tool, reason) => {
  await expect(prepareTool(tool, 'look')).rejects.toThrow(reason)
})

test('refuses a name that providers refuse', async () => {
  await expect(prepareTool(aiTool({ inputSchema: input, execute }), 'look up')).rejects.toThrow(
    'tool "look up": its key must be',
  )
})
