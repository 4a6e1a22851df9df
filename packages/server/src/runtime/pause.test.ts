import { askUser, tool, type AgentOptions, type ToolOptions } from '@agentos/sdk'
import { tool as aiTool } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Message } from '../base/message.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'
import type { RunJob } from '../base/run.ts'
import { call, say, testRun, type TestRun, type Turn } from './test-run.ts'

const NO_ANSWER: RequirementAnswer = { confirmed: null, note: null, values: null, selections: null, result: null }
const CONFIRMED = { confirmed: true }
const REJECTED = { confirmed: false }

type Given = Partial<RequirementAnswer> | null
type Continued = { readonly turns?: readonly Turn[]; readonly job?: Partial<RunJob>; readonly agent?: AgentOptions }

/** Goes on with a paused run, in order unless `job` says otherwise; `answers` by the name of the tool. */
async function answer(paused: TestRun, agent: AgentOptions, answers: Record<string, Given>, more: Continued = {}) {
  const requirements = (paused.result.requirements ?? []).map((requirement): Requirement => {
    const given = answers[requirement.toolName]
    return given === undefined || given === null ? requirement : { ...requirement, answer: { ...NO_ANSWER, ...given } }
  })
  const job = { journal: paused.messages, requirements, attempt: 2, ...more.job }
  return testRun({ turns: more.turns ?? [say('Done.')], agent: more.agent ?? agent, job })
}

function makeRefund(ran: unknown[] = [], more: Partial<ToolOptions<z.ZodObject>> = {}) {
  const input = z.object({ cents: z.number().int().positive(), reason: z.string().optional() })
  const run = (input: unknown) => {
    ran.push(input)
    return 'refunded'
  }
  // The options of a case are right together; their union is not seen through here.
  return tool({ name: 'refund', input, requiresConfirmation: true, run, ...more } as ToolOptions<typeof input>)
}

const look = tool({ name: 'look', input: {}, effect: 'read', run: () => 'seen' })
const toolMessages = (messages: readonly Message[]) => messages.filter((message) => message.role === 'tool')

test('pauses before a tool that needs a confirmation, after all that needs none has run', async () => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran), look] }
  const run = await testRun({ turns: [call(['refund', { cents: 5 }], ['look', {}])], agent })
  expect(ran).toEqual([])
  expect(run.kinds).toEqual(['run-start', 'model-start', 'model-end', 'tool-start', 'tool-end', 'content-end'])
  expect(run.result.status).toBe('PAUSED')
  expect(run.result.requirements).toEqual([
    {
      id: expect.any(String),
      createdAt: expect.any(Number),
      kind: 'confirmation',
      toolCallId: 'call-1',
      toolName: 'refund',
      input: { cents: 5 },
      stopAfterToolCall: false,
      fields: [],
      questions: [],
      silent: false,
      approval: null,
      approvalId: null,
      answer: null,
    },
  ])
  expect(run.commits.flat().map(({ role }) => role)).toEqual(['user', 'assistant'])
  expect(run.result.uncommitted).toMatchObject([{ role: 'tool', toolName: 'look', content: 'seen' }])
})

test('runs a confirmed tool and shows it, then goes on', async () => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran), look] }
  const paused = await testRun({ turns: [call(['refund', { cents: 5 }], ['look', {}])], agent })
  const run = await answer(paused, agent, { refund: CONFIRMED })
  expect(ran).toEqual([{ cents: 5 }])
  expect(run.kinds).toEqual(['tool-start', 'tool-end', 'model-start', 'content', 'model-end', 'content-end'])
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
  expect(run.result.requirements).toBeUndefined()
  expect(run.result.metrics.usage.totalTokens).toBe(30)
})

test.each<[string, Given, string]>([
  ['with the words of whoever rejected it', { ...REJECTED, note: 'Too much.' }, 'Too much.'],
  ['in words of its own', REJECTED, 'Function call was rejected by the user'],
  ['also where nobody answered', null, 'Function call was rejected by the user'],
])('tells the model of a rejection %s, and runs nothing', async (_, given, content) => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran, { stopAfterToolCall: true })] }
  const paused = await testRun({ turns: [call(['refund', { cents: 5 }])], agent })
  const run = await answer(paused, agent, { refund: given })
  expect(ran).toEqual([])
  expect(toolMessages(run.messages)).toMatchObject([{ content, isError: true, input: { cents: 5 } }])
  expect(run.kinds).toEqual(['model-start', 'content', 'model-end', 'content-end'])
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
})

