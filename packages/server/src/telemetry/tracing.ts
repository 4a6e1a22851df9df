/**
 * Traces of runs: makes spans of every attempt and hands them to each receiver (a sink), with as much content as it may
 * have. Nothing here can slow or fail a run: spans are made between two turns of the event loop, queues are bounded, and
 * what a sink does stays with that sink.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { Redact } from '../base/redact.ts'
import type { SpanRecord } from '../base/span.ts'
import type { TraceContext } from '../base/trace-context.ts'
import { describeAttempt } from './attempt-spans.ts'
import type { Log, LogFields } from './log.ts'
import { cleanSpan, type ContentLevel, limitContent } from './span-content.ts'
import { createSpanQueue, type SpanQueue } from './span-queue.ts'

/** Somebody who takes spans. */
export type SpanSink = {
  readonly name: string
  readonly content: ContentLevel
  /** Whether it gets spans of requests, and heeds what a caller has decided about its trace; else only runs count. */
  readonly isDistributed: boolean
  /** Rejects when the spans did not arrive; may go on after `signal` aborts, but nobody waits for it then. */
  readonly export: (spans: readonly SpanRecord[], signal: AbortSignal) => Promise<void>
  /** Whether the same spans may arrive later. */
  readonly mayPass: (error: unknown) => boolean
}

export type TracingOptions = {
  readonly sinks: readonly SpanSink[]
  /** Share of traces that are kept, 0 to 1; failures always are. */
  readonly sampleRatio: number
  readonly redact: Redact
  readonly log: Log
  /** 0 to 1, for jitter. */
  readonly random: () => number
  /** Spans that never arrived, for metrics. */
  readonly onDropped?: (sink: string, spans: number) => void
}

export type Tracing = {
  /** An attempt of a run is over. */
  readonly record: (attempt: AttemptRecord) => void
  /** A request is over. @param sampled what was decided about its trace */
  readonly server: (span: SpanRecord, sampled: boolean) => void
  /** Whether a trace that begins here is kept: the same on every replica. */
  readonly isSampled: (traceId: string) => boolean
  /** How many spans wait for each sink. */
  readonly queued: () => readonly { readonly sink: string; readonly spans: number }[]
  /** Sends what waits. Resolves when it has gone, or after `ms` milliseconds. Never rejects. */
  readonly flush: (ms: number) => Promise<void>
  readonly close: () => void
}

/** Spans that may wait for a sink: a burst of some thousand runs, or a minute without a collector. */
const MAX_SPANS = 20_000
/** What waits when a process is killed is lost, so it does not wait long. */
const QUEUE = { maxSpans: MAX_SPANS, batchSpans: 512, batchMs: 250, exportMs: 10_000 }
/** About a minute, which is how long a collector takes to start again. */
const RETRY = { retry: { baseMs: 1000, maxMs: 30_000 }, retries: 6 }

type Route = { readonly sink: SpanSink; readonly queue: SpanQueue }

/** @throws {RangeError} when `sampleRatio` is not a number from 0 to 1 */
export function createTracing(options: TracingOptions): Tracing {
  const { sampleRatio, redact, log } = options
  if (!(sampleRatio >= 0 && sampleRatio <= 1)) throw new RangeError(`sampleRatio must be 0 to 1, got ${sampleRatio}`)
  const routes = options.sinks.map((sink) => openRoute(sink, options))
  const level = highest(options.sinks)
  const isSampled = (traceId: string) => isWithin(traceId, sampleRatio)
  let arrived: AttemptRecord[] = []
  let soon: NodeJS.Immediate | undefined

  function describe(): void {
    soon = undefined
    const attempts = arrived
    arrived = []
    for (const attempt of attempts) {
      try {
        push(describeAttempt(attempt, level), attempt.trace)
      } catch (error) {
        const { runId, trace } = attempt
        log.error('the spans of a run could not be made', { run_id: runId, trace_id: trace.traceId, error })
      }
    }
  }

  function push(spans: readonly SpanRecord[], trace: TraceContext): void {
    const hasFailed = spans.some(({ error }) => error !== null)
    const byTrace = hasFailed || isSampled(trace.traceId)
    const byCaller = hasFailed || (trace.parentSpanId === null ? byTrace : trace.sampled)
    const wanting = routes.filter(({ sink }) => (sink.isDistributed ? byCaller : byTrace))
    if (wanting.length === 0) return
    const clean = spans.map((span) => cleanSpan(span, redact))
    for (const { sink, queue } of wanting) {
      const wanted = sink.isDistributed ? clean : clean.filter(({ kind }) => kind !== 'SERVER')
      if (wanted.length > 0) queue.push(wanted.map((span) => limitContent(span, sink.content)))
    }
  }

  return {
    record(attempt) {
      if (routes.length === 0) return
      arrived.push(attempt)
      // The end of the run is on its way to its listeners; they come first.
      soon ??= setImmediate(describe)
    },
    server: ({ ...span }, sampled) => push([span], { traceId: span.traceId, parentSpanId: span.parentSpanId, sampled }),
    isSampled,
    queued: () => routes.map(({ sink, queue }) => ({ sink: sink.name, spans: queue.size() })),
    async flush(ms) {
      clearImmediate(soon)
      describe()
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, ms)
      await Promise.race([Promise.all(routes.map(({ queue }) => queue.flush())), late])
      clearTimeout(timer)
    },
    close() {
      clearImmediate(soon)
      for (const { queue } of routes) queue.close()
    },
  }
}

/**
 * Consistent with other samplers that go by the last 56 bits of the trace id
 * (https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/); 52 of them are compared.
 */
function isWithin(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-14, -1), 16) >= (1 - ratio) * 2 ** 52
}

function highest(sinks: readonly SpanSink[]): ContentLevel {
  const levels = sinks.map(({ content }) => content)
  return levels.includes('messages') ? 'messages' : levels.includes('values') ? 'values' : 'none'
}

function openRoute(sink: SpanSink, { log, random, onDropped }: TracingOptions): Route {
  let said: 'nothing' | 'late' | 'lost' = 'nothing'
  /** Once per trouble, not once per batch. */
  const complain = (what: 'late' | 'lost', message: string, fields: LogFields) => {
    if (said === what || said === 'lost') return
    said = what
    log.warn(message, { sink: sink.name, ...fields })
  }
  const queue = createSpanQueue(
    { ...QUEUE, ...RETRY },
    {
      send: (spans, signal) => sink.export(spans, signal),
      mayPass: sink.mayPass,
      random,
      onTrouble: (error) => complain('late', 'spans do not arrive, trying again', { error }),
      onDropped: (spans, error) => {
        onDropped?.(sink.name, spans)
        complain('lost', 'spans are dropped', { spans, error })
      },
      onSent: () => {
        if (said !== 'nothing') log.info('spans arrive again', { sink: sink.name })
        said = 'nothing'
      },
    },
  )
  return { sink, queue }
}
