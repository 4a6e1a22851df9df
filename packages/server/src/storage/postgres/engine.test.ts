import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { systemClock } from '../../base/clock.ts'
import { openDatabase } from '../database.ts'
import type { PostgresOptions } from '../engine.ts'

const options = (url: string): PostgresOptions => ({
  kind: 'postgres',
  url,
  poolSize: 2,
  backgroundPoolSize: 1,
  statementTimeoutMs: 1_000,
  connectTimeoutMs: 300,
  applicationName: 'agentos-test',
})
const open = (url: string) => openDatabase(options(url), { clock: systemClock })

/** A server that accepts connections and says nothing. */
async function listenSilently() {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port, // an inet socket always has one
    [Symbol.asyncDispose]: async () => {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

test('a port where nobody listens is unreachable, and the message has address and user but no password', async () => {
  const { port } = await listenSilently().then(async (server) => (await server[Symbol.asyncDispose](), server))
  await expect(open(`postgresql://ada:s3cret@127.0.0.1:${port}/agents`)).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: `Cannot use PostgreSQL at 127.0.0.1:${port}/agents as ada: connect ECONNREFUSED 127.0.0.1:${port}`,
  })
})

test('a host that cannot be resolved is unreachable', async () => {
  await expect(open('postgresql://ada:s3cret@no-such-host.invalid/agents')).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.not.stringContaining('s3cret'),
  })
})

test('a server that accepts and says nothing is given up after the connection timeout', async () => {
  await using server = await listenSilently()
  const startedAt = performance.now()
  await expect(open(`postgresql://ada:s3cret@127.0.0.1:${server.port}/agents`)).rejects.toMatchObject({
    code: 'DATABASE_UNREACHABLE',
    message: expect.stringMatching(/timeout|did not answer/),
  })
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
