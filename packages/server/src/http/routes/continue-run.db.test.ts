import { RunOutput } from '@agentos/wire'
import { createEventStreamParser } from '@agentos/wire/client'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Requirement } from '../../base/requirement.ts'
import type { RunJob } from '../../base/run.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { AT, COMPLETED, MODEL } from '../testing/fake-runs.ts'
import { openReplica, paused, type Replica, requirement } from '../testing/replica.ts'
import { conversation } from '../testing/stored-run.ts'

/** A poll gives up after a second otherwise, which a busy machine may need. */
const PATIENT = { timeout: 10_000 }

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})
beforeEach(() => {
  server.play = (run) => run.handlers.onDone(COMPLETED)
})

type Fields = Record<string, unknown>
const post = (path: string, body: Fields) =>
  server.app.inject({
    method: 'POST',
    url: `/agents/assistant${path}`,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(body),
  })
type Given = { readonly runId: string; readonly sessionId: string }
const carryOn = ({ runId, sessionId }: Given, body: Fields = {}) =>
  post(`/runs/${runId}/continue`, { session_id: sessionId, stream: false, ...body })
const framesOf = (text: string) =>
  createEventStreamParser()
    .push(text)
    .map(({ id, event, data }) => ({ id, event, data: JSON.parse(data) }))
const sent = (rest: Fields) => ({ tools: [{ tool_call_id: 'call_1', ...rest }] })
const lastJob = (): RunJob => server.executor.started.at(-1)!.job

/** A run that waits for answers; its answer to them is to complete. */
async function pause(...requirements: readonly Requirement[]): Promise<Given> {
  server.play = ({ job, handlers }) => handlers.onDone(job.attempt === 1 ? paused(...requirements) : COMPLETED)
  const { run_id, session_id } = (await post('/runs', { message: 'hi', stream: false })).json()
  return { runId: run_id, sessionId: session_id }
}

async function finish(result = COMPLETED): Promise<Given> {
  server.play = ({ handlers }) => handlers.onDone({ ...result, uncommitted: conversation('m', 'hi') })
  const { run_id, session_id } = (await post('/runs', { message: 'hi', stream: false })).json()
  server.play = ({ handlers }) => handlers.onDone(COMPLETED)
  return { runId: run_id, sessionId: session_id }
}