test('asks nobody about a call whose input does not fit', async () => {
  const agent = { tools: [makeRefund()] }
  const run = await testRun({ turns: [call(['refund', { cents: -5 }]), say('Sorry.')], agent })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Sorry.' })
  expect(toolMessages(run.messages)).toMatchObject([{ isError: true, content: expect.stringContaining('- cents') }])
})

test('hides what a person fills in from the model, and lays it over the input', async () => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran, { requiresConfirmation: false, requiresUserInput: ['reason'] })] }
  const paused = await testRun({ turns: [call(['refund', { cents: 5 }])], agent })
  expect(paused.requests[0]?.tools[0]?.parameters).toMatchObject({ properties: { cents: {} }, required: ['cents'] })
  expect(paused.requests[0]?.tools[0]?.parameters).not.toHaveProperty('properties.reason')
  expect(paused.result.requirements).toMatchObject([
    {
      kind: 'user-input',
      fields: [
        { name: 'cents', fieldType: 'int', description: null, value: 5 },
        { name: 'reason', fieldType: 'str', description: null, value: null },
      ],
    },
  ])
  const run = await answer(paused, agent, { refund: { values: { reason: 'broken' } } })
  expect(ran).toEqual([{ cents: 5, reason: 'broken' }])
  const input = { cents: 5, reason: 'broken' }
  expect(run.events.find(({ type }) => type === 'tool-start')).toMatchObject({ tool: { input } })
  expect(toolMessages(run.messages)).toMatchObject([{ content: 'refunded', input }])
})

test('offers all arguments where all may be changed, and checks what comes back', async () => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran, { requiresConfirmation: false, requiresUserInput: true })] }
  const paused = await testRun({ turns: [call(['refund', ''])], agent })
  expect(paused.result.requirements?.[0]?.fields.map(({ value }) => value)).toEqual([null, null])
  const wrong = await answer(paused, agent, { refund: { values: { cents: 'five' } } })
  expect(ran).toEqual([])
  expect(toolMessages(wrong.messages)).toMatchObject([{ isError: true, content: expect.stringContaining('- cents') }])
  await answer(paused, agent, { refund: { values: { cents: 7 } } })
  expect(ran).toEqual([{ cents: 7 }])
})

test('asks questions and gives the model what was chosen', async () => {
  const agent = { tools: [askUser()] }
  const options = [{ label: 'Red' }, { label: 'Blue', description: 'Like the sky' }]
  const questions = [{ question: 'Which colour?', header: 'Colour', options, multi_select: true }]
  const paused = await testRun({ turns: [call(['ask_user', { questions }])], agent })
  expect(paused.result.requirements).toMatchObject([
    {
      kind: 'user-feedback',
      questions: [
        {
          question: 'Which colour?',
          header: 'Colour',
          options: [
            { label: 'Red', description: null },
            { label: 'Blue', description: 'Like the sky' },
          ],
          multiSelect: true,
        },
      ],
    },
  ])
  const run = await answer(paused, agent, { ask_user: { selections: [['Red', 'Blue']] } })
  expect(toolMessages(run.messages)).toMatchObject([
    {
      content: 'User feedback received: [{"question":"Which colour?","selected":["Red","Blue"]}]',
      isError: false,
    },
  ])
  const nothing = await testRun({ turns: [call(['ask_user', { questions: [] }]), say('Sorry.')], agent })
  expect(nothing.result.status).toBe('COMPLETED')
})

test('takes the result of a tool that somebody else runs, and ends with it where the tool says so', async () => {
  const pay = tool({
    name: 'pay',
    input: {},
    externalExecution: true,
    externalExecutionSilent: true,
    stopAfterToolCall: true,
  })
  const agent = { tools: [pay] }
  const paused = await testRun({ turns: [call(['pay', { n: 1 }])], agent })
  expect(paused.result.requirements).toMatchObject([
    { kind: 'external-execution', silent: true, stopAfterToolCall: true, input: { n: 1 } },
  ])
  const run = await answer(paused, agent, { pay: { result: 'paid' } }, { turns: [] })
  expect(run.requests).toHaveLength(0)
  expect(run.kinds).toEqual(['content', 'content-end'])
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'paid' })
})

test.each<[string, Partial<ToolOptions<z.ZodObject>>]>([
  ['fill in', { requiresConfirmation: false, requiresUserInput: true }],
  ['carry out', { requiresConfirmation: false, externalExecution: true, run: undefined }],
])('takes a rejection of what somebody was to %s', async (_, more) => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran, more)] }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }])], agent })
  const run = await answer(paused, agent, { refund: { ...REJECTED, values: { cents: 2 }, result: 'x' } })
  expect(ran).toEqual([])
  expect(toolMessages(run.messages)).toMatchObject([{ isError: true, content: expect.stringMatching(/rejected/) }])
})

