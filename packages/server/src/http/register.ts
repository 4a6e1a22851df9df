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
import { readInput } from './input.ts'
import type { OpenStreams } from './open-streams.ts'
import { type RequestTrace, traceRequest } from './request-trace.ts'
import { type Call, type Route, STREAMED } from './route.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    scope?: Scope
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
    config: { scope: route.scope },
    async handler(request, reply) {
      const trace = route.traced ? noteRun(traceRequest(request, reply, route, deps), request.notes) : UNTRACED
      const input = readInput(route, request)
      reply.code(route.status)
      const answer = await route.handle({ ...input, deps, call: createCall(request, reply, trace, server) })
      if (answer === STREAMED) return reply
      if (reply.statusCode === 204) return reply.send()
      return reply.header('content-type', 'application/json').send(JSON.stringify(answer))
    },
  })
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
  { auth, streams }: Server,
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
      reply.raw.writeHead(reply.statusCode, { ...Object.fromEntries(sent), ...headers })
      return {
        response: reply.raw,
        register: streams.add,
      }
    },
  }
}