describe('a run that waits for answers', () => {
  test('is a 200 with status PAUSED, what it waits for, and the call among its tools', async () => {
    server.play = ({ handlers }) => handlers.onDone(paused(requirement()))
    const answer = await post('/runs', { message: 'hi', stream: false })
    expect(answer.statusCode).toBe(200)
    expect(RunOutput.safeParse(answer.json()).error).toBeUndefined()
    expect(answer.json()).toMatchObject({
      status: 'PAUSED',
      content: 'I have tools to execute, but I need confirmation.',
      last_checkpoint_at_message_index: 2,
      tools: [{ tool_call_id: 'call_1', requires_confirmation: true, confirmed: null, result: null }],
      requirements: [{ id: 'requirement-1', tool_execution: { tool_name: 'send_mail' } }],
    })
    const { run_id, session_id } = answer.json()
    const read = await server.app.inject(`/agents/assistant/runs/${run_id}?session_id=${session_id}`)
    expect(read.json()).toEqual(answer.json())
  })

  test('ends its stream with RunPaused', async () => {
    server.play = ({ handlers }) => {
      handlers.onEvents([{ type: 'run-start', at: AT, model: MODEL }])
      handlers.onDone(paused(requirement()))
    }
    const frames = framesOf((await post('/runs', { message: 'hi' })).body)
    expect(frames.map(({ id, event }) => `${id} ${event}`)).toEqual(['0 RunStarted', '1 RunPaused'])
    expect(frames[1]?.data).not.toHaveProperty('event_index')
  })

  test('goes on with the answer, as one run', async () => {
    const run = await pause(requirement())
    const tools = [{ tool_call_id: 'call_1', tool_name: 'send_mail', requires_confirmation: true, confirmed: true }]
    const answer = await carryOn(run, { tools })
    expect([answer.statusCode, answer.json()]).toMatchObject([200, { status: 'COMPLETED', run_id: run.runId }])
    expect(lastJob()).toMatchObject({ attempt: 2, interrupted: false })
    expect(lastJob().requirements[0]?.answer).toMatchObject({ confirmed: true, result: null })
    expect(answer.json().requirements).toMatchObject([{ confirmation: true }])
  })

  test('takes forms too, with tools as JSON text', async () => {
    const run = await pause(requirement())
    const payload = new URLSearchParams({
      session_id: run.sessionId,
      stream: 'false',
      tools: JSON.stringify([{ tool_call_id: 'call_1', confirmed: false, confirmation_note: 'no' }]),
    }).toString()
    const answer = await server.app.inject({
      method: 'POST',
      url: `/agents/assistant/runs/${run.runId}/continue`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload,
    })
    expect([answer.statusCode, answer.json().status]).toEqual([200, 'COMPLETED'])
    expect(lastJob().requirements[0]?.answer).toMatchObject({ confirmed: false, note: 'no' })
  })

  test('takes requirements, with the answer beside the call', async () => {
    const run = await pause(requirement())
    const requirements = [{ id: 'requirement-1', confirmation: true, tool_execution: { tool_call_id: 'call_1' } }]
    expect((await carryOn(run, { requirements })).json().status).toBe('COMPLETED')
    expect(lastJob().requirements[0]?.answer).toMatchObject({ confirmed: true })
  })

  test('streams what comes after the answer, each event with its index in the run', async () => {
    const run = await pause(requirement())
    const answer = await carryOn(run, { stream: true, tools: [{ tool_call_id: 'call_1', confirmed: true }] })
    expect(answer.headers['content-type']).toContain('text/event-stream')
    expect(framesOf(answer.body).map(({ id, event, data }) => [id, event, data.event_index, data.run_id])).toEqual([
      ['1', 'RunContinued', 1, run.runId],
      ['2', 'RunCompleted', 2, run.runId],
    ])
  })

  test('is answered once: of twenty clicks at the same time one goes on with it', async () => {
    const run = await pause(requirement())
    const goOn = Promise.withResolvers<() => void>()
    server.play = ({ handlers }) => goOn.resolve(() => handlers.onDone(COMPLETED))
    const before = server.executor.started.length
    let refused = 0
    const clicks = Array.from({ length: 20 }, async () => {
      const { statusCode } = await carryOn(run, sent({ confirmed: true }))
      if (statusCode === 409) refused++
      return statusCode
    })
    await expect.poll(() => refused, PATIENT).toBe(19)
    ;(await goOn.promise)()
    expect((await Promise.all(clicks)).filter((status) => status === 200)).toHaveLength(1)
    expect(server.executor.started.length - before).toBe(1)
    for (const body of [sent({ confirmed: true }), sent({ confirmed: true, result: 'x' })]) {
      const late = await carryOn(run, body)
      expect([late.statusCode, late.json().error_id]).toEqual([409, 'RUN_NOT_PAUSED'])
    }
  })

  test('is answered with its end when it leaves its replica on the way there', async () => {
    const run = await pause(requirement())
    server.play = ({ job, handlers }) => {
      if (job.attempt === 2) handlers.onLost('its worker ended')
      else handlers.onDone({ ...COMPLETED, content: 'third try' })
    }
    const answer = await carryOn(run, sent({ confirmed: true }))
    expect(answer.json()).toMatchObject({ status: 'COMPLETED', content: 'third try', run_id: run.runId })
  })

  test('is left to the queue with background: 202, or a stream of what comes', async () => {
    const tools = [{ tool_call_id: 'call_1', confirmed: true }]
    const run = await pause(requirement())
    const answer = await carryOn(run, { background: true, tools })
    expect([answer.statusCode, answer.json()]).toEqual([
      202,
      { run_id: run.runId, session_id: run.sessionId, status: 'PENDING' },
    ])
    const streamed = await carryOn(await pause(requirement()), { background: true, stream: true, tools })
    const frames = framesOf(streamed.body)
    expect(frames.at(-1)?.event).toBe('RunCompleted')
    expect(frames.map(({ data }) => data.event_index)).toEqual(frames.map((_, index) => index + 1))
  })
})

const fields = [
  { name: 'city', fieldType: 'str', description: null, value: null },
  { name: 'days', fieldType: 'int', description: null, value: 3 },
]
const input = requirement({ kind: 'user-input', fields })
const options = [
  { label: 'Red', description: null },
  { label: 'Blue', description: null },
]
const feedback = requirement({
  kind: 'user-feedback',
  questions: [{ question: 'Which?', header: null, options, multiSelect: false }],
})
const external = requirement({ kind: 'external-execution' })
const unknown = requirement({ kind: 'outcome-unknown' })

