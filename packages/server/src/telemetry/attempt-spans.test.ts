import { expect, test } from 'vitest'
import { NO_USAGE } from '../base/usage.ts'
import type { SpanRecord } from '../base/span.ts'
import { attemptSpanId, spanIdOf, toolSpanId } from '../base/trace-context.ts'
import { describeAttempt } from './attempt-spans.ts'
import { attempt, lostAttempt, MARKS, MESSAGES } from './testing/attempt.ts'

const RUN = attempt().runId
const ROOT = spanIdOf(RUN, 'run')
const ERROR = { code: 'MODEL_REJECTED', message: 'The provider refused' } as const

const only = (spans: readonly SpanRecord[], kind: SpanRecord['kind']) => {
  const found = spans.filter((span) => span.kind === kind)
  if (found.length !== 1) throw new Error(`${found.length} spans of ${kind}`)
  return found[0]!
}

test('a run is one span of its agent above those of its model calls and tools', () => {
  const spans = describeAttempt(attempt())
  expect(spans.map(({ kind, name, startMs, endMs, error }) => [kind, name, startMs, endMs, error])).toEqual([
    ['AGENT', 'Weather_Desk.arun', 1_000, 1_200, null],
    ['LLM', 'chat gpt-5-mini', 1_010, 1_090, null],
    ['LLM', 'chat gpt-5-mini', 1_130, 1_190, null],
    ['TOOL', 'look', 1_100, 1_120, null],
  ])
  expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([null, ROOT, ROOT, ROOT])
  expect(spans.map(({ spanId }) => spanId)).toEqual([
    ROOT,
    spanIdOf(RUN, 'model', '1', '0'),
    spanIdOf(RUN, 'model', '1', '1'),
    toolSpanId(RUN, 'call_1', 1),
  ])
  const run = { runId: RUN, sessionId: 'session-1', userId: 'ada', agentId: 'weather' }
  for (const span of spans) expect(span).toMatchObject({ traceId: RUN.replaceAll('-', ''), run })
})

test('model calls beside the answer are spans below the run, with their purpose and without content', () => {
  const usage = { ...NO_USAGE, inputTokens: 30, outputTokens: 4, totalTokens: 34 }
  const model = { provider: 'openai', id: 'gpt-5-nano' }
  const beside = [
    { purpose: 'memory_model', model, usage, startedAt: 1_020, endedAt: 1_060 },
    { purpose: 'memory_model', model, usage, startedAt: 1_061, endedAt: 1_070 },
    { purpose: 'session_summary_model', model, usage, startedAt: 1_150, endedAt: 1_195 },
    // Of an earlier release.
    { purpose: 'session_summary_model', model, usage },
  ] as const
  const spans = describeAttempt(attempt({ beside })).filter(({ attributes }) => 'agentos.model.purpose' in attributes)
  expect(spans.map(({ name, startMs, endMs, parentSpanId }) => [name, startMs, endMs, parentSpanId])).toEqual([
    ['chat gpt-5-nano', 1_020, 1_060, ROOT],
    ['chat gpt-5-nano', 1_061, 1_070, ROOT],
    ['chat gpt-5-nano', 1_150, 1_195, ROOT],
  ])
  expect(new Set(spans.map(({ spanId }) => spanId)).size).toBe(3)
  expect(spans[2]).toMatchObject({
    kind: 'LLM',
    error: null,
    attributes: {
      'openinference.span.kind': 'LLM',
      'agentos.model.purpose': 'session_summary_model',
      'llm.model_name': 'gpt-5-nano',
      'llm.token_count.prompt': 30,
      'gen_ai.usage.output_tokens': 4,
    },
  })
  expect(Object.keys(spans[2]?.attributes ?? {}).filter((key) => /message|value/.test(key))).toEqual([])
})

test('the span of the agent has the attributes of both conventions', () => {
  expect(only(describeAttempt(attempt()), 'AGENT').attributes).toMatchObject({
    'openinference.span.kind': 'AGENT',
    'graph.node.id': ROOT,
    'graph.node.name': 'Weather Desk',
    'agent.name': 'Weather Desk',
    'agno.agent': 'Weather Desk',
    'agno.agent.id': 'weather',
    'agno.run.id': RUN,
    'session.id': 'session-1',
    'user.id': 'ada',
    'input.value': 'Weather in Oslo?',
    'output.value': 'It rains.',
    'output.mime_type': 'text/plain',
    'gen_ai.operation.name': 'invoke_agent',
    'gen_ai.agent.id': 'weather',
    'gen_ai.conversation.id': 'session-1',
    'gen_ai.usage.input_tokens': 20,
    'gen_ai.usage.output_tokens': 10,
    'agentos.run.status': 'COMPLETED',
  })
})

