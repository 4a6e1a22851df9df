import { getEventListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { tool, type RunContext } from '@agentos/sdk'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { AgentOSError } from '../base/errors.ts'
import type { Message } from '../base/message.ts'
import { ModelError, type ModelPart } from '../models/model.ts'
import { call, say, testRun, USAGE, type Turn } from './test-run.ts'

const weather = tool({
  name: 'weather',
  input: z.object({ city: z.string() }),
  effect: 'read',
  run: ({ city }) => ({ city, celsius: 4 }),
})
const refund = tool({ name: 'refund', input: z.object({ cents: z.number() }), run: ({ cents }) => `refunded ${cents}` })
const roles = (messages: readonly Message[]) => messages.map(({ role }) => role)
const finish: Extract<ModelPart, { type: 'finish' }> = { type: 'finish', usage: USAGE, reason: 'stop' }
const text = (text: string): ModelPart => ({ type: 'text', text })

/** Says `before`, then fails. */
const failing = (error: ModelError, ...before: readonly ModelPart[]): Turn =>
  function* () {
    yield* before
    throw error
  }
const passing = (more: { retryAfterMs?: number } = {}) =>
  new ModelError('MODEL_RATE_LIMITED', 'fake:one is busy', { retryable: true, ...more })

test('streams a plain answer in the order of the contract', async () => {
  const run = await testRun({ turns: [say('It is four degrees')], agent: { instructions: 'Be kind.' } })
  expect(run.kinds).toEqual(['run-start', 'model-start', 'content', 'model-end', 'content-end'])
  expect(run.events.filter((event) => event.type === 'content')).toHaveLength(4)
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'It is four degrees', contentType: 'str' })
  expect(run.result.error).toBeUndefined()
  expect(run.commits).toEqual([])
  expect(roles(run.messages)).toEqual(['system', 'user', 'assistant'])
  expect(run.result.metrics.usage).toEqual(USAGE)
  expect(run.result.metrics.timeToFirstTokenMs).toBeGreaterThan(0)
})

test('streams a tool call in the order of the contract', async () => {
  const run = await testRun({ turns: [call(['weather', { city: 'Oslo' }]), say('Four.')], agent: { tools: [weather] } })
  const step = ['model-start', 'model-end', 'tool-start', 'tool-end']
  expect(run.kinds).toEqual(['run-start', ...step, 'model-start', 'content', 'model-end', 'content-end'])
  expect(run.events.find((event) => event.type === 'tool-end')?.tool).toMatchObject({
    toolName: 'weather',
    input: { city: 'Oslo' },
    result: '{"city":"Oslo","celsius":4}',
    isError: false,
    stopAfterToolCall: false,
  })
  expect(run.result.metrics.usage.totalTokens).toBe(30)
})

test('shows reasoning, keeps it apart from the answer and sends the marks of the provider back', async () => {
  const marks = { fake: { signature: 's1' } }
  const turn: Turn = () => [
    { type: 'reasoning', text: 'Let me ' },
    { type: 'reasoning', text: 'think' },
    { type: 'part-end', part: 'reasoning', providerMetadata: marks },
    { type: 'tool-call', toolCallId: 'a', toolName: 'weather', input: { city: 'Oslo' } },
    { ...finish, reason: 'tool-calls' },
  ]
  const run = await testRun({ turns: [turn, say('Four.')], agent: { tools: [weather] } })
  expect(run.kinds.slice(0, 4)).toEqual(['run-start', 'model-start', 'reasoning', 'model-end'])
  expect(run.result).toMatchObject({ content: 'Four.', reasoning: 'Let me think' })
  expect(run.requests[1]?.messages[1]).toMatchObject({
    parts: [{ type: 'reasoning', text: 'Let me think', providerMetadata: marks }, { type: 'tool-call' }],
  })
})

