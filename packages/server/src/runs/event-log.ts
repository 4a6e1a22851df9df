/**
 * Stores the events of all live runs together: what came in since the last flush goes out as one multi-row insert. A run
 * that ends takes its last chunk along into the statement that finishes it.
 *
 * Invariant: entries of a run are stored in order and only once; a failed insert is tried again with what came since.
 * @module
 */
import type { Log } from '../telemetry/log.ts'
import type { EventChunk } from '../storage/run-events.ts'
import type { FeedEntry } from './feed.ts'

export type EventLogOptions = {
  /** Milliseconds between two flushes. */
  readonly flushMs: number
  /** Most bytes held while the database is away; past it the oldest chunks are dropped, and the log says so. */
  readonly maxHeldBytes: number
}

export type EventLog = {
  /** Queues entries; `onStored` is called with the last index once they are in the database. */
  readonly append: (runId: string, entries: readonly FeedEntry[], onStored: (index: number) => void) => void
  /** Removes what is queued of a run and makes it one chunk together with `last`; undefined when there is nothing. */
  readonly take: (runId: string, last: readonly FeedEntry[]) => EventChunk | undefined
  /** Drops what is queued of a run that left this replica. */
  readonly forget: (runId: string) => void
  /** Flushes what is left and stops. */
  readonly close: () => Promise<void>
}

type Queued = { entries: FeedEntry[]; onStored: (index: number) => void }

export function createEventLog(
  store: (chunks: readonly EventChunk[]) => Promise<void>,
  log: Log,
  { flushMs, maxHeldBytes }: EventLogOptions,
): EventLog {
  let queue = new Map<string, Queued>()
  let flushing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  function schedule(): void {
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, flushMs)
  }

  async function flush(): Promise<void> {
    // One flush at a time keeps the chunks of a run in order.
    if (flushing !== undefined) await flushing
    if (queue.size === 0) return
    const batch = queue
    queue = new Map()
    flushing = storeBatch(batch)
    await flushing
    flushing = undefined
    if (queue.size > 0) schedule()
  }

  async function storeBatch(batch: Map<string, Queued>): Promise<void> {
    const chunks = [...batch].map(([runId, { entries }]) => toChunk(runId, entries))
    try {
      await store(chunks)
    } catch (error) {
      log.warn('events could not be stored, trying again', { error, runs: batch.size })
      requeue(batch)
      return
    }
    for (const { entries, onStored } of batch.values()) onStored(entries.at(-1)?.index ?? -1)
  }

  function requeue(batch: Map<string, Queued>): void {
    for (const [runId, { entries, onStored }] of batch) {
      queue.set(runId, { entries: [...entries, ...(queue.get(runId)?.entries ?? [])], onStored })
    }
    let held = 0
    for (const [runId, { entries }] of [...queue].toReversed()) {
      held += entries.reduce((bytes, entry) => bytes + entry.json.length, 0)
      if (held <= maxHeldBytes) continue
      queue.delete(runId)
      log.error('events dropped: the database is away and the buffer is full', {
        run_id: runId,
        events: entries.length,
      })
    }
  }

  return {
    append(runId, entries, onStored) {
      const queued = queue.get(runId)
      if (queued === undefined) queue.set(runId, { entries: [...entries], onStored })
      else queued.entries.push(...entries)
      schedule()
    },
    take(runId, last) {
      const entries = [...(queue.get(runId)?.entries ?? []), ...last]
      queue.delete(runId)
      return entries.length === 0 ? undefined : toChunk(runId, entries)
    },
    forget: (runId) => void queue.delete(runId),
    async close() {
      clearTimeout(timer)
      await flush()
      clearTimeout(timer)
    },
  }
}

function toChunk(runId: string, entries: readonly FeedEntry[]): EventChunk {
  return {
    runId,
    firstIndex: entries[0]?.index ?? 0,
    lastIndex: entries.at(-1)?.index ?? 0,
    events: entries.map((entry) => entry.json).join('\n'),
  }
}
