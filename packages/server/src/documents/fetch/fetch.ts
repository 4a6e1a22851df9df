/**
 * Fetches what a URL names, within limits: of bytes as they come and as they inflate, of time, of redirects. Every hop is
 * checked as the first one was, and goes to an address that was checked.
 * @module
 */
import { type IncomingMessage, request as requestHttp, type RequestOptions } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { LookupFunction } from 'node:net'
import { PassThrough, type Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { AgentOSError } from '../../base/errors.ts'
import { describeUrl, type FetchPolicy, parseUrl, resolveUrl } from './resolve.ts'

export type FetchOptions = FetchPolicy & {
  /** Most bytes of the answer after inflating. */
  readonly bytes: number
  /** Longest time from the first hop to the last byte, in milliseconds. */
  readonly timeMs: number
  readonly signal: AbortSignal
  /** Sent to the host of the first URL only. */
  readonly headers?: Readonly<Record<string, string>>
}

export type Fetched = {
  /** After redirects. */
  readonly url: URL
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Without parameters, in small letters; empty when there is none. */
  readonly mimeType: string
  readonly charset: string | undefined
  /** Throws what `fetchUrl` throws. Whoever does not read it to the end leaves its loop, or aborts the signal. */
  readonly body: AsyncIterable<Uint8Array>
}

const USER_AGENT = 'AgentOS-knowledge/1.0'
const MOST_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])
/** A server that says nothing for so long will not say anything, in milliseconds. */
const IDLE_MS = 15_000
/** Answers that another try may change. */
const PASSING_STATUS = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524])

/**
 * Requests `text` with GET and follows redirects. The answer is one of success: others are errors.
 * @throws {AgentOSError} URL_NOT_ALLOWED, URL_NOT_FOUND, URL_UNAVAILABLE, DOCUMENT_TOO_LARGE; the reason of the signal
 */
export async function fetchUrl(text: string, options: FetchOptions): Promise<Fetched> {
  const first = parseUrl(text)
  const deadline = AbortSignal.timeout(options.timeMs)
  const signal = AbortSignal.any([options.signal, deadline])
  const explain = (url: URL, cause: unknown) => explainFailure(url, cause, options, deadline)
  let url = first
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const headers = url.origin === first.origin ? options.headers : undefined
    let answer: IncomingMessage
    try {
      answer = await send(url, { ...options, headers: headers ?? {}, signal })
    } catch (cause) {
      throw explain(url, cause)
    }
    const target = REDIRECTS.has(answer.statusCode ?? 0) ? answer.headers.location : undefined
    if (target === undefined) return openAnswer(url, answer, options, explain)
    answer.destroy()
    url = parseUrl(target, url)
  }
  throw new AgentOSError('URL_NOT_ALLOWED', `${describeUrl(first)} redirects more than ${MOST_REDIRECTS} times`)
}

/** The whole body in one piece. @throws as `fetchUrl` */
export async function readBody({ body }: Fetched): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(part)
  return Buffer.concat(parts)
}

type Sending = FetchPolicy & { readonly headers: Readonly<Record<string, string>>; readonly signal: AbortSignal }

async function send(url: URL, { headers, signal, privateUrls }: Sending): Promise<IncomingMessage> {
  signal.throwIfAborted()
  const addresses = await resolveUrl(url, { privateUrls }, signal)
  // The addresses that were checked, whatever the name would resolve to now.
  const lookup: LookupFunction = (_host, { all }, answer) => {
    const [first] = addresses
    if (all === true) answer(null, [...addresses])
    else answer(null, first?.address ?? '', first?.family ?? 4)
  }
  const options: RequestOptions = {
    headers: { accept: '*/*', 'accept-encoding': 'gzip, deflate, br', 'user-agent': USER_AGENT, ...headers },
    lookup,
    signal,
    timeout: IDLE_MS,
    // A connection of its own: one of a pool might have been opened for another check.
    agent: false,
  }
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options)
    request.once('response', (answer) => {
      // It tells whoever reads it, and an event without a listener would end the thread.
      answer.on('error', () => {})
      resolve(answer)
    })
    request.once('timeout', () => request.destroy(new Error(`no answer for ${IDLE_MS} ms`)))
    request.on('error', reject)
    request.end()
  })
}

type Explain = (url: URL, cause: unknown) => unknown

function openAnswer(url: URL, answer: IncomingMessage, options: FetchOptions, explain: Explain): Fetched {
  const status = answer.statusCode ?? 0
  if (status < 200 || status > 299) {
    answer.destroy()
    const code = PASSING_STATUS.has(status) ? 'URL_UNAVAILABLE' : 'URL_NOT_FOUND'
    throw new AgentOSError(code, `${describeUrl(url)} answered ${status}`)
  }
  const headers = Object.fromEntries(
    Object.entries(answer.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
  const isEncoded = (headers['content-encoding'] ?? 'identity') !== 'identity'
  if (!isEncoded && Number(headers['content-length'] ?? 0) > options.bytes) {
    answer.destroy()
    throw tooLarge(url, options.bytes)
  }
  const type = headers['content-type'] ?? ''
  return {
    url,
    status,
    headers,
    mimeType: (type.split(';')[0] ?? '').trim().toLowerCase(),
    charset: /;\s*charset\s*=\s*"?([\w.:-]{1,40})/i.exec(type)?.[1],
    body: readLimited(url, answer, headers['content-encoding'] ?? 'identity', options.bytes, explain),
  }
}

async function* readLimited(
  url: URL,
  answer: IncomingMessage,
  encoding: string,
  limit: number,
  explain: Explain,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let body: Readable | undefined
  try {
    body = inflate(answer, encoding)
    // Nothing sets an encoding, so the parts are buffers.
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length
      if (bytes > limit) throw tooLarge(url, limit)
      yield part
    }
  } catch (cause) {
    throw explain(url, cause)
  } finally {
    answer.destroy()
    body?.destroy()
  }
}

/** The body as it was before the server compressed it. */
function inflate(answer: IncomingMessage, encoding: string): Readable {
  const transform = decompressorFor(encoding.trim().toLowerCase())
  answer.on('error', (error) => transform.destroy(error))
  answer.on('close', () => {
    if (!answer.complete) transform.destroy(new Error('the connection was closed before the end'))
  })
  return answer.pipe(transform)
}

function decompressorFor(encoding: string): Transform {
  switch (encoding) {
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    case 'identity':
    case '':
      return new PassThrough()
    default:
      throw new AgentOSError(
        'URL_NOT_FOUND',
        `The answer is encoded as "${encoding.slice(0, 40)}", which cannot be read`,
      )
  }
}

function tooLarge(url: URL, limit: number): AgentOSError {
  return new AgentOSError('DOCUMENT_TOO_LARGE', `${describeUrl(url)} is larger than ${limit} bytes`)
}

function explainFailure(url: URL, cause: unknown, { signal, timeMs }: FetchOptions, deadline: AbortSignal): unknown {
  if (cause instanceof AgentOSError) return cause
  if (signal.aborted) return signal.reason
  const why = deadline.aborted ? `took longer than ${timeMs} ms` : `did not answer properly: ${reasonOf(cause)}`
  return new AgentOSError('URL_UNAVAILABLE', `${describeUrl(url)} ${why}`, { cause })
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return 'unknown failure'
  // All addresses of the name failed: the first one says why.
  const [first] = cause instanceof AggregateError ? cause.errors : []
  return first instanceof Error ? first.message : cause.message
}
