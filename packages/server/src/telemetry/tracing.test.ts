import { expect, test } from 'vitest'
import { createRedact } from '../base/redact.ts'
import type { SpanRecord } from '../base/span.ts'
import { createLog } from './log.ts'
import { attempt, MARKS } from './testing/attempt.ts'
import { createTracing, type SpanSink, type TracingOptions } from './tracing.ts'

const ERROR = { status: 'ERROR', error: { code: 'STEP_LIMIT', message: 'too many' } } as const

function sink(name: string, given: Partial<SpanSink> = {}) {
  const spans: SpanRecord[] = []
  const take = async (batch: readonly SpanRecord[]) => void spans.push(...batch)
  return { name, content: 'values', isDistributed: false, export: take, mayPass: () => false, ...given, spans } as const
}

function open(sinks: TracingOptions['sinks'], options: Partial<TracingOptions> = {}) {
  const lines: string[] = []
  const redact = createRedact([])
  const log = createLog({ level: 'info', format: 'json', redact, write: (line) => lines.push(line) })
  const tracing = createTracing({ sinks, sampleRatio: 1, redact, log, random: () => 0, ...options })
  return { ...tracing, lines, [Symbol.dispose]: tracing.close }
}

const REQUEST: SpanRecord = {
  traceId: 'a'.repeat(32),
  spanId: 'b'.repeat(16),
  parentSpanId: null,
  name: 'POST /',
  kind: 'SERVER',
  startMs: 1,
  endMs: 2,
  error: null,
  attributes: {},
  run: null,
}

test('every sink gets what it may have; requests go to those that see more than runs', async () => {
  const stored = sink('database')
  const sent = sink('otlp', { content: 'none', isDistributed: true })
  using tracing = open([stored, sent])
  tracing.record(attempt())
  tracing.server(REQUEST, true)
  await tracing.flush(1_000)
  expect(stored.spans.map(({ kind }) => kind)).toEqual(['AGENT', 'LLM', 'LLM', 'TOOL'])
  expect(sent.spans.map(({ kind }) => kind).toSorted()).toEqual(['AGENT', 'LLM', 'LLM', 'SERVER', 'TOOL'])
  expect(stored.spans[0]?.attributes).toHaveProperty('input.value')
  expect(JSON.stringify(sent.spans)).not.toContain('Oslo')
})

test('a sink that fails, throws or hangs costs the others nothing, and is said once', async () => {
  const good = sink('good')
  const hanging = sink('hanging', { export: () => new Promise(() => {}) })
  const failing = sink('failing', { export: () => Promise.reject(new Error('no')) })
  const throwing = sink('throwing', {
    export: () => {
      throw new TypeError('bug')
    },
  })
  const lost: string[] = []
  using tracing = open([hanging, failing, throwing, good], { onDropped: (name) => void lost.push(name) })
  for (let run = 0; run < 3; run++) {
    tracing.record(attempt())
    await tracing.flush(30)
  }
  expect(good.spans).toHaveLength(12)
  expect(lost.toSorted()).toEqual(['failing', 'failing', 'failing', 'throwing', 'throwing', 'throwing'])
  expect(tracing.lines.filter((line) => line.includes('spans are dropped'))).toHaveLength(2)
})

test('sampling keeps its share of the traces, whole, and the same ones everywhere', async () => {
  const stored = sink('database')
  using tracing = open([stored], { sampleRatio: 0.25 })
  using other = open([], { sampleRatio: 0.25 })
  const traces = Array.from({ length: 1_000 }, (_, index) => {
    const digits = Math.imul(index + 1, 0x9e3779b1) >>> 0
    return `${'a'.repeat(18)}${digits.toString(16).padStart(8, '0')}000000`
  })
  for (const traceId of traces) {
    tracing.record(attempt({ trace: { traceId, parentSpanId: null, sampled: true } }))
  }
  await tracing.flush(5_000)
  const kept = new Set(stored.spans.map(({ traceId }) => traceId))
  expect(kept.size).toBeGreaterThan(200)
  expect(kept.size).toBeLessThan(300)
  expect(stored.spans).toHaveLength(kept.size * 4)
  expect(traces.filter(other.isSampled)).toEqual([...kept])
})

test('failures are kept whatever is sampled: of the run, and of what it did', async () => {
  const stored = sink('database')
  using tracing = open([stored], { sampleRatio: 0 })
  tracing.record(attempt())
  tracing.record(attempt({ ...ERROR, runId: 'failed' }))
  const marks = MARKS.map((mark) =>
    mark.type === 'tool-end' ? { ...mark, tool: { ...mark.tool, isError: true } } : mark,
  )
  tracing.record(attempt({ marks, runId: 'tool' }))
  await tracing.flush(1_000)
  expect([...new Set(stored.spans.map(({ run }) => run?.runId))]).toEqual(['failed', 'tool'])
})

test('a caller decides for the collector, not for the database', async () => {
  const stored = sink('database')
  const sent = sink('otlp', { isDistributed: true })
  using tracing = open([stored, sent])
  const trace = { traceId: 'a'.repeat(32), parentSpanId: 'b'.repeat(16), sampled: false }
  tracing.record(attempt({ trace }))
  tracing.record(attempt({ ...ERROR, trace, marks: [] }))
  tracing.server({ ...REQUEST, parentSpanId: 'c'.repeat(16) }, false)
  await tracing.flush(1_000)
  expect(stored.spans).toHaveLength(5)
  expect(sent.spans.map(({ error }) => error)).toEqual(['too many'])
})

test('spans are made after the turn of the event loop that ended the run', async () => {
  const stored = sink('database')
  using tracing = open([stored], {})
  tracing.record(attempt())
  expect(stored.spans).toEqual([])
  await tracing.flush(1_000)
  expect(stored.spans).toHaveLength(4)
})

test('a flush ends when its time is over', async () => {
  using tracing = open([sink('hanging', { export: () => new Promise(() => {}) })])
  tracing.record(attempt())
  const begun = performance.now()
  await tracing.flush(50)
  expect(performance.now() - begun).toBeLessThan(500)
})

test('a ratio outside of 0 to 1 is refused', () => {
  expect(() => open([], { sampleRatio: 1.5 })).toThrow(RangeError)
})