test('joins the text of all steps, as it was streamed', async () => {
  const toolCall: ModelPart = { type: 'tool-call', toolCallId: 'a', toolName: 'weather', input: { city: 'Oslo' } }
  const look: Turn = () => [text('Let me look. '), toolCall, finish]
  const run = await testRun({ turns: [look, say('Four degrees.')], agent: { tools: [weather] } })
  const streamed = run.events.map((event) => (event.type === 'content' ? event.text : '')).join('')
  expect(run.result.content).toBe('Let me look. Four degrees.')
  expect(streamed).toBe(run.result.content)
})

test('commits the reply before its tools run, and results with effects before the next model call', async () => {
  const order: string[] = []
  const slow = tool({ name: 'slow', input: {}, run: () => void order.push('tool') })
  const model: Turn = () => {
    order.push('model')
    return [finish]
  }
  const run = await testRun({
    turns: [call(['slow', {}]), model],
    agent: { tools: [slow], instructions: 'Be kind.' },
    ports: {
      commit: (messages) => {
        order.push(`commit ${roles(messages).join()}`)
        return Promise.resolve()
      },
    },
  })
  expect(order).toEqual(['commit system,user,assistant', 'tool', 'commit tool', 'model'])
  expect(roles(run.result.uncommitted)).toEqual(['assistant'])
})

test('carries the results of read-only tools to the next commit', async () => {
  const turns = [call(['weather', { city: 'Oslo' }]), call(['refund', { cents: 1 }]), say('Done.')]
  const run = await testRun({ turns, agent: { tools: [weather, refund] } })
  expect(run.commits.map(roles)).toEqual([['user', 'assistant'], ['tool', 'assistant'], ['tool']])
  expect(roles(run.result.uncommitted)).toEqual(['assistant'])
})

test('does not commit for calls that never reached a tool', async () => {
  const run = await testRun({ turns: [call(['refund', { cents: 'ten' }]), say('Sorry.')], agent: { tools: [refund] } })
  expect(run.commits.map(roles)).toEqual([['user', 'assistant']])
})

test('runs the calls of a step at the same time and keeps their order in the transcript', async () => {
  const wait = tool({
    name: 'wait',
    input: z.object({ ms: z.number() }),
    run: ({ ms }) => sleep(ms, `waited ${ms}`),
  })
  const run = await testRun({
    turns: [call(['wait', { ms: 60 }], ['wait', { ms: 1 }]), say('ok')],
    agent: { tools: [wait] },
  })
  const tools = run.events.filter((event) => event.type === 'tool-start' || event.type === 'tool-end')
  expect(tools.map(({ type, tool }) => `${type} ${tool.toolCallId}`)).toEqual([
    'tool-start call-1',
    'tool-start call-2',
    'tool-end call-2',
    'tool-end call-1',
  ])
  const results = run.messages.filter((message) => message.role === 'tool')
  expect(results.map(({ content }) => content)).toEqual(['waited 60', 'waited 1'])
})

test('gives calls an id of their own when a model numbers them anew in each reply', async () => {
  const keys: string[] = []
  const pay = tool({ name: 'pay', input: {}, effect: 'keyed', run: (_, ctx) => void keys.push(ctx.effectKey) })
  const twice: Turn = () => [
    { type: 'tool-call', toolCallId: 'x', toolName: 'pay', input: {} },
    { type: 'tool-call', toolCallId: 'x', toolName: 'pay', input: {} },
    { type: 'tool-call', toolCallId: '', toolName: 'pay', input: '' },
    finish,
  ]
  const run = await testRun({ turns: [twice, twice, say('ok')], agent: { tools: [pay] } })
  expect(run.result.status).toBe('COMPLETED')
  expect(new Set(keys).size).toBe(6)
  expect(keys[0]).toBe('run-1:x')
})

test('ends with the result of a tool that ends the run', async () => {
  const hand = tool({ name: 'hand', input: {}, stopAfterToolCall: true, run: () => 'A person takes over.' })
  const run = await testRun({ turns: [call(['hand', {}]), say('never')], agent: { tools: [hand] } })
  expect(run.requests).toHaveLength(1)
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'A person takes over.', contentType: 'str' })
  expect(run.kinds.slice(-3)).toEqual(['tool-end', 'content', 'content-end'])
  expect(run.result.uncommitted).toMatchObject([{ role: 'tool', stopAfterToolCall: true }])
})