test('a run that a schedule began names it', () => {
  const schedule = { scheduleId: 'schedule-1', scheduleRunId: 'schedule-run-1' }
  expect(only(describeAttempt(attempt({ schedule }), 'none'), 'AGENT').attributes).toMatchObject({
    'agentos.schedule.id': 'schedule-1',
    'agentos.schedule.run_id': 'schedule-run-1',
  })
})

test('the span of a model call has what it was asked, what it said and what that cost', () => {
  const [first, second] = describeAttempt(attempt()).filter(({ kind }) => kind === 'LLM')
  expect(first?.attributes).toMatchObject({
    'openinference.span.kind': 'LLM',
    'llm.model_name': 'gpt-5-mini',
    'llm.provider': 'openai',
    'llm.token_count.prompt': 10,
    'llm.token_count.completion': 5,
    'llm.token_count.total': 15,
    'llm.token_count.prompt_details.cache_read': 3,
    'llm.token_count.prompt_details.cache_write': 0,
    'llm.input_messages.0.message.role': 'system',
    'llm.input_messages.1.message.content': 'Weather in Oslo?',
    'llm.output_messages.0.message.tool_calls.0.tool_call.id': 'call_1',
    'llm.output_messages.0.message.tool_calls.0.tool_call.function.name': 'look',
    'llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments': '{"city":"Oslo"}',
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'openai',
    'gen_ai.request.model': 'gpt-5-mini',
    'gen_ai.usage.input_tokens': 10,
    'agentos.time_to_first_token_ms': 7,
  })
  expect(second?.attributes).toMatchObject({
    'llm.input_messages.3.message.tool_call_id': 'call_1',
    'llm.input_messages.3.message.content': 'rain',
    'llm.output_messages.0.message.content': 'It rains.',
  })
  const said = JSON.parse(String(second?.attributes['gen_ai.output.messages']))
  expect(said).toEqual([{ role: 'assistant', parts: [{ type: 'text', content: 'It rains.' }] }])
  const asked = JSON.parse(String(second?.attributes['input.value']))
  expect(asked.messages.at(-1)).toEqual({ role: 'tool', content: 'rain', tool_call_id: 'call_1' })
})

test('the span of a tool has its arguments and its result', () => {
  expect(only(describeAttempt(attempt()), 'TOOL').attributes).toMatchObject({
    'openinference.span.kind': 'TOOL',
    'tool.name': 'look',
    'tool.parameters': '{"city":"Oslo"}',
    'input.value': '{"city":"Oslo"}',
    'output.value': 'rain',
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.call.id': 'call_1',
    'gen_ai.tool.call.result': 'rain',
  })
})

test.each(['values', 'none'] as const)('less content is made where %s of it is wanted', (level) => {
  const names = describeAttempt(attempt(), level).flatMap(({ attributes }) => Object.keys(attributes))
  expect(names.some((name) => name.startsWith('llm.input_messages') || name.startsWith('gen_ai.input'))).toBe(false)
  expect(names.includes('input.value')).toBe(level === 'values')
  expect(names).toContain('llm.token_count.total')
})

test('the caller is the parent of the first attempt, and that of all later ones', () => {
  const trace = { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), sampled: true }
  expect(only(describeAttempt(attempt({ trace, marks: [] })), 'AGENT')).toMatchObject({
    spanId: ROOT,
    parentSpanId: 'b'.repeat(16),
  })
  const third = describeAttempt(attempt({ trace, attempt: 3, origin: 'hand-over' }))
  const own = spanIdOf(RUN, 'attempt', '3')
  expect(only(third, 'AGENT')).toMatchObject({ spanId: own, parentSpanId: ROOT, traceId: 'a'.repeat(32) })
  expect(only(third, 'TOOL')).toMatchObject({ spanId: toolSpanId(RUN, 'call_1', 3), parentSpanId: own })
})

test('a later attempt tells only of its own messages', () => {
  const later = attempt({ attempt: 2, origin: 'continue', fromMessage: 4, marks: MARKS.slice(4) })
  const model = only(describeAttempt(later), 'LLM')
  expect(model.attributes).toMatchObject({ 'llm.output_messages.0.message.content': 'It rains.' })
})

