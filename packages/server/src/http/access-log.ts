/**
 * The access log: one line for every request, when it is over. What a run is about is told by its handler; nothing of a
 * query, a body or a header that may be private is in it.
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Scope } from '../auth/scope.ts'
import type { Clock } from '../base/clock.ts'
import type { SpanRun } from '../base/span.ts'
import { parseTraceparent } from '../base/trace-context.ts'
import { wasAborted } from './aborted.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { pathOf } from './request-path.ts'

/** Which requests are written: all, those that failed or whose client went away, or none. */
export type AccessLogLevel = 'on' | 'errors' | 'off'

/** What is known of a request beyond the request itself; filled in while it is answered. */
export type RequestNotes = {
  run: Pick<SpanRun, 'runId' | 'userId'> | undefined
  traceId: string | undefined
  /** Milliseconds from the beginning to the first byte of a stream. */
  firstByteMs: number | undefined
  /** Milliseconds since the beginning. */
  readonly elapsedMs: () => number
}

declare module 'fastify' {
  interface FastifyRequest {
    notes: RequestNotes
  }
}

export type AccessLogDeps = {
  readonly log: Log
  readonly level: AccessLogLevel
  readonly metrics: Pick<Metrics, 'requestEnded'> | undefined
  readonly clock: Clock
}

/** Longest list of proxies that is told, in characters. */
const MAX_FORWARDED = 256

/** Watches a request to its end. To be called when it begins. */
export function watchRequest(request: FastifyRequest, reply: FastifyReply, deps: AccessLogDeps): void {
  const { log, level, metrics, clock } = deps
  const startedAt = clock.monotonic()
  // Not by the reply's own watch, which only runs while somebody has a hook for it.
  const elapsedMs = () => clock.monotonic() - startedAt
  request.notes = { run: undefined, traceId: undefined, firstByteMs: undefined, elapsedMs }
  const { socket } = request.raw
  // Of a connection that is used again, only what this answer adds counts.
  const sentBefore = socket.bytesWritten
  // Comes once, also when the client goes away, and for answers that a handler writes itself.
  reply.raw.once('close', () => {
    const { statusCode, headersSent } = reply.raw
    const status = headersSent ? statusCode : undefined
    const route = request.routeOptions.url?.replaceAll(/:(\w+)/g, '{$1}')
    metrics?.requestEnded({ method: request.method, route, status, seconds: elapsedMs() / 1000 })
    const aborted = wasAborted(request, reply)
    if (!isWanted(level, status, aborted)) return
    const bytes = socket.bytesWritten === undefined ? undefined : socket.bytesWritten - sentBefore
    const fields = describeRequest(request, { route, status, aborted, bytes })
    log[levelOf(request.routeOptions.config.scope, status, aborted)]('request', fields)
  })
}

/** Notes when the first byte of a stream is written, which may be long after its headers. */
export function noteFirstByte(request: FastifyRequest, reply: FastifyReply): void {
  const { raw } = reply
  const write = raw.write.bind(raw)
  // One call later nothing of this is left; the arguments are those of whichever overload was called.
  raw.write = ((...args: Parameters<typeof write>) => {
    raw.write = write
    request.notes.firstByteMs = request.notes.elapsedMs()
    return write(...args)
  }) as typeof write
}

function isWanted(level: AccessLogLevel, status: number | undefined, aborted: boolean): boolean {
  return level === 'on' || (level === 'errors' && (aborted || status === undefined || status >= 400))
}

/** Probes and collectors come every few seconds and say nothing as long as they succeed. */
const QUIET: ReadonlySet<Scope | undefined> = new Set(['public', 'metrics:read'])

function levelOf(scope: Scope | undefined, status: number | undefined, aborted: boolean): 'debug' | 'info' | 'warn' {
  if (status !== undefined && status >= 500) return 'warn'
  return QUIET.has(scope) && !aborted && status !== undefined && status < 400 ? 'debug' : 'info'
}

type Outcome = {
  readonly route: string | undefined
  readonly status: number | undefined
  readonly aborted: boolean
  readonly bytes: number | undefined
}

function describeRequest(request: FastifyRequest, { route, status, aborted, bytes }: Outcome) {
  const { id, method, ip, headers, notes } = request
  const { run, traceId, firstByteMs } = notes
  const forwarded = headers['x-forwarded-for']
  const path = pathOf(request)
  return {
    request_id: id,
    method,
    route,
    // Of a path without parameters, the route says it all.
    path: path === route ? undefined : path,
    status,
    duration_ms: hundredths(notes.elapsedMs()),
    first_byte_ms: firstByteMs === undefined ? undefined : hundredths(firstByteMs),
    bytes,
    aborted: aborted || undefined,
    user_id: run?.userId ?? undefined,
    run_id: run?.runId,
    trace_id: traceId ?? callerOf(headers['traceparent']),
    client_address: ip,
    forwarded_for: typeof forwarded === 'string' ? forwarded.slice(0, MAX_FORWARDED) : undefined,
  }
}

function callerOf(traceparent: string | readonly string[] | undefined): string | undefined {
  return typeof traceparent === 'string' ? parseTraceparent(traceparent)?.traceId : undefined
}

const hundredths = (ms: number) => Math.round(ms * 100) / 100
