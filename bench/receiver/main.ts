/**
 * `node bench/receiver/main.ts`: takes traces over OTLP/HTTP as a collector does, with as little work as possible:
 * bodies are kept until `GET /spans` counts what was in them.
 * Prints one JSON line `{"url":"http://127.0.0.1:N"}` and ends with its standard input.
 * @module
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { messagesOf, readMessage } from '../../e2e/protobuf.ts'

const bodies: Buffer[] = []
let counted = 0
let bytes = 0

/** Field numbers of opentelemetry-proto, trace/v1/trace.proto. */
function countSpans(body: Buffer): number {
  const scopes = messagesOf(readMessage(body), 1).flatMap((resourceSpans) => messagesOf(resourceSpans, 2))
  return scopes.reduce((sum, scope) => sum + (scope.get(2)?.length ?? 0), 0)
}

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (request.method === 'POST') {
    const body = Buffer.concat(chunks)
    bodies.push(body)
    bytes += body.length
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
    return
  }
  for (const body of bodies.splice(0)) counted += countSpans(body)
  response.end(JSON.stringify({ spans: counted, bytes }))
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined))
})
server.listen(0, '127.0.0.1')
await once(server, 'listening')
console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }))
process.stdin.resume()
await once(process.stdin, 'end')
server.close()
server.closeAllConnections()
