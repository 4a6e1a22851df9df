import { expect, test } from 'vitest'
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Message } from '../base/message.ts'
import { attemptSpanId, modelSpanId, spanIdOf, toolSpanId } from '../base/trace-context.ts'
import { describeLostCalls } from './lost-attempt.ts'
import { attempt, lostAttempt, MESSAGES } from './testing/attempt.ts'

const RUN = attempt().runId

/** The journal of a run that died after its tool: the reply took 80 ms, and was there at 1 090. */
const JOURNAL: readonly Message[] = MESSAGES.slice(0, 4).map((message) => {
  if (message.role === 'assistant') return { ...message, createdAt: 1_090, durationMs: 80 }
  return message.role === 'tool' ? { ...message, createdAt: 1_120 } : message
})
const recovered = (given: Partial<AttemptRecord> = {}) =>
  attempt({ attempt: 2, origin: 'recover', messages: JOURNAL, fromMessage: 4, marks: [], ...given })

const LOST = lostAttempt({ toMessage: 4 })

test('the calls that a lost attempt has committed are told of by the next, with their times', () => {
  const spans = describeLostCalls(recovered(), LOST, 'values')
  expect(spans.map(({ kind, startMs, endMs, error }) => [kind, startMs, endMs, error])).toEqual([
    ['LLM', 1_010, 1_090, null],
    ['TOOL', 1_100, 1_120, null],
  ])
  // As the lost replica would have named them, below the span of its attempt.
  expect(spans.map(({ spanId }) => spanId)).toEqual([modelSpanId(RUN, 1, 0), toolSpanId(RUN, 'call_1', 1)])
  for (const span of spans) {
    expect(span).toMatchObject({ parentSpanId: spanIdOf(RUN, 'run'), attributes: { 'agentos.attempt.lost': true } })
  }
  expect(spans[0]?.attributes).toMatchObject({ 'llm.token_count.total': 15 })
  expect(spans[1]?.attributes).toMatchObject({ 'output.value': 'rain' })
})

test('what has no known time is left out, and what was copied from another run', () => {
  const untimed = JOURNAL.map((message) => ({ ...message, durationMs: undefined }) as unknown as Message)
  expect(describeLostCalls(recovered({ messages: untimed.slice(0, 3) }), LOST, 'values')).toEqual([])
  expect(describeLostCalls(recovered(), { ...LOST, fromMessage: 4 }, 'values')).toEqual([])
})

test('a tool that failed in the lost attempt is an error', () => {
  const messages = JOURNAL.map((message) => (message.role === 'tool' ? { ...message, isError: true } : message))
  expect(describeLostCalls(recovered({ messages }), LOST, 'values').at(-1)).toMatchObject({
    error: 'rain',
    attributes: { 'error.type': 'tool_error' },
  })
})

test('each lost attempt has the calls that it has committed itself, and no others', () => {
  const first = describeLostCalls(recovered(), { ...LOST, toMessage: 3 }, 'none')
  const second = describeLostCalls(recovered(), { ...LOST, attempt: 2, fromMessage: 3 }, 'none')
  expect(first.map(({ spanId }) => spanId)).toEqual([modelSpanId(RUN, 1, 0)])
  expect(second.map(({ spanId }) => spanId)).toEqual([toolSpanId(RUN, 'call_1', 2)])
  expect(second[0]?.parentSpanId).toBe(attemptSpanId(RUN, 2))
})