test('goes on when a tool that would end the run fails', async () => {
  const hand = tool({
    name: 'hand',
    input: {},
    stopAfterToolCall: true,
    run: () => {
      throw new Error('nobody there')
    },
  })
  const run = await testRun({ turns: [call(['hand', {}]), say('Nobody is there.')], agent: { tools: [hand] } })
  expect(run.result.content).toBe('Nobody is there.')
})

test('answers calls past the limit with an error and goes on', async () => {
  const run = await testRun({
    turns: [call(['weather', { city: 'Oslo' }], ['weather', { city: 'Bergen' }]), say('Four.')],
    agent: { tools: [weather], toolCallLimit: 1 },
  })
  const results = run.messages.filter((message) => message.role === 'tool')
  expect(results.map(({ isError }) => isError)).toEqual([false, true])
  expect(results[1]?.content).toMatch(/limit of 1 tool calls/)
  expect(run.result.status).toBe('COMPLETED')
})

test('fails at the step limit and names it', async () => {
  const run = await testRun({ turns: [call(['weather', { city: 'Oslo' }])], agent: { tools: [weather], maxSteps: 3 } })
  expect(run.requests).toHaveLength(3)
  expect(run.result).toMatchObject({
    status: 'ERROR',
    error: { code: 'STEP_LIMIT', message: 'Agent "desk" made 3 model calls without a final answer' },
  })
})

test('puts earlier runs between the system and the user message', async () => {
  const history: Message[] = [
    { id: 'h0', createdAt: 0, role: 'system', content: 'Old.' },
    { id: 'h1', createdAt: 0, role: 'user', content: 'Earlier' },
    { id: 'h2', createdAt: 0, role: 'assistant', parts: [{ type: 'text', text: 'Yes' }], usage: USAGE },
  ]
  const agent = { instructions: 'Be kind.' }
  const run = await testRun({ turns: [say('ok')], agent, job: { history } })
  expect(
    run.requests[0]?.messages.map((message) =>
      message.id === 'h1' || message.id === 'h2' ? message.id : message.role,
    ),
  ).toEqual(['system', 'h1', 'h2', 'user'])
  expect(roles(run.result.uncommitted)).toEqual(['system', 'user', 'assistant'])
  const without = await testRun({
    turns: [say('ok')],
    agent,
    job: { history, request: { addHistoryToContext: false } },
  })
  expect(without.requests[0]?.messages).toHaveLength(2)
  expect(
    (await testRun({ turns: [say('ok')], agent: { addHistoryToContext: false }, job: { history } })).requests[0]
      ?.messages,
  ).toHaveLength(1)
})

test('tries a call again after a passing failure', async () => {
  const run = await testRun({ turns: [failing(passing()), failing(passing()), say('There.')] })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: 'There.' })
  expect(run.kinds).toEqual(['run-start', 'model-start', 'content', 'model-end', 'content-end'])
  expect(run.log.map(({ message }) => message)).toEqual(Array(2).fill('A model call failed and is tried again'))
})

test('waits as long as the provider asks', async () => {
  const started = performance.now()
  const run = await testRun({ turns: [failing(passing({ retryAfterMs: 120 })), say('There.')] })
  expect(run.result.status).toBe('COMPLETED')
  expect(performance.now() - started).toBeGreaterThan(110)
})

test('gives up after the retries of the agent, or of the caller', async () => {
  const run = await testRun({ turns: [failing(passing())], agent: { retries: 1 } })
  expect(run.requests).toHaveLength(2)
  expect(run.result).toMatchObject({
    status: 'ERROR',
    error: { code: 'MODEL_RATE_LIMITED', message: 'fake:one is busy' },
  })
  expect((await testRun({ turns: [failing(passing())], job: { request: { retries: 0 } } })).requests).toHaveLength(1)
  expect((await testRun({ turns: [failing(passing())], job: { request: { retries: 1e9 } } })).requests).toHaveLength(11)
})

