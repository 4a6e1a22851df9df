/**
 * The `fetch` that provider packages use: keep-alive connections of `node:http`, which cost a third of the global `fetch`
 * per call, with time limits of its own. It sends one request and answers with its response: no redirects, no cookies, no
 * compression, no retries (those are the loop's). An aborted call closes its connection, so that the provider stops too.
 * @module
 */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'

export type TransportLimits = {
  /** Longest time until a connection stands, in milliseconds. */
  readonly connectMs: number
  /** Longest time from the request to the first byte of the answer, in milliseconds. */
  readonly firstByteMs: number
  /** Longest silence within an answer, in milliseconds. */
  readonly idleMs: number
}

export const DEFAULT_LIMITS: TransportLimits = { connectMs: 10_000, firstByteMs: 300_000, idleMs: 300_000 }

export type Transport = {
  readonly fetch: typeof fetch
  /** Closes all connections, those of running calls too. */
  readonly close: () => void
}

type Env = Readonly<Record<string, string | undefined>>
type Agents = { readonly http: HttpAgent; readonly https: HttpsAgent }

/** Connections kept open per host for the next call. */
const IDLE_SOCKETS = 64
/** Bytes of an answer that may wait for their reader before the connection is paused. */
const BUFFER_BYTES = 262_144

/** @param env where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read, in either case */
export function createTransport(env: Env, limits: TransportLimits = DEFAULT_LIMITS): Transport {
  const proxyEnv = proxiesOf(env)
  const options = { keepAlive: true, maxFreeSockets: IDLE_SOCKETS, ...(proxyEnv === undefined ? {} : { proxyEnv }) }
  const agents: Agents = { http: new HttpAgent(options), https: new HttpsAgent(options) }
  return {
    fetch: (input, init) => send(agents, limits, input, init, true),
    close: () => {
      agents.http.destroy()
      agents.https.destroy()
    },
  }
}

function proxiesOf(env: Env): Env | undefined {
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy']
  const found = names.filter((name) => env[name])
  const proxied = found.some((name) => !name.toLowerCase().startsWith('no'))
  return proxied ? Object.fromEntries(found.map((name) => [name, env[name]])) : undefined
}

function send(
  agents: Agents,
  limits: TransportLimits,
  input: Parameters<typeof fetch>[0],
  init: RequestInit | undefined,
  mayRepeat: boolean,
): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input)
  const body = bodyOf(init?.body)
  const signal = init?.signal ?? undefined
  const { promise, resolve, reject } = Promise.withResolvers<Response>()
  if (signal?.aborted === true) {
    reject(signal.reason as Error)
    return promise
  }
  const secure = url.protocol === 'https:'
  const request = (secure ? httpsRequest : httpRequest)(url, {
    method: init?.method ?? 'GET',
    agent: secure ? agents.https : agents.http,
    headers: headersOf(url, init?.headers, body),
  })
  const timer = setTimeout(() => {
    request.destroy(new TimeoutFailure(`no answer within ${limits.firstByteMs} ms`))
  }, limits.firstByteMs)
  const onAbort = () => request.destroy(signal?.reason as Error)
  signal?.addEventListener('abort', onAbort, { once: true })
  limitConnecting(request, limits.connectMs)
  request.once('response', (response) => {
    clearTimeout(timer)
    resolve(toResponse(response, limits.idleMs))
  })
  request.on('error', (error: NodeJS.ErrnoException) => {
    // The host may close an idle connection in the moment in which it is used again: it has not seen the request then.
    const stale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
    if (stale && mayRepeat && signal?.aborted !== true) resolve(send(agents, limits, input, init, false))
    else reject(signal?.aborted === true ? (signal.reason as Error) : error)
  })
  request.once('close', () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  })
  request.end(body)
  return promise
}

function limitConnecting(request: ClientRequest, connectMs: number): void {
  request.once('socket', (socket: Socket) => {
    if (!socket.connecting) return
    const timer = setTimeout(() => {
      request.destroy(new TimeoutFailure(`no connection within ${connectMs} ms`))
    }, connectMs)
    const clear = () => clearTimeout(timer)
    socket.once('connect', clear).once('close', clear)
  })
}

function toResponse(message: IncomingMessage, idleMs: number): Response {
  const status = message.statusCode ?? 0
  const headers = new Headers()
  for (const [name, value] of Object.entries(message.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  }
  const init = { status, statusText: message.statusMessage ?? '', headers }
  if (status === 204 || status === 304) {
    message.resume()
    return new Response(null, init)
  }
  return new Response(toStream(message, idleMs), init)
}

function toStream(message: IncomingMessage, idleMs: number): ReadableStream<Uint8Array> {
  let timer: NodeJS.Timeout | undefined
  const source = {
    start: (controller: ReadableStreamDefaultController<Uint8Array>) => {
      timer = setTimeout(() => message.destroy(new TimeoutFailure(`silent for ${idleMs} ms`)), idleMs)
      message.on('data', (chunk: Buffer) => {
        controller.enqueue(chunk)
        if ((controller.desiredSize ?? 0) > 0) return void timer?.refresh()
        // A reader that takes its time is not a silent provider.
        clearTimeout(timer)
        message.pause()
        return undefined
      })
      message.once('end', () => controller.close())
      message.once('error', (error) => controller.error(error))
      message.once('close', () => clearTimeout(timer))
    },
    pull: () => {
      if (!message.isPaused()) return
      timer?.refresh()
      message.resume()
    },
    cancel: (reason: unknown) => {
      message.removeAllListeners('end')
      message.destroy(reason instanceof Error ? reason : undefined)
    },
  }
  return new ReadableStream<Uint8Array>(source, { highWaterMark: BUFFER_BYTES, size: (chunk) => chunk.byteLength })
}

/** A time limit, under the code by which network failures are known. */
class TimeoutFailure extends Error {
  override readonly name = 'TimeoutFailure'
  readonly code = 'ETIMEDOUT'
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null || typeof body === 'string' || body instanceof Uint8Array) {
    return body ?? undefined
  }
  throw new TypeError('the model transport sends text or bytes only')
}

function headersOf(
  url: URL,
  given: RequestInit['headers'] | undefined,
  body: string | Uint8Array | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of given instanceof Headers || Array.isArray(given) ? given : Object.entries(given ?? {})) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value
  }
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body))
  if (url.username !== '' && headers['authorization'] === undefined) {
    const user = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(user).toString('base64')}`
  }
  return headers
}
