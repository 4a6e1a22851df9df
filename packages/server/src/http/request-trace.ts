/**
 * The trace context of a request that has to do with a run: what its caller sent, and a SERVER span where somebody records
 * those. It stands between caller and run where the request starts the run; later requests without a caller of their own
 * stand below the run, and those with one point to it.
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { SpanLink, SpanRecord, SpanRun } from '../base/span.ts'
import { formatTraceparent, parseTraceparent, spanIdOf, traceOf } from '../base/trace-context.ts'
import { wasAborted } from './aborted.ts'
import type { AppDeps } from './deps.ts'
import { pathOf } from './request-path.ts'

export type RequestTrace = {
  /** What a run that this request starts is part of; null begins a trace. Settled once the request has joined a run. */
  readonly traceparent: string | null
  /** The run that it is about. */
  readonly names: (run: SpanRun) => void
  /** It is about a run that is there already. */
  readonly joins: (run: JoinedRun) => void
}

export type JoinedRun = Pick<SpanRun, 'runId' | 'sessionId' | 'userId'> & {
  readonly componentId: string
  readonly traceparent: string | null
}

/** Longest user agent that is told, in characters. */
const MAX_USER_AGENT = 256

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
  const startMs = clock.now() - request.notes.elapsedMs()
  let context = caller ?? { traceId: ownId, parentSpanId: null, sampled: tracing.isSampled(ownId) }
  let run: SpanRun | null = null
  let links: readonly SpanLink[] = []
  reply.raw.once('close', () => {
    const status = reply.raw.statusCode
    const { traceId, parentSpanId, sampled } = context
    const ids = { traceId, spanId, parentSpanId }
    const name = `${route.method} ${route.path}`
    const times = { startMs, endMs: clock.now(), error: status >= 500 ? `HTTP ${status}` : null }
    const attributes = attributesOf(request, route, status, wasAborted(request, reply))
    tracing.server({ ...ids, ...times, name, kind: 'SERVER', attributes, run, links }, sampled)
  })
  return {
    get traceparent() {
      return formatTraceparent(context.traceId, spanId, context.sampled)
    },
    names: (named) => {
      run = named
    },
    joins: ({ runId, sessionId, userId, componentId, traceparent }) => {
      run = { runId, sessionId, userId, agentId: componentId }
      const { traceId, parentSpanId, sampled } = traceOf(runId, traceparent)
      const root = { traceId, spanId: spanIdOf(runId, 'run') }
      if (caller !== undefined) {
        if (caller.traceId !== traceId) links = [root]
        return
      }
      // A run that nobody has called is sampled by its trace, as its own spans are.
      const isSampled = parentSpanId === null ? tracing.isSampled(traceId) : sampled
      context = { traceId, parentSpanId: root.spanId, sampled: isSampled }
    },
  }
}

/** OpenTelemetry semantic conventions for HTTP servers, 1.23. @param aborted whether the client went away before the end */
function attributesOf(
  request: FastifyRequest,
  { method, path }: TracedRoute,
  status: number,
  aborted: boolean,
): SpanRecord['attributes'] {
  const { host, 'user-agent': userAgent } = request.headers
  return {
    'http.request.method': method,
    'http.route': path,
    'http.response.status_code': status,
    'url.path': pathOf(request),
    'url.scheme': request.protocol,
    'network.protocol.version': request.raw.httpVersion,
    ...(host !== undefined && { 'server.address': request.hostname }),
    ...(userAgent !== undefined && { 'user_agent.original': userAgent.slice(0, MAX_USER_AGENT) }),
    'agentos.request_id': request.id,
    ...(aborted && { 'agentos.request.aborted': true }),
    ...(status >= 500 && { 'error.type': String(status) }),
  }
}
