/**
 * Spans, for tests that care about one or two of their values.
 * @module
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { systemClock } from '../../base/clock.ts'
import type { SpanRecord } from '../../base/span.ts'

export function newTraceId(): string {
  return randomBytes(16).toString('hex')
}

/** Of kind AGENT, a second long, begun now, unless told otherwise. */
export function newSpan(given: Partial<SpanRecord> = {}): SpanRecord {
  const startMs = given.startMs ?? systemClock.now()
  return {
    traceId: newTraceId(),
    spanId: randomBytes(8).toString('hex'),
    parentSpanId: null,
    name: 'Assistant.run',
    kind: 'AGENT',
    startMs,
    endMs: startMs + 1000,
    error: null,
    attributes: {},
    run: { runId: randomUUID(), sessionId: 'session-1', userId: null, agentId: 'assistant' },
    ...given,
  }
}

/** What one run with a tool leaves: the run, two calls of the model and one of a tool, in a second. */
export function newTrace(given: Partial<SpanRecord> = {}): SpanRecord[] {
  const root = newSpan({
    attributes: { 'input.value': 'What is the weather in Oslo?', 'output.value': 'Sunny.' },
    ...given,
  })
  const { traceId, run, startMs } = root
  const shared = { traceId, run, parentSpanId: root.spanId }
  const tokens = { 'llm.token_count.prompt': 20, 'llm.token_count.completion': 5 }
  const llm = { kind: 'LLM', attributes: { 'llm.model_name': 'fake-1', ...tokens } } as const
  return [
    newSpan({ ...shared, ...llm, name: 'fake-1', startMs: startMs + 10, endMs: startMs + 200 }),
    newSpan({
      ...shared,
      kind: 'TOOL',
      name: 'get_weather',
      startMs: startMs + 210,
      endMs: startMs + 300,
      attributes: { 'tool.name': 'get_weather', 'tool.parameters': '{"city":"Oslo"}', 'output.value': 'Sunny in Oslo' },
    }),
    newSpan({ ...shared, ...llm, name: 'fake-1', startMs: startMs + 310, endMs: startMs + 900 }),
    root,
  ]
}