test.each([
  [
    'user input',
    input,
    sent({ user_input_schema: [{ name: 'city', value: 'Oslo' }] }),
    { values: { city: 'Oslo', days: 3 } },
  ],
  [
    'feedback',
    feedback,
    sent({ user_feedback_schema: [{ question: 'Which?', selected_options: ['Red'] }] }),
    { selections: [['Red']] },
  ],
  ['a result', external, sent({ result: 'sent' }), { result: 'sent' }],
  ['a result that is no text', external, sent({ result: [1] }), { result: '[1]' }],
  ['the outcome', unknown, sent({ result: 'sent' }), { result: 'sent' }],
  ['leave to run again', unknown, sent({ confirmed: true }), { confirmed: true, result: null }],
])('goes on with %s', async (_, asked, body, answer) => {
  const run = await pause(asked)
  expect((await carryOn(run, body)).json()).toMatchObject({ status: 'COMPLETED' })
  expect(lastJob().requirements[0]?.answer).toMatchObject(answer)
})

test.each<[string, Requirement, Fields, string]>([
  ['no answer at all', external, {}, 'waits for answers to send_mail (call_1)'],
  ['text that is no JSON', external, { tools: '[' }, 'Invalid JSON in tools field'],
  ['no list', external, { tools: { tool_call_id: 'call_1' } }, 'Invalid structure or content for tools'],
  ['items of another shape', external, { tools: [{ id: 1 }] }, 'Invalid structure or content for tools'],
  [
    'an answer to no call',
    external,
    { tools: [{ tool_call_id: 'call_9', result: 'x' }] },
    'has no tool call call_9; it waits for send_mail (call_1)',
  ],
  [
    'an answer without its result',
    external,
    sent({ confirmed: true }),
    'Tool send_mail requires external execution, cannot continue run',
  ],
  ['an outcome that stays unknown', unknown, sent({}), 'send its result, or confirmed=true'],
  [
    'a field without a value',
    input,
    sent({ user_input_schema: [{ name: 'city', value: null }] }),
    'city: must be string',
  ],
  ['a value of another type', input, sent({ user_input_schema: [{ name: 'city', value: 7 }] }), 'city: must be string'],
  [
    'a value that the tool does not take',
    input,
    sent({ user_input_schema: [{ name: 'city', value: 'Atlantis' }] }),
    'city: must be one that exists',
  ],
  [
    'an option that is none',
    feedback,
    sent({ user_feedback_schema: [{ question: 'Which?', selected_options: ['Green'] }] }),
    'has no option "Green"',
  ],
  ['a question without an answer', feedback, sent({}), '"Which?" has no selected option'],
  ['a bad place', requirement(), { continue_from: 'somewhere' }, 'Invalid continue_from'],
  [
    'two ways of answering',
    requirement(),
    { ...sent({}), requirements: [{ id: 'requirement-1' }] },
    'either `tools` or `requirements`',
  ],
  [
    'two inputs',
    requirement(),
    { input: 'a', additional_instructions: 'b' },
    'Provide either `additional_instructions` or `input`',
  ],
  [
    'replacing without regenerating',
    requirement(),
    { replace_original: true },
    'only makes sense with `regenerate=True`',
  ],
  ['a fork that regenerates', requirement(), { regenerate: true, fork: true }, 'do not pass `fork=True`'],
  [
    'regenerating from a place',
    requirement(),
    { regenerate: true, continue_from: 1 },
    'derives the continuation boundary',
  ],
])('answers %s with 400 and what is wrong, and leaves the run as it was', async (_, asked, body, detail) => {
  const run = await pause(asked)
  const answer = await carryOn(run, body)
  expect([answer.statusCode, answer.json().error_id]).toEqual([400, 'INVALID_REQUEST'])
  expect(answer.json().detail).toContain(detail)
  const read = await server.app.inject(`/agents/assistant/runs/${run.runId}?session_id=${run.sessionId}`)
  expect(read.json().status).toBe('PAUSED')
})