test.each(['required', 'audit'] as const)('gives a requirement with approval "%s" an id for it', async (approval) => {
  const agent = { tools: [makeRefund([], { approval })] }
  const run = await testRun({ turns: [call(['refund', { cents: 5 }])], agent })
  expect(run.result.requirements).toMatchObject([{ approval, approvalId: expect.any(String) }])
})

test('pauses for several calls at once, and again in later steps', async () => {
  const ran: unknown[] = []
  const agent = { tools: [makeRefund(ran)] }
  const first = await testRun({ turns: [call(['refund', { cents: 1 }], ['refund', { cents: 2 }])], agent })
  expect(first.result.requirements?.map(({ input }) => input)).toEqual([{ cents: 1 }, { cents: 2 }])
  const second = await answer(first, agent, { refund: CONFIRMED }, { turns: [call(['refund', { cents: 3 }])] })
  expect(second.result).toMatchObject({ status: 'PAUSED', requirements: [{ input: { cents: 3 } }] })
  expect(second.result.requirements).toHaveLength(1)
  const messages = [...first.messages, ...second.messages]
  const third = await answer({ ...second, messages }, agent, { refund: REJECTED })
  expect(ran).toEqual([{ cents: 1 }, { cents: 2 }])
  expect(third.result.status).toBe('COMPLETED')
})

test('goes on waiting for what was not answered, where silence is no answer', async () => {
  const pay = tool({ name: 'pay', input: {}, externalExecution: true })
  const fill = makeRefund([], { requiresConfirmation: false, requiresUserInput: true })
  const agent = { tools: [pay, fill] }
  const paused = await testRun({ turns: [call(['pay', {}], ['refund', { cents: 1 }])], agent })
  const run = await answer(paused, agent, { refund: { values: {} } })
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [paused.result.requirements?.[0]] })
  expect(toolMessages(run.messages)).toMatchObject([{ toolName: 'refund', content: 'refunded' }])
})

test('answers calls past the limit instead of asking for them', async () => {
  const agent = { tools: [makeRefund()], toolCallLimit: 1 }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }], ['refund', { cents: 2 }])], agent })
  expect(paused.result.requirements).toHaveLength(1)
  expect(toolMessages(paused.messages)).toMatchObject([{ isError: true, content: expect.stringMatching(/limit of 1/) }])
  const run = await answer(paused, agent, { refund: CONFIRMED })
  expect(toolMessages(run.messages)).toMatchObject([{ content: 'refunded', isError: false }])
})

test('tells the model when the tool that was confirmed is gone in the revision that goes on', async () => {
  const pay = tool({ name: 'pay', input: {}, externalExecution: true })
  const agent = { tools: [makeRefund(), pay] }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }], ['pay', {}])], agent })
  const given = { refund: CONFIRMED, pay: { result: 'paid' } }
  const run = await answer(paused, agent, given, { agent: { tools: [look] } })
  expect(toolMessages(run.messages)).toMatchObject([
    { isError: true, content: 'There is no tool "refund". Tools that exist: look.' },
    { isError: false, content: 'paid' },
  ])
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
})

test('asks anew for a call that was confirmed and is now run by somebody else', async () => {
  const agent = { tools: [makeRefund()] }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }])], agent })
  const moved = { tools: [tool({ name: 'refund', input: {}, externalExecution: true })] }
  const run = await answer(paused, agent, { refund: CONFIRMED }, { agent: moved })
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'external-execution' }] })
})

test('keeps to the schema of the answer across a pause', async () => {
  const agent = { tools: [makeRefund()], outputSchema: z.object({ ok: z.boolean() }) }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }])], agent })
  const turns = [say('no json'), say('{"ok":true}')]
  const run = await answer(paused, agent, { refund: CONFIRMED }, { turns })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: { ok: true } })
})

test('ends with the result of a confirmed tool that ends the run, once every call has its answer', async () => {
  const agent = { tools: [makeRefund([], { stopAfterToolCall: true }), look] }
  const paused = await testRun({ turns: [call(['look', {}], ['refund', { cents: 1 }])], agent })
  const run = await answer(paused, agent, { refund: CONFIRMED }, { turns: [] })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'refunded' })
})

