import { expect, test } from 'vitest'
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { StepEvent } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import { measureAttempt } from './metrics-attempt.ts'
import { attemptRecord, MODEL, toolEnd } from './testing/attempt-record.ts'

const measure = (given: Partial<AttemptRecord>) =>
  measureAttempt(attemptRecord(given), ({ id }, { outputTokens }) => (id === 'free' ? undefined : outputTokens / 10))
const only = (given: Partial<AttemptRecord>, ...keys: string[]) =>
  measure(given).filter(({ key }) => keys.includes(key))

test('an attempt that ends tells how it came out and how long it took', () => {
  const given = { startedAt: 1000, endedAt: 3500 }
  for (const status of ['COMPLETED', 'CANCELLED', 'PAUSED'] as const) {
    const outcome = status.toLowerCase()
    expect(measure({ ...given, status })).toEqual([
      { key: 'runsEnded', value: 1, attributes: { 'gen_ai.agent.id': 'assistant', outcome, 'error.type': undefined } },
      { key: 'runDuration', value: 2.5, attributes: { 'gen_ai.agent.id': 'assistant', outcome } },
    ])
  }
  const failed = measure({ ...given, status: 'ERROR', error: { code: 'STEP_LIMIT', message: 'too many' } })
  expect(failed[0]?.attributes).toMatchObject({ outcome: 'error', 'error.type': 'STEP_LIMIT' })
})

test('an attempt that leaves without an end is handed over or lost, and has no outcome', () => {
  const attributes = { 'gen_ai.agent.id': 'assistant' }
  expect(measure({ status: 'PENDING' })).toEqual([{ key: 'handOvers', value: 1, attributes }])
  expect(measure({ status: 'RUNNING' })).toEqual([{ key: 'attemptsLost', value: 1, attributes }])
})

test('what a memory manager has missed and made up for is counted once the run is stored', () => {
  const attributes = { 'gen_ai.agent.id': 'assistant' }
  const memoryBacklog = { isMissed: false, madeUp: ['a', 'b'], failed: ['c'] }
  const counted = (given: Parameters<typeof measure>[0]) => measure(given).filter(({ key }) => key === 'missedMessages')
  expect(counted({ memoryBacklog })).toEqual([
    { key: 'missedMessages', value: 2, attributes: { ...attributes, outcome: 'made_up' } },
    { key: 'missedMessages', value: 1, attributes: { ...attributes, outcome: 'failed' } },
  ])
  expect(counted({ memoryBacklog: { isMissed: true, madeUp: [], failed: [] } })).toEqual([
    { key: 'missedMessages', value: 1, attributes: { ...attributes, outcome: 'missed' } },
  ])
  expect(counted({ memoryBacklog, status: 'RUNNING' })).toEqual([])
  expect(counted({})).toEqual([])
})

const usage = { ...NO_USAGE, inputTokens: 100, outputTokens: 20, totalTokens: 120, cacheReadTokens: 60 }
const call = (at: number, model = MODEL): StepEvent[] => [
  { type: 'model-start', at, model },
  { type: 'model-end', at: at + 400, model, usage, timeToFirstTokenMs: 150 },
]

test('a model call tells its duration, its tokens by kind and its cost', () => {
  const measured = measure({ marks: call(1000) })
  const model = { 'gen_ai.provider.name': 'openai', 'gen_ai.request.model': 'gpt-5-mini' }
  const chat = { 'gen_ai.operation.name': 'chat', ...model }
  expect(measured.filter(({ key }) => key !== 'runsEnded' && key !== 'runDuration')).toEqual([
    { key: 'firstToken', value: 0.15, attributes: { 'gen_ai.agent.id': 'assistant' } },
    { key: 'modelDuration', value: 0.4, attributes: chat },
    { key: 'modelTokens', value: 100, attributes: { ...model, kind: 'input' } },
    { key: 'tokenUsage', value: 100, attributes: { ...chat, 'gen_ai.token.type': 'input' } },
    { key: 'modelTokens', value: 20, attributes: { ...model, kind: 'output' } },
    { key: 'tokenUsage', value: 20, attributes: { ...chat, 'gen_ai.token.type': 'output' } },
    { key: 'modelTokens', value: 60, attributes: { ...model, kind: 'cache_read' } },
    { key: 'modelCost', value: 2, attributes: { ...model, 'gen_ai.agent.id': 'assistant' } },
  ])
})

test('calls beside the answer tell their tokens and their cost, and no duration', () => {
  const beside = [{ purpose: 'memory_model', model: MODEL, usage }] as const
  const measured = only({ beside }, 'modelTokens', 'modelCost', 'modelDuration')
  expect(measured.map(({ key, value }) => [key, value])).toEqual([
    ['modelTokens', 100],
    ['modelTokens', 20],
    ['modelTokens', 60],
    ['modelCost', 2],
  ])
})

test('a model without a price has no cost', () => {
  expect(only({ marks: call(1000, { provider: 'openai', id: 'free' }) }, 'modelCost')).toEqual([])
})

test('only a run that is new tells its time to the first token, and counts from its beginning', () => {
  const given = { startedAt: 700, marks: [...call(1000), ...call(5000)] }
  expect(only(given, 'firstToken').map(({ value }) => value)).toEqual([0.45])
  for (const origin of ['continue', 'recover', 'hand-over'] as const) {
    expect(only({ ...given, origin }, 'firstToken')).toEqual([])
  }
})

test('a call that did not end is an error of the run that failed with it, and nothing in any other run', () => {
  const marks = call(1000).slice(0, 1)
  const error = { code: 'MODEL_RATE_LIMITED', message: 'slow down' } as const
  const failed = only({ marks, status: 'ERROR', error, endedAt: 1600 }, 'modelDuration')
  expect(failed).toMatchObject([{ value: 0.6, attributes: { 'error.type': 'MODEL_RATE_LIMITED' } }])
  for (const status of ['CANCELLED', 'RUNNING', 'PENDING'] as const) {
    expect(only({ marks, status }, 'modelDuration')).toEqual([])
  }
})

test('a tool tells its duration and whether it failed', () => {
  const marks = [toolEnd('get_weather', 250, false), toolEnd('send_mail', 10, true)]
  expect(only({ marks }, 'toolDuration')).toEqual([
    { key: 'toolDuration', value: 0.25, attributes: { 'gen_ai.tool.name': 'get_weather', outcome: 'ok' } },
    { key: 'toolDuration', value: 0.01, attributes: { 'gen_ai.tool.name': 'send_mail', outcome: 'error' } },
  ])
})
