/**
 * Waiting for what another process does, without guessing how long it takes.
 * @module
 */
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds between two looks, unless told otherwise. */
const POLL_MS = 20

/**
 * Asks `probe` until it gives something other than undefined or false.
 * @param what completes "waited N ms for ..." in the error
 * @throws {Error} after `timeoutMs`, with what `what` says
 */
export async function until<T>(
  what: string | (() => string),
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  timeoutMs = 10_000,
  pollMs = POLL_MS,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms for ${typeof what === 'string' ? what : what()}`)
    await sleep(pollMs)
  }
}