test('a failed run is an error, and so is the model call that failed it', () => {
  const failed = attempt({
    status: 'ERROR',
    error: ERROR,
    content: '',
    messages: MESSAGES.slice(0, 2),
    marks: MARKS.slice(0, 1),
  })
  const spans = describeAttempt(failed)
  expect(only(spans, 'AGENT')).toMatchObject({ error: ERROR.message, attributes: { 'error.type': 'MODEL_REJECTED' } })
  expect(only(spans, 'LLM')).toMatchObject({
    error: ERROR.message,
    endMs: 1_200,
    attributes: { 'error.type': 'MODEL_REJECTED' },
  })
})

test('a tool that failed is an error of its own; the run goes on', () => {
  const marks = MARKS.map((mark) =>
    mark.type === 'tool-end' ? { ...mark, tool: { ...mark.tool, result: 'no such city', isError: true } } : mark,
  )
  const spans = describeAttempt(attempt({ marks }))
  expect(only(spans, 'TOOL')).toMatchObject({ error: 'no such city', attributes: { 'error.type': 'tool_error' } })
  expect(only(spans, 'AGENT').error).toBeNull()
})

test.each(['CANCELLED', 'PAUSED', 'PENDING'] as const)(
  'a run that is %s has not failed, nor what it was doing',
  (status) => {
    const spans = describeAttempt(attempt({ status, marks: MARKS.slice(0, 3), messages: MESSAGES.slice(0, 3) }))
    expect(spans.map(({ error }) => error)).toEqual([null, null, null])
    expect(spans.at(-1)).toMatchObject({ kind: 'TOOL', endMs: 1_200 })
  },
)

test('an attempt that was lost leaves its own span to the one that ends the run, which tells of all of them', () => {
  const marks = MARKS.slice(0, 3)
  const lostFirst = describeAttempt(attempt({ status: 'RUNNING', marks, messages: MESSAGES.slice(0, 3) }))
  expect(lostFirst.map(({ kind }) => kind)).toEqual(['LLM', 'TOOL'])
  expect(lostFirst.at(-1)).toMatchObject({ parentSpanId: ROOT, error: 'replica lost' })
  const before = [lostAttempt({ endedAt: 5_000 }), lostAttempt({ attempt: 2, origin: 'recover', startedAt: 5_000 })]
  const given = { origin: 'recover', messages: [], marks: [], startedAt: 9_000 } as const
  const lostSecond = attempt({ ...given, attempt: 2, status: 'RUNNING', lostBefore: before.slice(0, 1) })
  expect(describeAttempt(lostSecond)).toEqual([])
  const spans = describeAttempt(attempt({ ...given, attempt: 3, lostBefore: before }))
  expect(spans.map(({ spanId }) => spanId)).toEqual([1, 2, 3].map((number) => attemptSpanId(RUN, number)))
  const [root, second, third] = spans
  expect(root).toMatchObject({ parentSpanId: null, startMs: 995, endMs: 5_000, error: 'replica lost' })
  expect(root?.attributes).not.toHaveProperty('gen_ai.usage.input_tokens')
  expect(second).toMatchObject({ parentSpanId: ROOT, startMs: 5_000, endMs: 5_000, error: 'replica lost' })
  expect(second?.attributes).toMatchObject({ 'agentos.run.attempt': 2, 'agentos.run.origin': 'recover' })
  expect(third).toMatchObject({ parentSpanId: ROOT, error: null })
})

test('marks without a beginning, as after the limit of marks, make no span', () => {
  expect(describeAttempt(attempt({ marks: [MARKS[1]!, MARKS[3]!] })).map(({ kind }) => kind)).toEqual(['AGENT'])
})

test('a long transcript is told with its newest messages', () => {
  const long = Array.from({ length: 100 }, () => ({ ...MESSAGES[1]!, content: 'x'.repeat(1_000) })) as typeof MESSAGES
  const spans = describeAttempt(attempt({ messages: [...long, MESSAGES[4]!], marks: MARKS.slice(4) }))
  const value = String(only(spans, 'LLM').attributes['input.value'])
  expect(value.length).toBeLessThan(16_384)
  expect(JSON.parse(value).messages.length).toBeGreaterThan(5)
})

const TOOLS = [{ name: 'look', description: 'Looks out of the window', parameters: { type: 'object' } }]

