/**
 * Answers that are written piece by piece.
 * @module
 */
import type { ServerResponse } from 'node:http'

/** Resolves once the client has read what was written, or is gone. */
export function drained(response: ServerResponse): Promise<void> {
  if (response.destroyed || !response.writableNeedDrain) return Promise.resolve()
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => {
    response.off('drain', done)
    response.off('close', done)
    resolve()
  }
  response.once('drain', done)
  response.once('close', done)
  return promise
}
