/**
 * `node bench/provider/main.ts [--host 127.0.0.1] [--port 0] [--record 0] [--follow-stdin]`: the fake provider as a process of its own.
 * Prints one JSON line `{"port":N,"baseUrl":"http://HOST:N/v1"}` when it listens, and ends on SIGTERM or SIGINT.
 * What it answers is scripted per request by the model id or the last user message: see `script.ts`. `--record N` keeps
 * the last N requests for `GET /requests`. With `--follow-stdin` it ends with its standard input, so that it never
 * outlives the test that spawned it, however that test ends.
 * @module
 */
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { createProvider } from './server.ts'

const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '0' },
    record: { type: 'string', default: '0' },
    'follow-stdin': { type: 'boolean', default: false },
  },
})

const server = createProvider({ record: Number(values.record) })
const stop = () => {
  server.close()
  server.closeAllConnections()
  if (values['follow-stdin']) process.stdin.destroy()
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
if (values['follow-stdin']) process.stdin.on('error', stop).on('end', stop).resume()

server.listen(Number(values.port), values.host, () => {
  // A TCP server that listens has an AddressInfo; the other kinds are pipes.
  const { port } = server.address() as AddressInfo
  console.log(JSON.stringify({ port, baseUrl: `http://${values.host}:${port}/v1` }))
})