test('does not repeat a call that cannot succeed', async () => {
  const error = new ModelError('MODEL_AUTH', 'fake refused its key', { retryable: false })
  const run = await testRun({ turns: [failing(error)] })
  expect(run.requests).toHaveLength(1)
  expect(run.result.error).toEqual({ code: 'MODEL_AUTH', message: 'fake refused its key' })
  expect(roles(run.result.uncommitted)).toEqual(['user'])
})

test('does not repeat a call that has shown text, and keeps what it said', async () => {
  const error = new ModelError('MODEL_UNAVAILABLE', 'fake:one broke off', { retryable: true })
  const run = await testRun({ turns: [failing(error, text('It is ')), say('never')] })
  expect(run.requests).toHaveLength(1)
  expect(run.result).toMatchObject({ status: 'ERROR', content: 'It is ', error: { code: 'MODEL_UNAVAILABLE' } })
  expect(run.result.uncommitted.at(-1)).toMatchObject({ role: 'assistant', parts: [{ type: 'text', text: 'It is ' }] })
  expect(run.kinds).toEqual(['run-start', 'model-start', 'content'])
})

test('treats a stream that ends without an end as broken off', async () => {
  const run = await testRun({ turns: [() => [text('It')]] })
  expect(run.result.error).toEqual({ code: 'MODEL_UNAVAILABLE', message: 'The answer of fake:one broke off' })
  const retried = await testRun({ turns: [() => [], say('There.')] })
  expect(retried.result.content).toBe('There.')
})

test('reports an answer that the content filter withheld', async () => {
  const run = await testRun({ turns: [() => [{ ...finish, reason: 'content-filter' }]] })
  expect(run.result.error).toMatchObject({ code: 'MODEL_REJECTED', message: expect.stringContaining('content filter') })
})

test('completes with empty content when the model says nothing', async () => {
  const run = await testRun({ turns: [() => [finish]] })
  expect(run.result).toMatchObject({ status: 'COMPLETED', content: '' })
})

test('a cancel keeps the partial answer, even when the model does not heed it', async () => {
  const controller = new AbortController()
  let pulled = 0
  const endless: Turn = async function* () {
    yield text('One ')
    for (;;) {
      pulled++
      await sleep(5)
      if (pulled === 1) controller.abort(new Error('stop it'))
      await sleep(200)
      yield text('more ')
    }
  }
  const started = performance.now()
  const run = await testRun({ turns: [endless], ports: { signal: controller.signal } })
  expect(performance.now() - started).toBeLessThan(150)
  expect(run.result).toMatchObject({ status: 'CANCELLED', content: 'One ' })
  expect(run.result.error).toBeUndefined()
  expect(run.result.uncommitted).toMatchObject([{ role: 'user' }, { role: 'assistant', parts: [{ text: 'One ' }] }])
  const events = run.events.length
  await sleep(250)
  expect(run.events).toHaveLength(events)
  expect(pulled).toBe(1)
})

test('a cancel ends a tool that does not heed it, tells it why, and answers its call', async () => {
  const controller = new AbortController()
  let reason: unknown
  const hang = tool({
    name: 'hang',
    input: {},
    run: (_, ctx) => {
      ctx.signal.addEventListener('abort', () => (reason = ctx.signal.reason))
      setTimeout(() => controller.abort(new Error('by request')), 5)
      return new Promise(() => {})
    },
  })
  const agent = { tools: [hang] }
  const run = await testRun({ turns: [call(['hang', {}])], agent, ports: { signal: controller.signal } })
  expect(run.result.status).toBe('CANCELLED')
  expect(reason).toEqual(new Error('by request'))
  expect(run.kinds.slice(-2)).toEqual(['tool-start', 'tool-end'])
  const content = 'The run ended before tool "hang" did.'
  expect(run.result.uncommitted).toMatchObject([{ role: 'tool', isError: true, content }])
})

