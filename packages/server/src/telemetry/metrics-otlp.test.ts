import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { createLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { pushMetrics } from './metrics-otlp.ts'

const SERVICE = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'

/** A collector as gRPC has it: a path, a body, an empty message and a status as answer. */
async function startCollector(answer: (stream: ServerHttp2Stream) => void) {
  const received: { readonly path: string; readonly body: Buffer }[] = []
  const server: Http2Server = createServer()
  const sessions = new Set<{ destroy: () => void }>()
  server.on('session', (session) => void sessions.add(session))
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
    stream.on('error', () => {})
    stream.on('end', () => {
      received.push({ path: String(headers[':path']), body: Buffer.concat(chunks) })
      answer(stream)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
      await new Promise((done) => server.close(done))
    },
  }
}

function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 0]))
}

const lines: Record<string, unknown>[] = []
const write = (line: string) => void lines.push(JSON.parse(line))
const log = createLog({ level: 'info', format: 'json', redact: (text) => text, write })
let metrics: Metrics

beforeEach(() => {
  lines.length = 0
  metrics = createMetrics({ resource: { 'service.name': 'pushed' }, costOf: () => undefined, clock: systemClock })
})
afterEach(() => metrics.close())

test('reach the collector again and again, and once more at the end', async () => {
  await using collector = await startCollector(accept)
  metrics.workerEnded()
  const pushing = pushMetrics({ url: collector.url, everyMs: 50 }, metrics.collect, log)
  await expect.poll(() => collector.received.length, { timeout: 5000 }).toBeGreaterThan(1)
  const before = collector.received.length
  metrics.revisionLoaded('swapped')
  await pushing.close(5000)
  expect(collector.received.length).toBeGreaterThan(before)
  const last = collector.received.at(-1)
  expect(last?.path).toBe(SERVICE)
  for (const text of ['pushed', 'agentos.worker.ends', 'agentos.generation.loads']) {
    expect(last?.body.includes(text)).toBe(true)
  }
  expect(lines).toEqual([])
})

test('a collector that is down is told once, and so is its return', async () => {
  let isDown = true
  await using collector = await startCollector((stream) => {
    if (!isDown) return accept(stream)
    // INVALID_ARGUMENT, which is not tried again.
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '3' }, { endStream: true })
  })
  const pushing = pushMetrics({ url: collector.url, everyMs: 20 }, metrics.collect, log)
  await expect.poll(() => collector.received.length, { timeout: 5000 }).toBeGreaterThan(3)
  isDown = false
  await expect.poll(() => lines.length, { timeout: 5000 }).toBe(2)
  await pushing.close(5000)
  expect(lines.map(({ level, message }) => `${String(level)} ${String(message)}`)).toEqual([
    'warn metrics did not reach the collector',
    'info metrics reach the collector again',
  ])
})

test('a collector that hangs gets one export at a time, and does not hold up the end', async () => {
  await using collector = await startCollector(() => {})
  const pushing = pushMetrics({ url: collector.url, everyMs: 1000 }, metrics.collect, log)
  const begun = performance.now()
  await pushing.close(100)
  expect(performance.now() - begun).toBeLessThan(1000)
  expect(collector.received.length).toBeLessThanOrEqual(1)
})
