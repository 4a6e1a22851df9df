/**
 * The connections that clients keep to a server. Whoever asks on one just when it is closed gets no answer, and HTTP has no
 * way to tell a client beforehand: it hears of the end with an answer, or not at all. So a server that stops gives its
 * clients time for one more answer each.
 * @module
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { sleep } from '../base/backoff.ts'

export type Connections = {
  /** Resolves once no client is connected any more, or after `mostMs`. New ones may come meanwhile. */
  readonly untilGone: (mostMs: number) => Promise<void>
}

/** @param server not listening yet */
export function watchConnections(server: Pick<Server, 'on'>): Connections {
  const open = new Set<Socket>()
  let onGone = () => {}
  server.on('connection', (socket: Socket) => {
    open.add(socket)
    socket.once('close', () => {
      open.delete(socket)
      if (open.size === 0) onGone()
    })
  })
  return {
    async untilGone(mostMs) {
      if (open.size === 0) return
      const waited = new AbortController()
      const gone = new Promise<void>((resolve) => {
        onGone = resolve
      })
      await Promise.race([gone, sleep(mostMs, waited.signal).catch(() => undefined)])
      waited.abort()
    },
  }
}
