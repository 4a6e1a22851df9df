/**
 * Whether the client of an answer went away before it had all of it.
 * @module
 */
import type { FastifyReply, FastifyRequest } from 'fastify'

/** To be asked once the answer is closed. A request that the server puts to itself has no connection to lose. */
export function wasAborted({ raw: { socket } }: FastifyRequest, { raw }: FastifyReply): boolean {
  const isInside = socket.bytesWritten === undefined
  return isInside ? !raw.writableEnded : !raw.writableFinished
}
