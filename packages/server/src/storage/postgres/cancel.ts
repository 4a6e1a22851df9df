/**
 * PostgreSQL's cancel request: over a connection of its own, without a password and without TLS, as libpq's PQcancel sends
 * it. Poolers pass it on to the connection that works for the client.
 * @module
 */
import { connect } from 'node:net'
import type pg from 'pg'
import type { ConnectionTarget } from './connection-url.ts'

const CANCEL_REQUEST = 80_877_102
const GIVE_UP_MS = 5_000

/** Asks the server to end what `client` is doing, and waits for nothing: the statement itself tells whether it was ended. */
export function cancelStatement({ host, port }: ConnectionTarget, client: pg.ClientBase): void {
  // Of the protocol's BackendKeyData; pg keeps them and its types leave them out.
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const request = Buffer.alloc(16)
  request.writeInt32BE(request.length, 0)
  request.writeInt32BE(CANCEL_REQUEST, 4)
  request.writeInt32BE(processID, 8)
  request.writeInt32BE(secretKey, 12)
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
  // Whoever waits for the statement gives up by itself when this request gets lost.
  socket.on('error', () => {})
  socket.setTimeout(GIVE_UP_MS, () => socket.destroy())
  // Whoever reads the request closes; PgBouncer forgets it when we do.
  socket.resume()
  socket.write(request)
}
