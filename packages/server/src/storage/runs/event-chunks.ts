/**
 * Events of a run as they are stored: newline-separated JSON, one line per index, cut into chunks where a flush happened to
 * fall.
 * @module
 */
export type EventChunk = {
  readonly runId: string
  readonly firstIndex: number
  readonly lastIndex: number
  /** Newline-separated JSON, one line per index. */
  readonly events: string
}

/**
 * Chunks that hold each index once. A chunk that was written again past midnight is stored under both days, the second
 * time maybe longer.
 * @param chunks of one run, by first index, then last index
 */
export function distinctChunks(chunks: readonly EventChunk[]): EventChunk[] {
  const distinct: EventChunk[] = []
  for (const chunk of chunks) {
    if (distinct.at(-1)?.firstIndex === chunk.firstIndex) distinct.pop()
    distinct.push(chunk)
  }
  return distinct
}
