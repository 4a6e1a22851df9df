/**
 * Stored chunks of events as the entries they hold.
 * @module
 */
import type { EventChunk } from '../storage/runs/run-events.ts'
import type { Entry } from './feed.ts'

/** Both ends are inclusive. */
export type IndexRange = readonly [from: number, to: number]

/**
 * @param chunks in the order of their indexes; they may overlap where one was written twice
 * @param voids ranges that are left out, because what they tell was done again
 * @returns entries after `afterIndex`, each once
 */
export function splitChunks(chunks: readonly EventChunk[], afterIndex: number, voids: readonly IndexRange[]): Entry[] {
  const entries: Entry[] = []
  let last = afterIndex
  for (const { firstIndex, lastIndex, events } of chunks) {
    if (lastIndex <= last) continue
    for (const [offset, json] of events.split('\n').entries()) {
      const index = firstIndex + offset
      if (index <= last) continue
      last = index
      if (!voids.some(([from, to]) => index >= from && index <= to)) entries.push({ index, json })
    }
  }
  return entries
}
