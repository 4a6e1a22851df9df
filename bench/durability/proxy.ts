/**
 * A wire between a program and PostgreSQL that counts what passes: how often the program waits for the database, and how
 * many bytes go which way. It changes nothing. See the documentation chapter "Message Flow".
 * @module
 */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Traffic = {
  /** Messages after which the program waits for an answer: Sync of the extended protocol, Query of the simple one. */
  readonly trips: number
  /** Both ways. */
  readonly bytes: number
}

export type CountingProxy = AsyncDisposable & {
  /** The URL it was made for, through the proxy. */
  readonly url: string
  /** Since it was made. */
  readonly traffic: () => Traffic
}

/** @param postgresUrl without TLS: nothing could be counted in it */
export async function startCountingProxy(postgresUrl: string): Promise<CountingProxy> {
  const target = new URL(postgresUrl)
  const sockets = new Set<Socket>()
  let trips = 0
  let bytes = 0
  const server = createServer({ noDelay: true }, (program) => {
    const database = connect({ port: Number(target.port || 5432), host: target.hostname, noDelay: true })
    const countTrips = createTripCounter(() => trips++)
    program.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      countTrips(chunk)
    })
    database.on('data', (chunk: Buffer) => void (bytes += chunk.length))
    for (const [from, to] of [
      [program, database],
      [database, program],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      // 'close' follows, of this side and then of the other one.
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(postgresUrl)
  // A TCP server that listens has an AddressInfo.
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: url.href,
    traffic: () => ({ trips, bytes }),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Follows the messages of one connection, however they are cut into chunks. */
function createTripCounter(onTrip: () => void): (chunk: Buffer) => void {
  // The first message has no type.
  let headBytes = 4
  let head: Buffer = Buffer.alloc(0)
  let bodyBytesLeft = 0
  return (chunk) => {
    let at = 0
    while (at < chunk.length) {
      if (bodyBytesLeft > 0) {
        const step = Math.min(bodyBytesLeft, chunk.length - at)
        bodyBytesLeft -= step
        at += step
        continue
      }
      const step = Math.min(headBytes - head.length, chunk.length - at)
      head = Buffer.concat([head, chunk.subarray(at, at + step)])
      at += step
      if (head.length < headBytes) continue
      const type = headBytes === 5 ? String.fromCharCode(head[0] ?? 0) : ''
      if (type === 'S' || type === 'Q') onTrip()
      // The length counts itself, but not the type.
      bodyBytesLeft = head.readUInt32BE(headBytes - 4) - 4
      head = Buffer.alloc(0)
      headBytes = 5
    }
  }
}
