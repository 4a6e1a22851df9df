/**
 * Gives a route to Fastify: its input is checked, its handler called, its answer sent.
 * @module
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Auth, Caller } from '../auth/auth.ts'
import type { Scope } from '../auth/scope.ts'
import { traceOf } from '../base/trace-context.ts'
import { noteFirstByte, type RequestNotes } from './access-log.ts'
import type { AppDeps } from './deps.ts'
import { discardUploads, readInput, uploadsOf } from './input/input.ts'
import type { OpenStreams } from './stream/open-streams.ts'
import { type RequestTrace, traceRequest } from './request-trace.ts'
import { type Call, type Route, STREAMED } from './route.ts'
import type { UploadRules } from './input/spool.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
    uploads?: UploadRules | undefined
  }
  interface FastifyRequest {
    caller: Caller
  }
}

type Server = { readonly deps: AppDeps; readonly auth: Auth; readonly streams: OpenStreams }

export function registerRoute(app: FastifyInstance, route: Route, server: Server): void {
  const { deps } = server
  app.route({
    method: route.method,
    url: route.path.replaceAll(/\{(\w+)\}/g, ':$1'),
    config: { scope: route.scope, uploads: route.uploads },
    async handler(request, reply) {
      const trace = route.traced ? noteRun(traceRequest(request, reply, route, deps), request.notes) : UNTRACED
      const answer = await answerRequest(route, request, reply, { ...server, trace })
      if (answer === STREAMED) return reply
      if (reply.statusCode === 204) return reply.send()
      return reply.header('content-type', 'application/json').send(JSON.stringify(answer))
    },
  })
}

async function answerRequest(
  route: Route,
  request: FastifyRequest,
  reply: FastifyReply,
  server: Server & { readonly trace: RequestTrace },
): Promise<unknown> {
  try {
    const input = readInput(route, request)
    reply.code(route.status)
    const call = createCall(request, reply, server.trace, server)
    return await route.handle({ ...input, uploads: uploadsOf(request), deps: server.deps, call })
  } finally {
    await discardUploads(request)
  }
}

const UNTRACED: RequestTrace = { traceparent: null, names: () => {}, joins: () => {} }

/** Keeps what a handler says of its run for the access log. */
function noteRun(trace: RequestTrace, notes: RequestNotes): RequestTrace {
  return {
    get traceparent() {
      return trace.traceparent
    },
    names(run) {
      notes.run = run
      notes.traceId ??= traceOf(run.runId, trace.traceparent).traceId
      trace.names(run)
    },
    joins(run) {
      notes.run = run
      notes.traceId = traceOf(run.runId, run.traceparent).traceId
      trace.joins(run)
    },
  }
}

function createCall(
  request: FastifyRequest,
  reply: FastifyReply,
  trace: RequestTrace,
  { deps, auth, streams }: Server,
): Call {
  return {
    trace,
    requestId: request.id,
    caller: request.caller,
    auth,
    setHeader: (name, value) => void reply.header(name, value),
    setStatus: (status) => void reply.code(status),
    onDisconnect(listener) {
      const { socket } = request.raw
      if (socket.destroyed) listener()
      else socket.once('close', listener)
      return () => socket.off('close', listener)
    },
    takeOver(headers) {
      reply.hijack()
      noteFirstByte(request, reply)
      const sent = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)
      const leave = deps.settings.isStopping() ? { connection: 'close' } : {}
      reply.raw.writeHead(reply.statusCode, { ...Object.fromEntries(sent), ...headers, ...leave })
      return {
        response: reply.raw,
        register: streams.add,
      }
    },
  }
}