test('leaves nothing on the signal of a run that has ended', async () => {
  const { signal } = new AbortController()
  const turns = [call(['weather', { city: 'Oslo' }]), say('ok')]
  await testRun({ turns, agent: { tools: [weather], dependencies: { a: () => 1 } }, ports: { signal } })
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('a cancel ends the wait before a retry', async () => {
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('x')), 20)
  const started = performance.now()
  const run = await testRun({
    turns: [failing(passing({ retryAfterMs: 30_000 }))],
    ports: { signal: controller.signal },
  })
  expect(run.result.status).toBe('CANCELLED')
  expect(performance.now() - started).toBeLessThan(1_000)
})

test('a run that is cancelled before it begins calls no model', async () => {
  const run = await testRun({ turns: [say('never')], ports: { signal: AbortSignal.abort(new Error('x')) } })
  expect(run.requests).toHaveLength(0)
  expect(run.result.status).toBe('CANCELLED')
  expect(roles(run.result.uncommitted)).toEqual(['user'])
})

test('keeps what tools have set, whether the run then fails or is cancelled', async () => {
  const controller = new AbortController()
  const note = tool({ name: 'note', input: {}, run: (_, ctx) => void (ctx.sessionState['noted'] = true) })
  const agent = { tools: [note], maxSteps: 1 }
  const failed = await testRun({ turns: [call(['note', {}])], agent })
  expect(failed.result).toMatchObject({ status: 'ERROR', statePatch: { set: { noted: true }, unset: [] } })
  const cancel: Turn = () => {
    controller.abort(new Error('x'))
    return []
  }
  const ports = { signal: controller.signal }
  const cancelled = await testRun({ turns: [call(['note', {}]), cancel], agent: { tools: [note] }, ports })
  expect(cancelled.result).toMatchObject({ status: 'CANCELLED', statePatch: { set: { noted: true } } })
})

test('hands over only the state keys that changed', async () => {
  const edit = tool({
    name: 'edit',
    input: {},
    run: (_, ctx) => {
      const state = ctx.sessionState as { cart: string[]; gone?: string }
      state.cart.push('pear')
      delete state.gone
    },
  })
  const sessionState = { cart: ['apple'], gone: 'x', kept: { deep: [1] } }
  const run = await testRun({ turns: [call(['edit', {}]), say('ok')], agent: { tools: [edit] }, job: { sessionState } })
  expect(run.result.statePatch).toEqual({ set: { cart: ['apple', 'pear'] }, unset: ['gone'] })
  expect(sessionState.cart).toEqual(['apple'])
})

test('fails a run whose state cannot be stored, naming the key', async () => {
  const bad = tool({
    name: 'bad',
    input: {},
    run: (_, ctx) => {
      ctx.sessionState['cart'] = { items: new Map() }
      ctx.sessionState['fine'] = 1
    },
  })
  const run = await testRun({ turns: [call(['bad', {}]), say('ok')], agent: { tools: [bad] } })
  expect(run.result.error).toEqual({
    code: 'AGENT_FAILED',
    message: 'Agent "desk": sessionState.cart.items is a Map, which JSON cannot carry',
  })
  expect(run.result.statePatch).toEqual({ set: { fine: 1 }, unset: [] })
})

test('hands out contexts that cannot be changed by mistake', async () => {
  const contexts: RunContext[] = []
  const keep = tool({ name: 'keep', input: {}, run: (_, ctx) => void contexts.push(ctx) })
  const instructions = (ctx: RunContext) => {
    contexts.push(ctx)
    return 'x'
  }
  await testRun({ turns: [call(['keep', {}]), say('ok')], agent: { instructions, tools: [keep] } })
  expect(contexts.map((ctx) => Object.isFrozen(ctx) && Object.isFrozen(ctx.dependencies))).toEqual([true, true])
})

