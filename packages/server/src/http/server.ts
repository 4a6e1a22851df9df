/**
 * A Fastify server with what all our servers share: request ids, answers to failures, the access log.
 * @module
 */
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type AccessLogDeps, type AccessLogLevel, watchRequest } from './access-log.ts'
import type { AppDeps } from './deps.ts'
import { toProblem } from './problem.ts'
import { pathOf } from './request-path.ts'

/** Longest time a client may take to send a whole request. */
const REQUEST_TIMEOUT_MS = 120_000
/** Percent-encoded ids of 255 characters fit. */
const MAX_PARAM_LENGTH = 4096

type ServerDeps = Pick<AppDeps, 'ids' | 'log' | 'redact' | 'metrics' | 'clock'> & {
  readonly bodyLimitBytes: number
  readonly accessLog: AccessLogLevel
  /** Whether clients should go elsewhere. */
  readonly isStopping?: () => boolean
}

export function createServer(deps: ServerDeps): FastifyInstance {
  const { ids, log, redact, metrics, clock, bodyLimitBytes, accessLog, isStopping = () => false } = deps
  const watched = { log, level: accessLog, metrics, clock }
  const app = fastify({
    logger: false,
    bodyLimit: bodyLimitBytes,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // A request that still arrives on a kept connection is served, and the connection closed after it.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => validRequestId(request.headers['x-request-id']) ?? ids.uuid(),
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MAX_PARAM_LENGTH },
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, watched),
    frameworkErrors: (error, request, reply) => {
      // Hooks are not called for what is no request that a route could have.
      watchRequest(request, reply, watched)
      void sendProblem(error, request, reply)
    },
  })

  function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    const { status, headers, body, unexpected } = toProblem(error, redact, request.id)
    if (unexpected)
      log.error('a request failed', { ...idsOf(request), method: request.method, path: pathOf(request), error })
    return reply
      .code(status)
      .headers({ ...headers, 'x-request-id': request.id, 'content-type': 'application/json' })
      .send(JSON.stringify(body))
  }

  app.setErrorHandler(sendProblem)
  app.decorateRequest('notes')
  app.addHook('onRequest', (request, reply, next) => {
    watchRequest(request, reply, watched)
    reply.header('x-request-id', request.id)
    next()
  })
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  // Clients keep their connections to a server that balancers no longer choose, and would go on asking it. Closing also waits
  // for the connection of a request that came before, as long as its client keeps it.
  app.addHook('onSend', (_request, reply, _payload, next) => {
    if (isClosing || isStopping()) reply.header('connection', 'close')
    next()
  })
  return app
}

function idsOf({ id, notes }: FastifyRequest) {
  return { request_id: id, run_id: notes?.run?.runId, trace_id: notes?.traceId }
}

/** Ids of callers go into headers and logs: printable, without spaces, 1 to 128 characters. */
function validRequestId(header: string | readonly string[] | undefined): string | undefined {
  return typeof header === 'string' && /^[A-Za-z0-9._:/=+-]{1,128}$/.test(header) ? header : undefined
}

const REFUSALS: Readonly<Record<string, readonly [number, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
}

/** What is not HTTP has no request to answer, only a connection. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket, { log, level }: AccessLogDeps): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, reason] = REFUSALS[error.code ?? ''] ?? [400, 'Bad Request']
  if (level !== 'off') log.info('a request was refused', { status, reason, client_address: socket.remoteAddress })
  const body = JSON.stringify({ detail: reason, error_id: 'INVALID_REQUEST' })
  const head = `HTTP/1.1 ${status} ${reason}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`
  socket.end(head + body, () => socket.destroy())
}
