import { setTimeout as sleep } from 'node:timers/promises'
import { tool, type Tool, type ToolContext } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { call, say, testRun, type LogLine } from './test-run.ts'

const run = (run: (input: unknown, ctx: ToolContext) => unknown, more: { timeoutMs?: number } = {}) =>
  tool({ name: 'act', input: {}, run, ...more })

/** Calls one tool once and gives what the model got, what the client saw and what was logged. */
async function callOnce(act: Tool, input: unknown = {}, name = 'act') {
  const tested = await testRun({ turns: [call([name, input]), say('ok')], agent: { tools: [act] } })
  expect(tested.result.status).toBe('COMPLETED')
  const message = tested.messages.find((one) => one.role === 'tool')
  const event = tested.events.find((one) => one.type === 'tool-end')?.tool
  expect(event).toMatchObject({ result: message?.content, isError: message?.isError })
  const log: readonly LogLine[] = tested.log
  return { content: message?.content ?? '', isError: message?.isError, durationMs: message?.durationMs ?? 0, log }
}

test('hands validated input to the tool', async () => {
  let seen: unknown
  const act = tool({
    name: 'act',
    input: z.object({ n: z.coerce.number().default(7) }),
    run: (input) => void (seen = input),
  })
  expect(await callOnce(act)).toMatchObject({ content: 'done', isError: false })
  expect(seen).toEqual({ n: 7 })
})

test('tells the tool of its run', async () => {
  let seen: ToolContext | undefined
  await callOnce(run((_, ctx) => void (seen = ctx)))
  expect(seen).toMatchObject({
    runId: 'run-1',
    sessionId: 'session-1',
    userId: undefined,
    agentId: 'desk',
    toolCallId: 'call-1',
    effectKey: 'run-1:call-1',
    sessionState: {},
    dependencies: {},
    metadata: {},
  })
})

test('logs for a tool name it and its call', async () => {
  const { log } = await callOnce(run((_, ctx) => ctx.log.info('looked', { city: 'Oslo' })))
  expect(log).toContainEqual({
    level: 'info',
    message: 'looked',
    fields: {
      city: 'Oslo',
      tool_name: 'act',
      tool_call_id: 'call-1',
    },
  })
})

test('gives the model the issues of its arguments, with their paths, and does not call the tool', async () => {
  let called = false
  const input = z.object({ stops: z.array(z.object({ city: z.string() })) })
  const act = tool({ name: 'act', input, run: () => void (called = true) })
  expect(await callOnce(act, { stops: [{ city: 4 }] })).toMatchObject({
    isError: true,
    content:
      'The arguments of tool "act" do not fit its schema, so it was not called:\n' +
      '- stops[0].city: Invalid input: expected string, received number',
  })
  expect(called).toBe(false)
})

test('says so when the arguments are not JSON', async () => {
  const act = tool({ name: 'act', input: z.object({}), run: () => 1 })
  expect((await callOnce(act, '{"a": ')).content).toMatch(/the arguments are not a JSON object/)
})

test('takes no arguments at all for an empty object', async () => {
  expect(await callOnce(tool({ name: 'act', input: z.object({}), run: () => 1 }), '')).toMatchObject({ content: '1' })
})

test('lists the tools that exist when the model asks for another', async () => {
  expect(
    await callOnce(
      run(() => 1),
      {},
      'fly',
    ),
  ).toMatchObject({
    isError: true,
    content: 'There is no tool "fly". Tools that exist: act.',
  })
  const without = await testRun({ turns: [call(['fly', {}]), say('ok')] })
  expect(without.messages[2]).toMatchObject({ content: 'There is no tool "fly". There are no tools.' })
})

/** As plain JavaScript does at times; the linter forbids it only to those who write it down. */
function throwText(text: unknown): never {
  throw text as Error
}

test.each([
  [
    'throws',
    () => {
      throw new Error('no such city')
    },
  ],
  ['rejects', () => Promise.reject(new Error('no such city'))],
  ['throws text', () => throwText('no such city')],
])('gives the model the message when a tool %s', async (_, act) => {
  const { content, isError, log } = await callOnce(run(act))
  expect({ content, isError }).toEqual({ content: 'Tool "act" failed: no such city', isError: true })
  expect(log).toContainEqual(expect.objectContaining({ level: 'warn', message: 'A tool failed' }))
})

test('gives up a tool that does not end, tells it, and drops its late result', async () => {
  let reason: unknown
  const act = run(
    async (_, ctx) => {
      ctx.signal.addEventListener('abort', () => (reason = ctx.signal.reason))
      await sleep(80)
      return 'late'
    },
    { timeoutMs: 20 },
  )
  const { content, isError, log } = await callOnce(act)
  expect({ content, isError }).toEqual({
    content: 'Tool "act" gave no result within 20 ms and was given up.',
    isError: true,
  })
  expect(reason).toMatchObject({ name: 'TimeoutError' })
  await sleep(100)
  expect(log.map(({ message }) => message)).toEqual([
    'A tool took too long and was given up',
    'A tool ended after its call was given up; its result is dropped',
  ])
})

test('does not abort the signal of a call that has ended in time', async () => {
  let signal: AbortSignal | undefined
  await callOnce(run((_, ctx) => void (signal = ctx.signal), { timeoutMs: 10 }))
  await sleep(30)
  expect(signal?.aborted).toBe(false)
})

test('a late failure of a tool that was given up harms nobody', async () => {
  const act = run(() => sleep(30).then(() => Promise.reject(new Error('late'))), { timeoutMs: 5 })
  expect((await callOnce(act)).isError).toBe(true)
  await sleep(50)
})

test('the timeout of the server holds where the tool has none', async () => {
  const tested = await testRun({
    turns: [call(['act', {}]), say('ok')],
    agent: { tools: [run(() => new Promise(() => {}))] },
    ports: { limits: { toolTimeoutMs: 15, toolResultBytes: 100 } },
  })
  expect(tested.messages.find((one) => one.role === 'tool')?.content).toContain('within 15 ms')
})

test('cuts ten megabytes to the limit of the server', async () => {
  const { content, isError } = await callOnce(run(() => 'x'.repeat(10_000_000)))
  expect(isError).toBe(false)
  expect(content.length).toBeLessThan(1_100)
  expect(content).toMatch(/\[Cut: the result has 10000000 bytes, only the first 1000 are shown\.\]$/)
})

test('thirty calls at once cause no warning', async () => {
  const warnings: string[] = []
  const listen = (warning: Error) => warnings.push(warning.message)
  process.on('warning', listen)
  const calls = Array.from({ length: 30 }, () => ['act', {}] as const)
  await testRun({ turns: [call(...calls), say('ok')], agent: { tools: [run(() => sleep(5))] } })
  await sleep(5)
  process.off('warning', listen)
  expect(warnings).toEqual([])
})
