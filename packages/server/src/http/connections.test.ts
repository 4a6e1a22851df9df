import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { watchConnections } from './connections.ts'

async function serve() {
  let isStopping = false
  const server = createServer((_, response) => {
    if (isStopping) response.setHeader('connection', 'close')
    response.end('ok')
  })
  const connections = watchConnections(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on TCP
  const agent = new Agent({ keepAlive: true })
  const ask = async () => {
    const asked = request({ port, host: '127.0.0.1', agent }).end()
    const [response] = (await once(asked, 'response')) as [AsyncIterable<Buffer>] // by Node's documentation
    for await (const _ of response);
  }
  const close = async () => {
    agent.destroy()
    server.closeAllConnections()
    await new Promise((done) => server.close(done))
  }
  return { connections, ask, stop: () => (isStopping = true), [Symbol.asyncDispose]: close }
}

const outcome = (promise: Promise<void>, ms: number) => Promise.race([promise.then(() => 'gone'), sleep(ms, 'waits')])

test('nobody is waited for where nobody is connected', async () => {
  await using server = await serve()
  expect(await outcome(server.connections.untilGone(60_000), 1000)).toBe('gone')
})

test('a kept connection is waited for until its client has left with an answer', async () => {
  await using server = await serve()
  await server.ask()
  const gone = server.connections.untilGone(60_000)
  expect(await outcome(gone, 50)).toBe('waits')
  server.stop()
  await server.ask()
  expect(await outcome(gone, 5000)).toBe('gone')
})

test('a client that keeps its connection and says nothing is waited for no longer than told', async () => {
  await using server = await serve()
  await server.ask()
  expect(await outcome(server.connections.untilGone(20), 5000)).toBe('gone')
})
