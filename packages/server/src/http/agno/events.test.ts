/**
 * The frames below marked `recorded` were sent by Agno 3.1.10 for the same run. Ours have the same keys in the same
 * order; Agno's `model_provider_data` is left out.
 */
import { AgentEvent } from '@agentos/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RunEvent, ToolExecution } from '../../base/run.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { encodeEvent, type EventContext, followerOf } from './events.ts'
import { AT, COMPLETED, MODEL } from '../testing/fake-runs.ts'

const RUN: EventContext = { runId: 'r', sessionId: 's', agentId: 'bare', agentName: 'Bare' }
const HEAD = '"agent_id":"bare","agent_name":"Bare","run_id":"r","session_id":"s","nested_depth":0'
const USAGE = { ...NO_USAGE, inputTokens: 20, outputTokens: 5, totalTokens: 25 }
const CALL: ToolExecution = {
  toolCallId: 'call_1',
  toolName: 'get_weather',
  input: { city: 'Oslo' },
  createdAt: 1_795_409_561_141,
  stopAfterToolCall: false,
}
const NO_HUMAN =
  '"requires_confirmation":null,"confirmed":null,"confirmation_note":null,"requires_user_input":null,"user_input_schema":null,"user_feedback_schema":null,"answered":null,"external_execution_required":null,"external_execution_silent":null,"approval_type":null,"approval_id":null,"parent_tool_call_id":null'

const recorded: [RunEvent, string][] = [
  [
    { type: 'run-start', at: AT, model: MODEL },
    `{"created_at":1795409561,"event":"RunStarted",${HEAD},"model":"fake-1","model_provider":"fake"}`,
  ],
  [
    { type: 'model-start', at: AT, model: MODEL },
    `{"created_at":1795409561,"event":"ModelRequestStarted",${HEAD},"model":"fake-1","model_provider":"fake"}`,
  ],
  [
    { type: 'content', at: AT, text: ' héllo' },
    `{"created_at":1795409561,"event":"RunContent",${HEAD},"content":" héllo","workflow_agent":false,"content_type":"str","reasoning_content":""}`,
  ],
  [
    { type: 'model-end', at: AT, model: MODEL, usage: USAGE, timeToFirstTokenMs: 187 },
    `{"created_at":1795409561,"event":"ModelRequestCompleted",${HEAD},"model":"fake-1","model_provider":"fake","input_tokens":20,"output_tokens":5,"total_tokens":25,"time_to_first_token":0.187,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0}`,
  ],
  [
    { type: 'model-end', at: AT, model: MODEL, usage: USAGE },
    `{"created_at":1795409561,"event":"ModelRequestCompleted",${HEAD},"model":"fake-1","model_provider":"fake","input_tokens":20,"output_tokens":5,"total_tokens":25,"reasoning_tokens":0,"cache_read_tokens":0,"cache_write_tokens":0}`,
  ],
  [{ type: 'content-end', at: AT }, `{"created_at":1795409561,"event":"RunContentCompleted",${HEAD}}`],
  [
    { type: 'tool-start', at: AT, tool: CALL },
    `{"created_at":1795409561,"event":"ToolCallStarted",${HEAD},"tool":{"tool_call_id":"call_1","tool_name":"get_weather","tool_args":{"city":"Oslo"},"tool_call_error":null,"result":null,"metrics":null,"child_run_id":null,"stop_after_tool_call":false,"created_at":1795409561,${NO_HUMAN}}}`,
  ],
  [
    { type: 'tool-end', at: AT, tool: { ...CALL, result: 'Sunny in Oslo', isError: false, durationMs: 1 } },
    `{"created_at":1795409561,"event":"ToolCallCompleted",${HEAD},"content":"get_weather(city=Oslo) completed in 0.0010s. ","tool":{"tool_call_id":"call_1","tool_name":"get_weather","tool_args":{"city":"Oslo"},"tool_call_error":false,"result":"Sunny in Oslo","metrics":{"start_time":1795409561.141,"end_time":1795409561.142,"duration":0.001},"child_run_id":null,"stop_after_tool_call":false,"created_at":1795409561,${NO_HUMAN}}}`,
  ],
  [
    { type: 'run-end', at: AT, result: COMPLETED, sessionState: {} },
    `{"created_at":1795409561,"event":"RunCompleted",${HEAD},"content":"Echo: héllo","content_type":"str","session_state":{},"metrics":{"input_tokens":20,"output_tokens":5,"total_tokens":25,"time_to_first_token":0.1895,"duration":0.1965,"details":{"model":[{"input_tokens":20,"output_tokens":5,"total_tokens":25,"id":"fake-1","provider":"fake"}]}}}`,
  ],
  [
    { type: 'run-cancel', at: AT, reason: 'Run r was cancelled', content: 'a a ' },
    `{"created_at":1795409561,"event":"RunCancelled",${HEAD},"content":"a a ","reason":"Run r was cancelled"}`,
  ],
]

