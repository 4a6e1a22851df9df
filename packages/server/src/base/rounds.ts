/**
 * Work that is done now and then, for as long as a server runs.
 * @module
 */
import { sleep } from './backoff.ts'

export type Rounds = {
  /** How long it waits before a round, in milliseconds. @param round from 0 */
  readonly waitMs: (round: number) => number
  /** Does one round. @param closing aborts when no more is to be done */
  readonly work: (closing: AbortSignal) => Promise<unknown>
  /** A round failed; the next one comes all the same. Must not throw. */
  readonly onError: (error: unknown) => void
}

/** @returns whose `close` ends the waiting, and waits for the round that is under way */
export function startRounds(rounds: Rounds): { readonly close: () => Promise<void> } {
  const closing = new AbortController()
  const working = keepWorking(rounds, closing.signal)
  return {
    async close() {
      closing.abort()
      await working
    },
  }
}

async function keepWorking({ waitMs, work, onError }: Rounds, closing: AbortSignal): Promise<void> {
  for (let round = 0; await passes(waitMs(round), closing); round++) {
    try {
      await work(closing)
    } catch (error) {
      onError(error)
    }
  }
}

/** Waits. @returns false when `closing` aborts meanwhile */
export async function passes(ms: number, closing: AbortSignal): Promise<boolean> {
  await sleep(ms, closing).catch(() => {})
  return !closing.aborted
}
