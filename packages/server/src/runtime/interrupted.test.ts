import { tool, type AgentOptions, type Effect } from '@agentos/sdk'
import { tool as aiTool } from 'ai'
import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Message } from '../base/message.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'
import { call, say, testRun } from './test-run.ts'

const NO_ANSWER: RequirementAnswer = { confirmed: null, note: null, values: null, selections: null, result: null }

/** A run that was lost after its reply was committed, with what people had answered before. */
async function recover(agent: AgentOptions, requirements: readonly Requirement[] = [], interrupted = true) {
  const before = await testRun({ turns: [call(['act', { n: 1 }])], agent: { tools: agentless(agent), maxSteps: 1 } })
  const journal = before.messages.filter(({ role }) => role !== 'tool')
  return testRun({ turns: [say('Done.')], agent, job: { journal, requirements, attempt: 3, interrupted } })
}

/** Tools of the same names that do nothing. */
function agentless({ tools }: AgentOptions) {
  const names = Array.isArray(tools) ? tools.map(({ name }: { name: string }) => name) : Object.keys(tools ?? {})
  return names.map((name) => tool({ name, input: {}, effect: 'read', run: () => '' }))
}

function requirementOf(kind: Requirement['kind'], given: Partial<RequirementAnswer> | null): Requirement {
  return {
    id: 'r',
    createdAt: 1,
    kind,
    toolCallId: 'call-1',
    toolName: 'act',
    input: { n: 1 },
    stopAfterToolCall: false,
    fields: [],
    questions: [],
    silent: false,
    approval: null,
    approvalId: null,
    answer: given === null ? null : { ...NO_ANSWER, ...given },
  }
}

function actOf(effect: Effect, ran: unknown[], more: { requiresConfirmation?: boolean } = {}) {
  return tool({
    name: 'act',
    input: {},
    effect,
    run: (input, ctx) => {
      ran.push([input, ctx.effectKey])
      return 'acted'
    },
    ...more,
  })
}

const toolMessages = (messages: readonly Message[]) => messages.filter((message) => message.role === 'tool')

test.each<Effect>(['read', 'idempotent', 'keyed'])(
  'runs an open call of a %s tool again, with the same key',
  async (effect) => {
    const ran: unknown[] = []
    const run = await recover({ tools: [actOf(effect, ran)] })
    expect(ran).toEqual([[{ n: 1 }, 'run-1:call-1']])
    expect(run.result.status).toBe('COMPLETED')
  },
)

test('asks anew where nobody had answered: without an answer the call cannot have run', async () => {
  const ran: unknown[] = []
  const run = await recover({ tools: [actOf('once', ran, { requiresConfirmation: true })] })
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'confirmation' }] })
  expect(ran).toEqual([])
})

test('does not run a confirmed call of effect once again', async () => {
  const ran: unknown[] = []
  const agent = { tools: [actOf('once', ran, { requiresConfirmation: true })] }
  const run = await recover(agent, [requirementOf('confirmation', { confirmed: true })])
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'outcome-unknown' }] })
  expect(ran).toEqual([])
})

test('runs a confirmed keyed call again', async () => {
  const ran: unknown[] = []
  const agent = { tools: [actOf('keyed', ran, { requiresConfirmation: true })] }
  const run = await recover(agent, [requirementOf('confirmation', { confirmed: true })])
  expect(run.result.status).toBe('COMPLETED')
  expect(ran).toHaveLength(1)
})

test('keeps what a person filled in when the outcome of the call is unknown', async () => {
  const ran: unknown[] = []
  const act = tool({
    name: 'act',
    input: { properties: { n: {} } },
    requiresUserInput: true,
    run: (given) => void ran.push(given),
  })
  const lost = await recover({ tools: [act] }, [requirementOf('user-input', { values: { n: 2 } })])
  expect(lost.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'outcome-unknown', input: { n: 2 } }] })
  const [unknown] = lost.result.requirements ?? []
  if (unknown === undefined) throw new Error('no requirement')
  const again = { ...unknown, answer: { ...NO_ANSWER, confirmed: true } }
  const run = await recover({ tools: [act] }, [again], false)
  expect(ran).toEqual([{ n: 2 }])
  expect(toolMessages(run.messages)).toMatchObject([{ input: { n: 2 } }])
})

test.each<[string, Requirement, string, boolean]>([
  ['a rejection', requirementOf('confirmation', { confirmed: false, note: 'No.' }), 'No.', true],
  ['a result', requirementOf('external-execution', { result: 'paid' }), 'paid', false],
  ['a choice', requirementOf('user-feedback', { selections: [] }), 'User feedback received: []', false],
  ['a reported outcome', requirementOf('outcome-unknown', { result: 'it went out' }), 'it went out', false],
])('applies %s again without doubt', async (_, requirement, content, isError) => {
  const run = await recover({ tools: [actOf('once', [])] }, [requirement])
  expect(toolMessages(run.messages)).toMatchObject([{ content, isError }])
  expect(run.result.status).toBe('COMPLETED')
})

test('runs a call of unknown outcome once for each time a person says so', async () => {
  const ran: unknown[] = []
  const agent = { tools: [actOf('once', ran)] }
  const confirmed = requirementOf('outcome-unknown', { confirmed: true })
  const run = await recover(agent, [confirmed], false)
  expect(run.result.status).toBe('COMPLETED')
  expect(ran).toHaveLength(1)
  const lostAgain = await recover(agent, [confirmed])
  expect(lostAgain.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'outcome-unknown' }] })
  expect(ran).toHaveLength(1)
})

test('tells the model that an outcome stays unknown when nobody wants the call again', async () => {
  const agent = { tools: [actOf('once', [])] }
  const run = await recover(
    agent,
    [requirementOf('outcome-unknown', { confirmed: false, note: 'Ask the bank.' })],
    false,
  )
  expect(toolMessages(run.messages)).toMatchObject([
    { isError: true, content: expect.stringMatching(/unknown whether it took effect.*Ask the bank\.$/) },
  ])
  const waiting = await recover(agent, [requirementOf('outcome-unknown', null)], false)
  expect(waiting.result).toMatchObject({ status: 'PAUSED', requirements: [{ id: 'r', kind: 'outcome-unknown' }] })
})

test('takes a call for possibly run where its tool decides anew whether to ask', async () => {
  const act = aiTool({ inputSchema: z.object({ n: z.number() }), execute: () => 'acted', needsApproval: () => true })
  const run = await recover({ tools: { act } })
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'outcome-unknown' }] })
})

test('takes a call of a tool that is gone for one that must not run twice', async () => {
  const before = await testRun({ turns: [call(['act', {}])], agent: { tools: [actOf('read', [])], maxSteps: 1 } })
  const job = { journal: before.messages.slice(0, 2), attempt: 2, interrupted: true }
  const run = await testRun({ turns: [say('Done.')], job })
  expect(run.result).toMatchObject({ status: 'PAUSED', requirements: [{ kind: 'outcome-unknown' }] })
})
