import { tool } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { call, say, testRun } from './test-run.ts'

const note = tool({ name: 'note', input: {}, run: (_, ctx) => void (ctx.sessionState['noted'] = true) })

test('stops before the next model call, with everything a later attempt needs', async () => {
  const turns = [call(['note', {}]), say('Done.')]
  let asked = 0
  // The request comes while the tool runs.
  const first = await testRun({ turns, agent: { tools: [note] }, ports: { handOver: () => ++asked > 1 } })
  expect(first.result).toMatchObject({ status: 'PENDING', statePatch: { set: { noted: true } } })
  expect(first.result.error).toBeUndefined()
  expect(first.kinds).toEqual(['run-start', 'model-start', 'model-end', 'tool-start', 'tool-end'])
  expect(first.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool'])
  const second = await testRun({
    turns: turns.slice(1),
    agent: { tools: [note] },
    job: { journal: first.messages, attempt: 2, sessionState: { noted: true } },
  })
  expect(second.result).toMatchObject({ status: 'COMPLETED', content: 'Done.', statePatch: { set: {}, unset: [] } })
  expect(second.kinds).toEqual(['model-start', 'content', 'model-end', 'content-end'])
})

test('stops before the first model call, with what was asked', async () => {
  const run = await testRun({
    turns: [say('never')],
    agent: { instructions: 'Be kind.' },
    ports: { handOver: () => true },
  })
  expect(run.requests).toHaveLength(0)
  expect(run.result.status).toBe('PENDING')
  expect(run.result.uncommitted.map(({ role }) => role)).toEqual(['system', 'user'])
})

test('ends as it would have when no step follows', async () => {
  let asked = 0
  const run = await testRun({ turns: [say('Done.')], ports: { handOver: () => ++asked > 1 } })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'Done.' })
})

test('runs the calls that wait before it stops: a run that is handed over has none without a result', async () => {
  const ran: unknown[] = []
  const act = tool({ name: 'act', input: {}, run: () => void ran.push(1) })
  const first = await testRun({ turns: [call(['act', {}])], agent: { tools: [act], maxSteps: 1 } })
  ran.length = 0
  const job = { journal: first.messages.slice(0, 2), attempt: 2 }
  const run = await testRun({ turns: [say('never')], agent: { tools: [act] }, job, ports: { handOver: () => true } })
  expect(run.result.status).toBe('PENDING')
  expect(ran).toHaveLength(1)
})

test('is handed over in the middle of mending an answer, and counts that as mended once', async () => {
  const agent = { outputSchema: z.object({ ok: z.boolean() }) }
  let asked = 0
  const first = await testRun({ turns: [say('no json')], agent, ports: { handOver: () => ++asked > 1 } })
  expect(first.result.status).toBe('PENDING')
  const job = { journal: first.messages, attempt: 2 }
  const second = await testRun({ turns: [say('still none')], agent, job })
  expect(second.result).toMatchObject({ status: 'ERROR', error: { code: 'OUTPUT_INVALID' } })
  expect(second.requests).toHaveLength(1)
})

test('a cancel wins', async () => {
  const ports = { handOver: () => true, signal: AbortSignal.abort(new Error('x')) }
  expect((await testRun({ turns: [say('never')], ports })).result.status).toBe('CANCELLED')
})
