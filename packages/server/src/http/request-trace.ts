/**
 * The trace context of a request that starts a run: what its caller sent, and a SERVER span between caller and run where
 * somebody records those.
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SpanRecord, SpanRun } from '../base/span.ts'
import { formatTraceparent, parseTraceparent, type TraceContext } from '../base/trace-context.ts'
import type { AppDeps } from './deps.ts'
import { pathOf } from './server.ts'

export type RequestTrace = {
  /** What a run that this request starts is part of; null begins a trace. */
  readonly traceparent: string | null
  /** The run that it is about. */
  readonly names: (run: SpanRun) => void
  /** Without a caller of its own, the request is part of this trace, below this span. */
  readonly joins: (trace: TraceContext, parentSpanId: string) => void
}

type TracedRoute = { readonly method: string; readonly path: string }

/** Begins the span of a request; it ends with the connection's part of it, however the answer was sent. */
export function traceRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  route: TracedRoute,
  { tracing, ids, clock }: Pick<AppDeps, 'tracing' | 'ids' | 'clock'>,
): RequestTrace {
  const header = request.headers['traceparent']
  const caller = typeof header === 'string' ? parseTraceparent(header) : undefined
  if (tracing === undefined) {
    const traceparent = caller === undefined ? null : String(header).trim()
    return { traceparent, names: () => {}, joins: () => {} }
  }
  const ownId = ids.uuid().replaceAll('-', '')
  const spanId = ids.uuid().replaceAll('-', '').slice(-16)
  const startMs = clock.now() - reply.elapsedTime
  let context = caller ?? { traceId: ownId, parentSpanId: null, sampled: tracing.isSampled(ownId) }
  let run: SpanRun | null = null
  reply.raw.once('close', () => {
    const status = reply.raw.statusCode
    const { traceId, parentSpanId, sampled } = context
    const ids = { traceId, spanId, parentSpanId }
    const name = `${route.method} ${route.path}`
    const times = { startMs, endMs: clock.now(), error: status >= 500 ? `HTTP ${status}` : null }
    const attributes = attributesOf(request, route, status)
    tracing.server({ ...ids, ...times, name, kind: 'SERVER', attributes, run }, sampled)
  })
  return {
    traceparent: formatTraceparent(context.traceId, spanId, context.sampled),
    names: (named) => {
      run = named
    },
    joins: (trace, parentSpanId) => {
      if (caller === undefined) context = { ...trace, parentSpanId }
    },
  }
}

/** OpenTelemetry semantic conventions for HTTP servers, 1.23. */
function attributesOf(
  request: FastifyRequest,
  { method, path }: TracedRoute,
  status: number,
): SpanRecord['attributes'] {
  return {
    'http.request.method': method,
    'http.route': path,
    'http.response.status_code': status,
    'url.path': pathOf(request),
    'url.scheme': request.protocol,
    'agentos.request_id': request.id,
    ...(status >= 500 && { 'error.type': String(status) }),
  }
}
