/**
 * A collector of metrics for tests, as far as a client of OTLP/gRPC sees one.
 * @module
 */
import { createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'

/** What metrics are exported to. */
export const EXPORT_PATH = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'

/** A collector of metrics as gRPC has it: a path, a body, an empty message and a status as answer. */
export async function startMetricsCollector(answer: (stream: ServerHttp2Stream) => void) {
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
  // A server that listens on a port has an address of this shape.
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

/** Answers that all is well. */
export function accept(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(Buffer.from([0, 0, 0, 0, 0]))
}