describe('a run that cannot go on', () => {
  test('is 404 when it is unknown, of another session, or of another agent', async () => {
    const run = await pause(requirement())
    for (const given of [
      { ...run, runId: 'nope' },
      { ...run, sessionId: 'nope' },
    ]) {
      const answer = await carryOn(given, sent({ confirmed: true }))
      expect([answer.statusCode, answer.json().detail]).toEqual([404, `No runs found for run ID ${given.runId}`])
    }
    const url = `/agents/nope/runs/${run.runId}/continue`
    const answer = await server.app.inject({ method: 'POST', url, payload: { session_id: run.sessionId } })
    expect([answer.statusCode, answer.json().detail]).toEqual([404, 'Agent not found'])
  })

  test('is 400 without its session', async () => {
    const answer = await post('/runs/any/continue', {})
    expect([answer.statusCode, answer.json().detail]).toEqual([400, 'session_id is required for this action'])
  })

  test('is 409 while it runs, and when it was cancelled', async () => {
    server.play = () => {}
    const { live } = await server.runs.start({
      agentId: 'assistant',
      message: 'hi',
      sessionId: undefined,
      userId: null,
      options: {},
      streamed: false,
      background: false,
      priority: 0,
      idempotency: null,
      traceparent: null,
    })
    const running = await carryOn(live!)
    expect([running.statusCode, running.json().error_id]).toEqual([409, 'RUN_NOT_PAUSED'])
    await post(`/runs/${live!.runId}/cancel`, {})
    await live!.finished
    const cancelled = await carryOn(live!)
    expect([cancelled.statusCode, cancelled.json().error_id]).toEqual([409, 'RUN_NOT_CONTINUABLE'])
  })

  test('is 409 for an answer to a call that is done, when it waits for another one', async () => {
    const run = await pause(requirement())
    const again = paused(requirement({ id: 'r2', toolCallId: 'call_2' }))
    const done = { ...conversation('m', 'hi')[3]!, toolCallId: 'call_1' }
    server.play = ({ handlers }) => handlers.onDone({ ...again, uncommitted: [done, ...again.uncommitted.slice(1)] })
    expect((await carryOn(run, sent({ confirmed: true }))).json().status).toBe('PAUSED')
    const stale = await carryOn(run, sent({ confirmed: true }))
    expect([stale.statusCode, stale.json().error_id]).toEqual([409, 'RUN_NOT_PAUSED'])
    server.play = ({ handlers }) => handlers.onDone(COMPLETED)
    const tools = ['call_1', 'call_2'].map((tool_call_id) => ({ tool_call_id, confirmed: true }))
    expect((await carryOn(run, { tools })).json().status).toBe('COMPLETED')
  })
})

describe('a run that has ended', () => {
  test('goes on as a fork of itself when it completed, with what the user says now', async () => {
    const run = await finish()
    const answer = await carryOn(run, { input: 'and now?' })
    expect(answer.json()).toMatchObject({
      status: 'COMPLETED',
      session_id: run.sessionId,
      forked_from_run_id: run.runId,
      forked_from_message_index: 5,
    })
    expect(answer.json().run_id).not.toBe(run.runId)
    expect(lastJob().journal.at(-1)).toMatchObject({ role: 'user', content: 'and now?' })
    const runs = (await server.app.inject(`/sessions/${run.sessionId}/runs`)).json()
    expect(runs.map(({ forked_from_run_id }: Fields) => forked_from_run_id)).toEqual([undefined, run.runId])
  })

  test('is answered again with regenerate, which hides the first answer', async () => {
    const run = await finish()
    const answer = await carryOn(run, { regenerate: true, additional_instructions: 'shorter' })
    expect(answer.json()).toMatchObject({ regenerated_from: run.runId, forked_from_message_index: 4 })
    expect(lastJob().journal.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'tool', 'user'])
    const read = await server.app.inject(`/agents/assistant/runs/${run.runId}?session_id=${run.sessionId}`)
    expect(read.json().status).toBe('REGENERATED')
  })

  test.each([
    ['last_user', 2],
    [2, 2],
    ['4', 4],
  ])('is forked from %s', async (continue_from, kept) => {
    const answer = await carryOn(await finish(), { continue_from })
    expect(answer.json().forked_from_message_index).toBe(kept)
    expect(lastJob().journal).toHaveLength(kept)
  })

  test('names the places it can be forked from when another is asked for', async () => {
    const answer = await carryOn(await finish(), { continue_from: 3 })
    expect([answer.statusCode, answer.json().detail]).toEqual([400, expect.stringContaining('from 2, 4, 5')])
  })

  test('is tried again in place when it failed', async () => {
    const run = await finish({ ...COMPLETED, status: 'ERROR', error: { code: 'MODEL_AUTH', message: 'no' } })
    const answer = await carryOn(run)
    expect(answer.json()).toMatchObject({ status: 'COMPLETED', run_id: run.runId })
    expect(lastJob()).toMatchObject({ attempt: 2 })
  })
})
