import { expect, test } from 'vitest'
import type { Span, Trace } from '../../storage/traces/traces.ts'
import { formatDuration, partOfRun, toTraceDetail, toTraceNode } from './trace.ts'

const at = (ms: number) => new Date(1_795_409_561_000 + ms)

const trace: Trace = {
  traceId: 'a'.repeat(32),
  name: 'Assistant.run',
  status: 'OK',
  startTime: at(0),
  endTime: at(2500),
  totalSpans: 4,
  errorCount: 0,
  input: 'hi…',
  output: 'cut…',
  error: null,
  runId: 'run-1',
  sessionId: 's',
  userId: null,
  agentId: 'assistant',
  teamId: null,
  workflowId: null,
  createdAt: at(3000),
}

function span(spanId: string, given: Partial<Span> = {}): Span {
  return {
    traceId: trace.traceId,
    spanId,
    parentSpanId: 'root',
    name: spanId,
    kind: 'LLM',
    startTime: at(10),
    endTime: at(20),
    error: null,
    runId: 'run-1',
    attributes: {},
    ...given,
  }
}

const tokens = { 'llm.model_name': 'gpt-5', 'llm.token_count.prompt': 20, 'llm.token_count.completion': 5 }
const io = { 'input.value': 'hi, all of it', 'output.value': 'hello', 'session.id': 's' }
const root = span('root', {
  parentSpanId: 'of the caller',
  kind: 'AGENT',
  startTime: at(0),
  endTime: at(1000),
  attributes: io,
})
const spans = [
  root,
  span('llm', { attributes: tokens }),
  span('tool', { kind: 'TOOL', attributes: { 'tool.name': 't', 'tool.parameters': '{}' } }),
]

test('shows a tree, the root standing for the trace', () => {
  expect(toTraceDetail(trace, spans)).toEqual({
    trace_id: trace.traceId,
    name: 'Assistant.run',
    status: 'OK',
    duration: '2.50s',
    start_time: '2026-11-23T04:52:41.000Z',
    end_time: '2026-11-23T04:52:43.500Z',
    total_spans: 4,
    error_count: 0,
    input: 'hi, all of it',
    output: 'hello',
    run_id: 'run-1',
    session_id: 's',
    agent_id: 'assistant',
    created_at: '2026-11-23T04:52:44.000Z',
    tree: [
      {
        id: 'root',
        name: 'root',
        type: 'AGENT',
        status: 'OK',
        duration: '2.50s',
        start_time: '2026-11-23T04:52:41.000Z',
        end_time: '2026-11-23T04:52:43.500Z',
        metadata: { total_input_tokens: 20, total_output_tokens: 5 },
        spans: [
          {
            id: 'llm',
            name: 'llm',
            type: 'LLM',
            status: 'OK',
            duration: '10ms',
            start_time: '2026-11-23T04:52:41.010Z',
            end_time: '2026-11-23T04:52:41.020Z',
            metadata: { model: 'gpt-5', input_tokens: 20, output_tokens: 5 },
          },
          expect.objectContaining({ id: 'tool', type: 'TOOL', metadata: { tool_name: 't', parameters: '{}' } }),
        ],
      },
    ],
  })
})

test('tells what the attempt that ended last said, and why the trace is an error', () => {
  const lost = { ...root, error: 'replica lost' }
  const again = span('again', {
    kind: 'AGENT',
    startTime: at(2000),
    endTime: at(2500),
    attributes: { 'output.value': 'late', 'agentos.run.attempt': 2, 'agentos.run.origin': 'recover' },
  })
  const failed: Trace = { ...trace, status: 'ERROR', errorCount: 1 }
  const detail = toTraceDetail(failed, [lost, again])
  expect(detail).toMatchObject({ input: 'hi, all of it', output: 'late', error: 'replica lost' })
  expect(detail.tree[0]).not.toHaveProperty('error')
  expect(detail.tree[0]?.spans?.[0]).toMatchObject({
    id: 'again',
    output: 'late',
    metadata: { run_id: 'run-1', attempt: 2, origin: 'recover' },
  })
})

test('falls back to the previews when the spans are gone, and puts at the top what lost its parent', () => {
  expect(toTraceDetail(trace, [])).toMatchObject({ input: 'hi…', output: 'cut…', tree: [] })
  const { tree } = toTraceDetail(trace, [root, span('child', { parentSpanId: 'dropped', error: 'x' })])
  expect(tree).toMatchObject([{ id: 'root' }, { id: 'child', status: 'ERROR', error: 'x' }])
})

test('a span that names itself or its child as its parent is left out and stops nothing', () => {
  const loop = [span('a', { parentSpanId: 'b' }), span('b', { parentSpanId: 'a' }), span('c', { parentSpanId: 'c' })]
  expect(toTraceDetail(trace, [root, ...loop]).tree).toHaveLength(1)
})

test('gives the part of one run, with the runs that it caused', () => {
  const other = span('other', { kind: 'AGENT', runId: 'run-2', parentSpanId: null, startTime: at(5) })
  const called = span('called', {
    kind: 'AGENT',
    runId: 'run-3',
    parentSpanId: 'tool',
    startTime: at(30),
    endTime: at(1500),
    error: 'no',
  })
  const part = partOfRun(trace, [root, other, ...spans.slice(1), called], 'run-1')
  expect(part?.spans.map(({ spanId }) => spanId)).toEqual(['root', 'llm', 'tool', 'called'])
  expect(part?.trace).toMatchObject({ name: 'root', status: 'ERROR', errorCount: 1, totalSpans: 4, endTime: at(1500) })
  expect(partOfRun(trace, [root, other], 'run-2')?.trace).toMatchObject({
    runId: 'run-2',
    name: 'other',
    sessionId: null,
  })
  expect(partOfRun(trace, spans, 'nope')).toBeUndefined()
})

test('in the part of a run, a child that began with its parent stays below it', () => {
  const called = span('called', { kind: 'AGENT', runId: 'run-3', parentSpanId: 'tool', endTime: at(90) })
  const llm = span('a', { runId: 'run-3', parentSpanId: 'called', attributes: { 'agentos.time_to_first_token_ms': 7 } })
  const all = [llm, called, ...spans]
  expect(partOfRun(trace, all, 'run-3')).toMatchObject({
    trace: { name: 'called' },
    spans: [{ spanId: 'a' }, { spanId: 'called' }],
  })
  expect(partOfRun(trace, all, 'run-1')?.spans).toHaveLength(5)
  expect(toTraceNode(llm).metadata).toEqual({ time_to_first_token_ms: 7 })
})

test('tells agents, teams and workflows apart', () => {
  const typeOf = (attributes: Span['attributes']) => toTraceNode(span('x', { kind: 'AGENT', attributes })).type
  expect([typeOf({}), typeOf({ 'agno.team.id': 't' }), typeOf({ 'agno.workflow.id': 'w' })]).toEqual([
    'AGENT',
    'TEAM',
    'WORKFLOW',
  ])
})

test('writes durations in whole milliseconds, or in seconds', () => {
  expect([0, 122.6, 999.4, 999.6, 1500, 61_234, -3].map(formatDuration)).toEqual([
    '0ms',
    '123ms',
    '999ms',
    '1.00s',
    '1.50s',
    '61.23s',
    '0ms',
  ])
})
