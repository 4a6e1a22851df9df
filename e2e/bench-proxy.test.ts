/**
 * What the bench counts between a program and its database.
 * @module
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startCountingProxy } from '../bench/durability/proxy.ts'
import { connectPostgres } from './postgres-client.ts'
import { HAS_POSTGRES } from './database.ts'

const SERVER = process.env['TEST_POSTGRES_URL'] ?? ''

test('a trip is a Sync or a Query, however the bytes are cut; other messages and what is within them are none', async () => {
  const received: Buffer[] = []
  await using database = await listen((socket) => {
    socket.on('data', (chunk: Buffer) => received.push(chunk))
    socket.write('answer')
  })
  await using proxy = await startCountingProxy(`postgresql://user@127.0.0.1:${database.port}/db`)
  const start = message('', 'SSSSQQQQ')
  const bytes = Buffer.concat([start, message('P', 'QSQ'), message('S'), message('Q', 'select 1'), message('X')])
  const url = new URL(proxy.url)
  const program = connect(Number(url.port), url.hostname).resume()
  await once(program, 'connect')
  for (const byte of bytes) {
    program.write(Buffer.of(byte))
    await sleep(1)
  }
  const closed = once(program, 'close')
  program.end()
  await closed
  expect(Buffer.concat(received)).toEqual(bytes)
  expect(proxy.traffic()).toEqual({ trips: 2, bytes: bytes.length + 'answer'.length })
})

test.skipIf(!HAS_POSTGRES)('a statement of the extended protocol is one trip', async () => {
  await using proxy = await startCountingProxy(SERVER)
  await using client = await connectPostgres(proxy.url)
  const before = proxy.traffic().trips
  for (const _ of [1, 2, 3]) expect(await client.query('select 7')).toEqual([['7']])
  expect(proxy.traffic().trips - before).toBe(3)
})

async function listen(onSocket: (socket: Socket) => void) {
  const server = createServer((socket) => {
    socket.on('end', () => socket.end())
    onSocket(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // A TCP server that listens has an AddressInfo.
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close')
      server.close()
      await closed
    },
  }
}

/** @param type of a message; none for the first one of a connection */
function message(type: string, text = ''): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length + 4)
  return Buffer.concat([Buffer.from(type), length, Buffer.from(text)])
}
