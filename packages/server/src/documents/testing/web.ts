/**
 * A small web server for tests, on this machine.
 * @module
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export type Web = AsyncDisposable & {
  /** `http://127.0.0.1:port`, or with another host in its place. */
  readonly origin: string
  readonly port: number
  /** Paths that were asked for, in order. */
  readonly asked: readonly string[]
}

/** Answers by path; a text is a page. What it does not know is 404. */
export async function openWeb(
  pages: Readonly<Record<string, string | ((request: IncomingMessage, response: ServerResponse) => unknown)>>,
): Promise<Web> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const page = pages[path]
    if (page === undefined) response.writeHead(404).end('not here')
    else if (typeof page === 'string') response.setHeader('content-type', typeOf(path)).end(page)
    else page(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function typeOf(path: string): string {
  if (path.endsWith('.txt')) return 'text/plain; charset=utf-8'
  return path.endsWith('.xml') ? 'application/xml' : 'text/html; charset=utf-8'
}