test('tells the author that a state cannot be replaced as a whole', async () => {
  const replace = tool({
    name: 'replace',
    input: {},
    run: (_, ctx) => {
      // The type forbids it; plain JavaScript does not.
      Object.assign(ctx, { sessionState: {} })
    },
  })
  const run = await testRun({ turns: [call(['replace', {}]), say('ok')], agent: { tools: [replace] } })
  expect(run.messages.find((message) => message.role === 'tool')).toMatchObject({
    isError: true,
    content: expect.stringContaining('sessionState'),
  })
})

test('resolves dependencies once per run, and a value of the caller wins', async () => {
  let opened = 0
  const seen: unknown[] = []
  const look = tool({ name: 'look', input: {}, run: (_, ctx) => void seen.push(ctx.dependencies) })
  const run = await testRun({
    turns: [call(['look', {}], ['look', {}]), say('ok')],
    agent: {
      tools: [look],
      dependencies: { db: async () => `db ${++opened}`, region: () => 'eu', plain: 1 },
      instructions: (ctx) => `Region ${String(ctx.dependencies['region'])}, ${String(ctx.dependencies['db'])}`,
    },
    job: { request: { dependencies: { region: 'us' } } },
  })
  const resolved = { db: 'db 1', region: 'us', plain: 1 }
  expect(seen).toEqual([resolved, resolved])
  expect(run.messages[0]).toMatchObject({ role: 'system', content: 'Region us, db 1' })
})

test.each([
  [
    'instructions',
    { instructions: () => Promise.reject(new Error('no such file')) },
    'instructions threw: no such file',
  ],
  [
    'a dependency',
    {
      dependencies: {
        db: () => {
          throw new Error('refused')
        },
      },
    },
    'dependency "db" threw: refused',
  ],
  [
    'instructions that are no text',
    { instructions: () => 7 as unknown as string },
    'instructions must return text, got number',
  ],
])('ends the run with a sentence when %s fail', async (_, agent, reason) => {
  const run = await testRun({ turns: [say('never')], agent })
  expect(run.requests).toHaveLength(0)
  expect(run.result.error).toEqual({ code: 'AGENT_FAILED', message: `Agent "desk": ${reason}` })
  expect(roles(run.result.uncommitted)).toEqual(['user'])
})

test('emits nothing while it waits for credit', async () => {
  let waiting = false
  let waits = 0
  const early: string[] = []
  const run = await testRun({
    turns: [say('a b c d e f')],
    ports: {
      emit: (event) => {
        if (waiting) early.push(event.type)
      },
      ready: () => {
        waiting = true
        waits++
        return sleep(2).then(() => {
          waiting = false
        })
      },
    },
  })
  expect(run.result.content).toBe('a b c d e f')
  expect(waits).toBe(6)
  expect(early).toEqual([])
})

test('ends in an error when the journal cannot be written', async () => {
  const agent = { tools: [weather] }
  const turns = [call(['weather', { city: 'Oslo' }]), say('never')]
  const lost = await testRun({ turns, agent, ports: { commit: () => Promise.reject(new Error('connection reset')) } })
  expect(lost.result.error).toEqual({
    code: 'DATABASE_UNAVAILABLE',
    message: 'The journal of the run could not be written: connection reset',
  })
  expect(roles(lost.result.uncommitted)).toEqual(['user', 'assistant'])
  const error = new AgentOSError('WORKER_LOST', 'The lease is gone')
  const fenced = await testRun({ turns, agent, ports: { commit: () => Promise.reject(error) } })
  expect(fenced.result.error).toEqual({ code: 'WORKER_LOST', message: 'The lease is gone' })
})

test('reports a defect of the server without its details', async () => {
  const run = await testRun({
    turns: [
      () => {
        throw new RangeError('internal detail')
      },
    ],
  })
  expect(run.result.error).toEqual({ code: 'INTERNAL', message: 'The run of agent "desk" failed unexpectedly' })
  expect(JSON.stringify(run.log)).toContain('internal detail')
})
