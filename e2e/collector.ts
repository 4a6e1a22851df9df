/**
 * A collector of traces for tests: takes OTLP over HTTP in protobuf and keeps what it understood. It can also be one that
 * refuses, is slow, or never answers.
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from './condition.ts'
import { bytesOf, type Message, messagesOf, numberOf, readMessage, textOf } from './protobuf.ts'

export type Span = {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of a trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly startMs: number
  readonly endMs: number
  readonly status: 'UNSET' | 'OK' | 'ERROR'
  readonly message: string
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  /** Spans of other traces that it has to do with. */
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[]
  /** Of the server that sent it. */
  readonly resource: Readonly<Record<string, string | number | boolean>>
}

export type Mood = 'well' | 'slow' | 'hanging' | 'refusing'

export type Collector = AsyncDisposable & {
  readonly url: string
  /** How it answers from now on; slow takes two seconds. */
  mood: Mood
  /** In the order in which they came, the one of the start left out. */
  readonly spans: () => readonly Span[]
  /** Spans of one trace, once there are `count` of them. */
  readonly trace: (traceId: string, count: number) => Promise<readonly Span[]>
  /** Headers of the last request. */
  readonly headers: () => IncomingHttpHeaders
  readonly requests: () => number
  /** Nobody listens at its address from now on. */
  readonly down: () => Promise<void>
  /** Somebody does again. */
  readonly up: () => Promise<void>
}

const SLOW_MS = 2000
const STATUS = ['UNSET', 'OK', 'ERROR'] as const

export async function startCollector(mood: Mood = 'well'): Promise<Collector> {
  const spans: Span[] = []
  let headers: IncomingHttpHeaders = {}
  let requests = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    requests++
    headers = request.headers
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
    if (collector.mood === 'hanging') return
    if (collector.mood === 'slow') await sleep(SLOW_MS)
    if (collector.mood === 'refusing') {
      response.writeHead(400).end('no thanks')
      return
    }
    spans.push(...readSpans(body))
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  }
  const server = createServer((request, response) => void answer(request, response))
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const down = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  const port = await listen(0)
  const own = () => spans.filter(({ name }) => name !== 'agentos.start')
  const collector: Collector = {
    url: `http://127.0.0.1:${port}`,
    mood,
    spans: own,
    trace: (traceId, count) =>
      until(
        () => `${count} spans of ${traceId}, got ${JSON.stringify(own(), undefined, 1)}`,
        () => {
          const found = own().filter((span) => span.traceId === traceId)
          return found.length >= count && found
        },
      ),
    headers: () => headers,
    requests: () => requests,
    down,
    up: async () => void (await listen(port)),
    [Symbol.asyncDispose]: down,
  }
  return collector
}

/** Field numbers of opentelemetry-proto, trace/v1/trace.proto. */
function readSpans(body: Uint8Array): Span[] {
  return messagesOf(readMessage(body), 1).flatMap((resourceSpans) => {
    const resource = attributesOf(messagesOf(resourceSpans, 1)[0] ?? new Map(), 1)
    return messagesOf(resourceSpans, 2).flatMap((scopeSpans) =>
      messagesOf(scopeSpans, 2).map((span) => ({ ...readSpan(span), resource })),
    )
  })
}

function readSpan(span: Message): Omit<Span, 'resource'> {
  const status = messagesOf(span, 15)[0] ?? new Map()
  return {
    traceId: hexOf(span, 1),
    spanId: hexOf(span, 2),
    parentSpanId: hexOf(span, 4),
    name: textOf(span, 5),
    startMs: Number(numberOf(span, 7)) / 1e6,
    endMs: Number(numberOf(span, 8)) / 1e6,
    status: STATUS[Number(numberOf(status, 3))] ?? 'UNSET',
    message: textOf(status, 2),
    attributes: attributesOf(span, 9),
    links: messagesOf(span, 13).map((link) => ({ traceId: hexOf(link, 1), spanId: hexOf(link, 2) })),
  }
}

function hexOf(message: Message, field: number): string {
  return Buffer.from(bytesOf(message, field)[0] ?? []).toString('hex')
}

function attributesOf(message: Message, field: number): Span['attributes'] {
  return Object.fromEntries(
    messagesOf(message, field).map((pair) => [textOf(pair, 1), valueOf(messagesOf(pair, 2)[0] ?? new Map())]),
  )
}

function valueOf(value: Message): string | number | boolean {
  if (value.has(2)) return numberOf(value, 2) === 1n
  if (value.has(3)) return Number(BigInt.asIntN(64, numberOf(value, 3)))
  return textOf(value, 1)
}