test('the agent names its tools, its tool what it does, and the model what it could ask for', () => {
  const spans = describeAttempt(attempt({ tools: TOOLS }))
  expect(only(spans, 'AGENT').attributes).toMatchObject({
    'agno.tools': ['look'],
    'gen_ai.system_instructions': '[{"type":"text","content":"Be kind"}]',
  })
  expect(only(spans, 'TOOL').attributes).toMatchObject({
    'tool.description': 'Looks out of the window',
    'gen_ai.tool.description': 'Looks out of the window',
  })
  const model = spans.find(({ kind }) => kind === 'LLM')?.attributes
  expect(JSON.parse(String(model?.['llm.tools.0.tool.json_schema']))).toEqual({ type: 'function', function: TOOLS[0] })
  expect(JSON.parse(String(model?.['gen_ai.tool.definitions']))).toEqual([{ type: 'function', ...TOOLS[0] }])
})

test('the span of a model call tells when its first token came, why it stopped, and its tokens by the newest names', () => {
  const marks = MARKS.map((mark) => (mark.type === 'model-end' ? { ...mark, finishReason: 'tool-calls' } : mark))
  const [first] = describeAttempt(attempt({ marks })).filter(({ kind }) => kind === 'LLM')
  expect(first?.attributes).toMatchObject({
    'gen_ai.request.stream': true,
    'gen_ai.response.finish_reasons': ['tool_calls'],
    'gen_ai.response.time_to_first_chunk': 0.007,
    'gen_ai.usage.cache_read.input_tokens': 3,
    'gen_ai.usage.cache_write.input_tokens': 0,
    'gen_ai.usage.reasoning.output_tokens': 0,
  })
  const [unknown] = describeAttempt(attempt()).filter(({ kind }) => kind === 'LLM')
  expect(unknown?.attributes).not.toHaveProperty('gen_ai.response.finish_reasons')
})

test('the span of a model call tells the settings that it was asked with, and nothing where there are none', () => {
  const modelSettings = {
    temperature: 0.2,
    maxOutputTokens: 300,
    stopSequences: ['END'],
    providerOptions: { openai: {} },
  }
  const [told] = describeAttempt(attempt({ modelSettings })).filter(({ kind }) => kind === 'LLM')
  expect(told?.attributes).toMatchObject({
    'gen_ai.request.temperature': 0.2,
    'gen_ai.request.max_tokens': 300,
    'gen_ai.request.stop_sequences': ['END'],
  })
  expect(JSON.parse(String(told?.attributes['llm.invocation_parameters']))).toEqual(modelSettings)
  const [plain] = describeAttempt(attempt()).filter(({ kind }) => kind === 'LLM')
  expect(plain?.attributes).not.toHaveProperty('llm.invocation_parameters')
})

test('a model call is told with the history of its session, between its instructions and its run', () => {
  const base = { id: 'h', createdAt: 1 }
  const history = [
    { ...base, role: 'system', content: 'Be rude' },
    { ...base, role: 'user', content: 'Hello' },
  ] as const
  const [first] = describeAttempt(attempt({ history })).filter(({ kind }) => kind === 'LLM')
  const asked = JSON.parse(String(first?.attributes['input.value']))
  expect(asked.messages.map(({ content }: { content: string }) => content)).toEqual([
    'Be kind',
    'Hello',
    'Weather in Oslo?',
  ])
})

test('a member of a team is a run below the call that asked for it, and says whose it is', () => {
  const parent = 'parent-run'
  const call = toolSpanId(parent, 'call_9', 1)
  const trace = { traceId: 'a'.repeat(32), parentSpanId: call, sampled: true }
  const [member] = describeAttempt(attempt({ trace, parentRunId: parent, marks: [] }))
  expect(member).toMatchObject({ parentSpanId: call, traceId: 'a'.repeat(32) })
  expect(member?.attributes).toMatchObject({
    'agentos.run.parent_id': parent,
    'graph.node.parent_id': spanIdOf(parent, 'run'),
  })
})

test.each([
  ['team', { 'agno.team.id': 'weather', 'gen_ai.operation.name': 'invoke_agent' }],
  ['workflow', { 'agno.workflow.id': 'weather', 'gen_ai.operation.name': 'invoke_workflow' }],
] as const)('the run of a %s goes under names of its own', (runType, expected) => {
  const { attributes } = only(describeAttempt(attempt({ runType })), 'AGENT')
  expect(attributes).toMatchObject(expected)
  expect(attributes).not.toHaveProperty('agno.agent.id')
})

test('an attempt points to what has caused it in another trace, also when it was lost', () => {
  const links = [{ traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }]
  expect(only(describeAttempt(attempt({ links })), 'AGENT').links).toEqual(links)
  const lostBefore = [lostAttempt({ links })]
  const [lost, second] = describeAttempt(
    attempt({ attempt: 2, origin: 'recover', marks: [], messages: [], lostBefore }),
  )
  expect([lost?.links, second?.links]).toEqual([links, undefined])
})