test.each(recorded)('writes %j as Agno does', (event, line) => {
  expect(encodeEvent(event, RUN)).toBe(line)
})

test('sends ToolCallError with the error before the tool, as Agno does', () => {
  const tool = { ...CALL, result: 'no such city', isError: true, durationMs: 3.3 }
  const follower = followerOf(JSON.parse(encodeEvent({ type: 'tool-end', at: AT, tool }, RUN)))
  expect(Object.keys(follower ?? {})).toEqual([
    'created_at',
    'event',
    'agent_id',
    'agent_name',
    'run_id',
    'session_id',
    'nested_depth',
    'error',
    'tool',
  ])
  expect(follower).toMatchObject({ error: 'no such city', tool: { tool_call_error: true } })
  const fine = encodeEvent({ type: 'tool-end', at: AT, tool: { ...tool, isError: false } }, RUN)
  expect(followerOf(JSON.parse(fine))).toBeUndefined()
})

test('names the cause of a failure: the provider, or our code', () => {
  const write = (code: 'MODEL_AUTH' | 'STEP_LIMIT') =>
    JSON.parse(encodeEvent({ type: 'run-error', at: AT, error: { code, message: 'no' } }, RUN))
  expect(write('MODEL_AUTH')).toMatchObject({
    event: 'RunError',
    content: 'no',
    error_type: 'model_provider_error',
    error_id: 'MODEL_AUTH',
  })
  expect(write('STEP_LIMIT')).toMatchObject({ error_type: 'step_limit', error_id: 'STEP_LIMIT' })
})

test('leaves counts out of the metrics when nothing was counted', () => {
  const result = { ...COMPLETED, status: 'CANCELLED', metrics: { usage: NO_USAGE, durationMs: 1217 } } as const
  const event = JSON.parse(encodeEvent({ type: 'run-end', at: AT, result, sessionState: {} }, RUN))
  expect(event.metrics).toEqual({ duration: 1.217 })
})

test('carries metadata and reasoning where there are some', () => {
  const result = { ...COMPLETED, reasoning: 'hm', content: { city: 'Oslo' }, contentType: 'City' }
  const line = encodeEvent(
    { type: 'run-end', at: AT, result, sessionState: { n: 1 } },
    { ...RUN, metadata: { team: 'x' } },
  )
  expect(Object.keys(JSON.parse(line)).slice(7)).toEqual([
    'content',
    'content_type',
    'reasoning_content',
    'session_state',
    'metadata',
    'metrics',
  ])
})

test('cuts long arguments in the sentence of a call', () => {
  const sentence = (input: ToolExecution['input']) =>
    JSON.parse(encodeEvent({ type: 'tool-end', at: AT, tool: { ...CALL, input, durationMs: 1234.56 } }, RUN)).content
  expect(sentence({ a: 'x'.repeat(200), b: 1 })).toBe('get_weather(a=..., b=1) completed in 1.2346s. ')
  expect(sentence({ a: Array.from({ length: 99 }, () => 1) })).toBe('get_weather(...) completed in 1.2346s. ')
  expect(sentence('not json')).toBe('get_weather() completed in 1.2346s. ')
})

const text = fc.string({ unit: 'binary' })
const time = fc.nat()
const model = fc.record({ id: text, provider: text })
const anyEvent: fc.Arbitrary<RunEvent> = fc.oneof(
  fc.record({ type: fc.constantFrom('run-start' as const, 'model-start' as const), at: time, model }),
  fc.record({ type: fc.constantFrom('content' as const, 'reasoning' as const), at: time, text }),
  fc.record({ type: fc.constant('content-end' as const), at: time }),
  fc.record({ type: fc.constant('run-cancel' as const), at: time, reason: text, content: text }),
  fc.record({
    type: fc.constantFrom('tool-start' as const, 'tool-end' as const),
    at: time,
    tool: fc.record({
      toolCallId: text,
      toolName: text,
      input: fc.oneof(text, fc.dictionary(text, text)),
      createdAt: time,
      result: text,
      isError: fc.boolean(),
      durationMs: fc.nat(),
      stopAfterToolCall: fc.boolean(),
    }),
  }),
)

test('writes every event on one line that the wire schema accepts', () => {
  fc.assert(
    fc.property(anyEvent, (event) => {
      const line = encodeEvent(event, RUN)
      expect(line).not.toMatch(/[\r\n]/)
      expect(AgentEvent.safeParse(JSON.parse(line)).error).toBeUndefined()
    }),
  )
})
