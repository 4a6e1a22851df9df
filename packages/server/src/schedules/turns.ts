/**
 * Lets so many go at once; the others wait, in order.
 * @module
 */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>

/** @param limit 1 or more */
export function createTurns(limit: number): Turns {
  const waiting: (() => void)[] = []
  let under = 0
  return async (work) => {
    if (under >= limit) await new Promise<void>((go) => void waiting.push(go))
    else under++
    try {
      return await work()
    } finally {
      // Whoever waits takes the place; it is never free in between.
      const next = waiting.shift()
      if (next === undefined) under--
      else next()
    }
  }
}
