import { agent, askUser, tool } from '@agentos/sdk'
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
    requirements: [],
    references: [],
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

const refund = tool({
  name: 'refund',
  input: z.object({ cents: z.number(), reason: z.string() }),
  requiresUserInput: ['reason'],
  approval: 'audit',
  run: ({ cents, reason }, ctx) => {
    ctx.sessionState['refunded'] = Number(ctx.sessionState['refunded'] ?? 0) + cents
    return `refunded: ${reason}`
  },
})
const erase = tool({ name: 'erase', input: {}, approval: 'required', run: () => 'erased' })
const ship = tool({ name: 'ship', input: {}, externalExecution: true })
const careful = agent({ id: 'careful', tools: [refund, erase, ship, askUser()] })
const calls = (...toolCalls: readonly { name: string; input: unknown }[]) => ({ toolCalls })

test('shows what a run waits for', async () => {
  const question = { question: 'Which?', header: 'Pick', options: [{ label: 'A' }, { label: 'B' }] }
  const run = await runAgent(careful, {
    message: 'x',
    script: [
      calls(
        { name: 'refund', input: { cents: 5 } },
        { name: 'erase', input: {} },
        { name: 'ship', input: { to: 'Oslo' } },
        { name: 'ask_user', input: { questions: [question] } },
      ),
    ],
  })
  expect(run.status).toBe('PAUSED')
  const nothing = { fields: [], questions: [], approval: undefined }
  expect(run.requirements).toEqual([
    {
      ...nothing,
      kind: 'user-input',
      tool: 'refund',
      input: { cents: 5 },
      approval: 'audit',
      fields: [
        { name: 'cents', value: 5 },
        { name: 'reason', value: null },
      ],
    },
    { ...nothing, kind: 'confirmation', tool: 'erase', input: {}, approval: 'required' },
    { ...nothing, kind: 'external-execution', tool: 'ship', input: { to: 'Oslo' } },
    {
      ...nothing,
      kind: 'user-feedback',
      tool: 'ask_user',
      input: { questions: [question] },
      questions: [{ question: 'Which?', options: ['A', 'B'], multiSelect: false }],
    },
  ])
})

test('goes on through every pause that it has answers for, with the state of the parts before', async () => {
  const run = await runAgent(careful, {
    message: 'x',
    script: [
      calls({ name: 'refund', input: { cents: 5 } }, { name: 'ship', input: {} }),
      calls({ name: 'refund', input: { cents: 7 } }, { name: 'erase', input: {} }),
      'Done.',
    ],
    answers: [
      { tool: 'refund', values: { reason: 'late' } },
      { tool: 'ship', result: { parcel: 7 } },
      { tool: 'erase', confirmed: false, note: 'Never.' },
      { tool: 'refund', values: { reason: 'broken' } },
    ],
  })
  expect(run).toMatchObject({ status: 'COMPLETED', content: 'Done.', sessionState: { refunded: 12 }, requirements: [] })
  expect(run.toolCalls.map(({ result, isError }) => [result, isError])).toEqual([
    ['refunded: late', false],
    ['{"parcel":7}', false],
    ['refunded: broken', false],
    ['Never.', true],
  ])
})

test('stays paused when an answer is missing', async () => {
  const script = [calls({ name: 'ship', input: {} }, { name: 'ship', input: {} }), 'never']
  const run = await runAgent(careful, { message: 'x', script, answers: [{ tool: 'ship', result: 'ok' }] })
  expect(run.status).toBe('PAUSED')
  expect(run.requirements).toHaveLength(2)
})

test('refuses answers that say nothing, and those that were not asked for', async () => {
  const options = { message: 'x', script: ['Done.'] }
  await expect(runAgent(careful, { ...options, answers: [{ tool: 'ship' }] })).rejects.toThrow(
    'answers[0] (tool "ship") answers nothing; give confirmed, values, selections or result',
  )
  await expect(runAgent(careful, { ...options, answers: [{ tool: 'ship', result: 1 }] })).rejects.toThrow(
    'answers[0] (tool "ship") was not asked for: the run did not pause for it',
  )
})
