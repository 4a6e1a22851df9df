import { agent, tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { runAgent } from './index.ts'

const note = tool({
  name: 'note',
  input: z.object({ text: z.string().min(1) }),
  run: ({ text }, ctx) => {
    ctx.sessionState['notes'] = [...((ctx.sessionState['notes'] as string[] | undefined) ?? []), text]
    return `noted for ${ctx.userId}`
  },
})
const desk = agent({ id: 'desk', instructions: 'Keep notes.', tools: [note], sessionState: { notes: [], unit: 'C' } })

test('runs an agent with its tools against a script', async () => {
  const run = await runAgent(desk, {
    message: 'Note this',
    userId: 'ada',
    sessionState: { notes: ['old'] },
    script: [{ text: 'One moment. ', toolCalls: [{ name: 'note', input: { text: 'this' } }] }, 'Noted.'],
  })
  expect(run).toEqual({
    status: 'COMPLETED',
    content: 'One moment. Noted.',
    error: undefined,
    toolCalls: [{ name: 'note', input: { text: 'this' }, result: 'noted for ada', isError: false }],
    sessionState: { notes: ['old', 'this'], unit: 'C' },
    systemPrompt: 'Keep notes.',
  })
})

test('shows input that does not fit as the model would see it', async () => {
  const run = await runAgent(desk, {
    message: 'x',
    script: [{ toolCalls: [{ name: 'note', input: { text: '' } }] }, 'Sorry.'],
  })
  expect(run.toolCalls).toMatchObject([{ isError: true, result: expect.stringContaining('- text: Too small') }])
})

test('fails when the run asks for more than the script has, and says so', async () => {
  const run = await runAgent(desk, { message: 'x', script: [{ toolCalls: [{ name: 'note', input: { text: 'a' } }] }] })
  expect(run).toMatchObject({ status: 'ERROR', error: 'The script has 1 turn, but the run asked for turn 2' })
})

test('tries again after a passing failure, without waiting', async () => {
  const started = performance.now()
  const script = [{ error: 'busy', status: 429 }, { error: 'down' }, 'There.']
  expect(await runAgent(desk, { message: 'x', script })).toMatchObject({ status: 'COMPLETED', content: 'There.' })
  expect(performance.now() - started).toBeLessThan(500)
})

test('reports a failure that lasts', async () => {
  const run = await runAgent(desk, { message: 'x', script: [{ error: 'no such key', status: 401 }, 'never'] })
  expect(run).toMatchObject({ status: 'ERROR', error: 'no such key' })
})

test("takes anything as a dependency, in place of the agent's own", async () => {
  const look = tool({
    name: 'look',
    input: {},
    run: (_, ctx) => (ctx.dependencies['client'] as { find(): string }).find(),
  })
  const searcher = agent({ tools: [look], dependencies: { client: () => Promise.reject(new Error('no network')) } })
  const run = await runAgent(searcher, {
    message: 'x',
    script: [{ toolCalls: [{ name: 'look', input: {} }] }, 'ok'],
    dependencies: { client: { find: () => 'found' } },
  })
  expect(run.toolCalls[0]?.result).toBe('found')
})

test('gives what lies beside an agent file in a folder', async () => {
  const run = await runAgent(agent({}), {
    message: 'x',
    script: [{ toolCalls: [{ name: 'note', input: { text: 'a' } }] }, 'ok'],
    instructions: 'From the file.',
    tools: [note],
  })
  expect(run).toMatchObject({ systemPrompt: 'From the file.', toolCalls: [{ isError: false }] })
})

test('gives the object of a structured answer', async () => {
  const structured = agent({ outputSchema: z.object({ a: z.number() }) })
  expect(await runAgent(structured, { message: 'x', script: ['{"a":1}'] })).toMatchObject({ content: { a: 1 } })
})