test('is cancelled, not paused, when the cancel comes while the other tools run', async () => {
  const controller = new AbortController()
  const stop = tool({ name: 'stop', input: {}, run: () => controller.abort(new Error('x')) })
  const agent = { tools: [makeRefund(), stop] }
  const ports = { signal: controller.signal }
  const run = await testRun({ turns: [call(['refund', { cents: 1 }], ['stop', {}])], agent, ports })
  expect(run.result.status).toBe('CANCELLED')
})

test('fails a run at its pause when its state cannot be stored', async () => {
  const spoil = tool({ name: 'spoil', input: {}, run: (_, ctx) => void (ctx.sessionState['x'] = new Map()) })
  const agent = { tools: [makeRefund(), spoil] }
  const run = await testRun({ turns: [call(['refund', { cents: 1 }], ['spoil', {}])], agent })
  expect(run.result).toMatchObject({ status: 'ERROR', error: { code: 'AGENT_FAILED' } })
  expect(run.result.requirements).toBeUndefined()
})

test('goes on with new words although calls before them have no result', async () => {
  const agent = { tools: [makeRefund()] }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }])], agent })
  const words: Message = { role: 'user', id: 'u', createdAt: 1, content: 'Forget it.' }
  const journal = [...paused.messages, words]
  const run = await testRun({ turns: [say('Fine.')], agent, job: { journal, attempt: 2 } })
  expect(run.requests[0]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user'])
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Fine.' })
  expect(run.messages.map(({ role }) => role)).toEqual(['assistant'])
})

test('counts the limits of a turn from the last words of the user', async () => {
  const agent = { tools: [look], maxSteps: 2, toolCallLimit: 1 }
  const first = await testRun({ turns: [call(['look', {}]), say('One.')], agent })
  const words: Message = { role: 'user', id: 'u', createdAt: 1, content: 'And now?' }
  const job = { journal: [...first.messages, words], attempt: 2 }
  const run = await testRun({ turns: [call(['look', {}]), say('Two.')], agent, job })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Two.' })
  expect(toolMessages(run.messages)).toMatchObject([{ content: 'seen' }])
})

test('starts a new turn after a call that had ended the one before', async () => {
  const stop = tool({ name: 'stop', input: {}, stopAfterToolCall: true, run: () => 'stopped' })
  const first = await testRun({ turns: [call(['stop', {}])], agent: { tools: [stop] } })
  const words: Message = { role: 'user', id: 'u', createdAt: 1, content: 'Go on.' }
  const job = { journal: [...first.messages, words], attempt: 2 }
  const run = await testRun({ turns: [call(['stop', {}]), say('never')], agent: { tools: [stop] }, job })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'stopped' })
})

const input = z.object({ cents: z.number() })

test('asks for the calls of an AI SDK tool that say so, with what its function gets to see', async () => {
  const seen: unknown[] = []
  const refund = aiTool({
    inputSchema: input,
    execute: ({ cents }) => `refunded ${cents}`,
    needsApproval: ({ cents }, options) => {
      seen.push(options.toolCallId, options.messages)
      return cents > 100
    },
  })
  const agent = { tools: { refund } }
  const run = await testRun({ turns: [call(['refund', { cents: 1 }], ['refund', { cents: 200 }])], agent })
  expect(run.result.requirements).toMatchObject([{ kind: 'confirmation', input: { cents: 200 } }])
  expect(toolMessages(run.messages)).toMatchObject([{ content: 'refunded 1' }])
  expect(seen[1]).toMatchObject([{ role: 'user' }])
  const after = await answer(run, agent, { refund: CONFIRMED })
  expect(toolMessages(after.messages)).toMatchObject([{ content: 'refunded 200' }])
})

test('tells the model when the function that decides on asking fails, and runs nothing', async () => {
  const ran: unknown[] = []
  const refund = aiTool({
    inputSchema: input,
    execute: () => ran.push(1),
    needsApproval: () => Promise.reject(new Error('no rules')),
  })
  const run = await testRun({ turns: [call(['refund', { cents: 1 }]), say('Sorry.')], agent: { tools: { refund } } })
  expect(ran).toEqual([])
  expect(toolMessages(run.messages)).toMatchObject([{ isError: true, content: 'Tool "refund" failed: no rules' }])
})

test('leaves an AI SDK tool without execute to somebody else', async () => {
  const agent = { tools: { refund: { inputSchema: input } } }
  const paused = await testRun({ turns: [call(['refund', { cents: 1 }])], agent })
  expect(paused.result.requirements).toMatchObject([{ kind: 'external-execution', silent: false }])
})
