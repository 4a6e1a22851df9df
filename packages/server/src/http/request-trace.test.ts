import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createIds } from '../base/ids.ts'
import type { SpanRecord } from '../base/span.ts'
import { formatTraceparent, parseTraceparent, spanIdOf } from '../base/trace-context.ts'
import { createLog } from '../telemetry/log.ts'
import { type JoinedRun, type RequestTrace, traceRequest } from './request-trace.ts'
import { createServer } from './server.ts'

const ids = createIds(systemClock)
const redact = (text: string) => text
const log = createLog({ level: 'error', format: 'json', redact, write: () => {} })
const CALLER = { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16) }
const TRACEPARENT = formatTraceparent(CALLER.traceId, CALLER.spanId, true)
const RUN: JoinedRun = {
  runId: '01938e6f-7c3b-7def-8a2b-0123456789ab',
  sessionId: 's',
  userId: null,
  componentId: 'assistant',
  traceparent: null,
}
const OWN = { traceId: RUN.runId.replaceAll('-', ''), spanId: spanIdOf(RUN.runId, 'run') }

type Told = { readonly span: SpanRecord; readonly sampled: boolean; readonly traceparent: string | null }

/** One request through a real server, and what was told of it. */
async function ask(
  handle: (trace: RequestTrace) => number | void,
  { headers = {}, sampled = true }: { headers?: Record<string, string>; sampled?: boolean } = {},
): Promise<Told> {
  const { promise, resolve } = Promise.withResolvers<Omit<Told, 'traceparent'>>()
  let traceparent: string | null = null
  await using app = createServer({ ids, clock: systemClock, log, redact, bodyLimitBytes: 1024, accessLog: 'off' })
  app.get('/runs/:id', (request, reply) => {
    const tracing = {
      server: (span: SpanRecord, isSampled: boolean) => resolve({ span, sampled: isSampled }),
      isSampled: () => sampled,
    }
    const route = { method: 'GET', path: '/runs/{id}' }
    const trace = traceRequest(request, reply, route, { tracing, ids, clock: systemClock })
    const status = handle(trace) ?? 200
    ;({ traceparent } = trace)
    return reply.code(status).send('done')
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const response = await fetch(`${url}/runs/7?key=secret`, { headers })
  await response.text()
  return { ...(await promise), traceparent }
}

test('a request is a span by the names of the convention, its path without what may be secret', async () => {
  const { span } = await ask(() => {}, { headers: { 'user-agent': 'x'.repeat(1_000) } })
  expect(span).toMatchObject({ name: 'GET /runs/{id}', kind: 'SERVER', error: null, parentSpanId: null })
  expect(span.attributes).toMatchObject({
    'http.request.method': 'GET',
    'http.route': '/runs/{id}',
    'http.response.status_code': 200,
    'url.path': '/runs/7',
    'url.scheme': 'http',
    'server.address': '127.0.0.1',
    'network.protocol.version': '1.1',
    'user_agent.original': 'x'.repeat(256),
  })
  expect(JSON.stringify(span)).not.toContain('secret')
  expect(span.attributes).not.toHaveProperty('agentos.request.aborted')
})

test('a request that fails by our fault is an error, one that fails by its own is not', async () => {
  const failed = await ask(() => 503)
  expect(failed.span).toMatchObject({ error: 'HTTP 503', attributes: { 'error.type': '503' } })
  expect((await ask(() => 404)).span.error).toBeNull()
})

test('a run that a request starts is below it, in the trace of its caller', async () => {
  const { span, traceparent } = await ask(() => {}, { headers: { traceparent: TRACEPARENT } })
  expect(span).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId })
  expect(traceparent).toBe(formatTraceparent(CALLER.traceId, span.spanId, true))
})

test.each([true, false])(
  'without a caller, a later request is part of the run, sampled as its trace is: %s',
  async (sampled) => {
    const told = await ask((trace) => trace.joins(RUN), { sampled })
    expect(told.span).toMatchObject({ traceId: OWN.traceId, parentSpanId: OWN.spanId, links: [] })
    expect(told.span.run).toEqual({ runId: RUN.runId, sessionId: 's', userId: null, agentId: 'assistant' })
    expect(told.sampled).toBe(sampled)
    expect(parseTraceparent(told.traceparent ?? '')).toMatchObject({
      traceId: OWN.traceId,
      parentSpanId: told.span.spanId,
    })
  },
)

test('a later request of a run that somebody called is recorded when that caller wanted it', async () => {
  const traceparent = formatTraceparent(CALLER.traceId, CALLER.spanId, false)
  const told = await ask((trace) => trace.joins({ ...RUN, traceparent }))
  expect(told).toMatchObject({ sampled: false, span: { traceId: CALLER.traceId } })
})

test('with a caller of its own, a later request stays in that trace and points to the run', async () => {
  const { span } = await ask((trace) => trace.joins(RUN), { headers: { traceparent: TRACEPARENT } })
  expect(span).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId, links: [OWN] })
  const same = await ask((trace) => trace.joins({ ...RUN, traceparent: TRACEPARENT }), {
    headers: { traceparent: TRACEPARENT },
  })
  expect(same.span.links).toEqual([])
})

test('where nobody records requests, the context of the caller passes as it is', async () => {
  await using app = createServer({ ids, clock: systemClock, log, redact, bodyLimitBytes: 1024, accessLog: 'off' })
  app.get('/', (request, reply) => {
    const trace = traceRequest(
      request,
      reply,
      { method: 'GET', path: '/' },
      { tracing: undefined, ids, clock: systemClock },
    )
    trace.joins(RUN)
    return String(trace.traceparent)
  })
  expect((await app.inject({ url: '/', headers: { traceparent: TRACEPARENT } })).body).toBe(TRACEPARENT)
  expect((await app.inject({ url: '/', headers: { traceparent: 'nonsense' } })).body).toBe('null')
})
