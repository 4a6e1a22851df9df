import { tool, type Effect } from '@agentos/sdk'
import { expect, test } from 'vitest'
import type { Message } from '../base/message.ts'
import { call, say, testRun, type TestRunOptions } from './test-run.ts'

const steps = (effect: Effect, ran: string[] = []) =>
  tool({ name: 'act', input: {}, effect, run: (_, ctx) => void ran.push(ctx.effectKey) })

/** Every message of a run that took two tool steps. */
async function journalOf(options: TestRunOptions): Promise<readonly Message[]> {
  return (await testRun(options)).messages
}

test.each<Effect>(['read', 'idempotent', 'keyed'])(
  'goes on at every prefix of the journal with %s tools',
  async (effect) => {
    const turns = [call(['act', {}], ['act', {}]), call(['act', {}]), say('Done.')]
    const journal = await journalOf({ turns, agent: { tools: [steps(effect)], instructions: 'Be kind.' } })
    expect(journal).toHaveLength(8)
    for (let length = 2; length <= journal.length; length++) {
      const prefix = journal.slice(0, length)
      const taken = prefix.filter((message) => message.role === 'assistant').length
      const run = await testRun({
        turns: turns.slice(taken),
        agent: { tools: [steps(effect)] },
        job: { journal: prefix, attempt: 2, interrupted: true },
      })
      expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
      const whole = [...prefix, ...run.messages]
      expect(whole.map(({ role }) => role)).toEqual(journal.map(({ role }) => role))
      expect(run.kinds).not.toContain('run-start')
      expect(run.result.metrics.usage.totalTokens).toBe(45)
    }
  },
)

test('passes the same effect key on every try of a call', async () => {
  const before: string[] = []
  const after: string[] = []
  const turns = [call(['act', {}]), say('Done.')]
  const journal = await journalOf({ turns, agent: { tools: [steps('keyed', before)] } })
  await testRun({
    turns: turns.slice(1),
    agent: { tools: [steps('keyed', after)] },
    job: { journal: journal.slice(0, 2), interrupted: true },
  })
  expect(after).toEqual(before)
})

test('never runs a tool of effect once again after a loss: the run pauses, its outcome unknown', async () => {
  const ran: string[] = []
  const agent = { tools: [steps('once', ran)] }
  const journal = await journalOf({ turns: [call(['act', { n: 1 }]), say('Done.')], agent })
  ran.length = 0
  const job = { journal: journal.slice(0, 2), attempt: 2, interrupted: true }
  const run = await testRun({ turns: [say('Done.')], agent, job })
  expect(run.result).toMatchObject({ status: 'PAUSED', uncommitted: [] })
  expect(run.result.requirements).toMatchObject([
    { kind: 'outcome-unknown', toolCallId: 'call-1', toolName: 'act', input: { n: 1 }, answer: null },
  ])
  expect(run.kinds).toEqual(['content-end'])
  expect(ran).toEqual([])
})

test('runs the open calls of an attempt that ended in order, whatever their effect', async () => {
  const ran: string[] = []
  const agent = { tools: [steps('once', ran)] }
  const journal = await journalOf({ turns: [call(['act', {}]), say('Done.')], agent })
  ran.length = 0
  const run = await testRun({ turns: [say('Done.')], agent, job: { journal: journal.slice(0, 2), attempt: 2 } })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
  expect(ran).toHaveLength(1)
})

test('keeps the system message of the first attempt', async () => {
  const journal = await journalOf({
    turns: [call(['act', {}])],
    agent: { tools: [steps('read')], maxSteps: 1, instructions: 'One.' },
  })
  const run = await testRun({
    turns: [say('ok')],
    agent: { tools: [steps('read')], instructions: 'Two.' },
    job: { journal },
  })
  expect(run.requests[0]?.messages[0]).toMatchObject({ role: 'system', content: 'One.' })
})

test('refuses a journal that is no transcript', async () => {
  const journal = (await journalOf({ turns: [say('ok')] })).toReversed()
  const run = await testRun({ turns: [say('ok')], job: { journal: [...journal, ...journal, ...toolMessage] } })
  expect(run.result).toMatchObject({ status: 'ERROR', error: { code: 'INTERNAL' }, uncommitted: [] })
})

const toolMessage: readonly Message[] = [
  {
    id: 'm',
    createdAt: 0,
    role: 'tool',
    toolCallId: 'nobody',
    toolName: 'act',
    input: {},
    content: '',
    isError: false,
    durationMs: 0,
  },
]
