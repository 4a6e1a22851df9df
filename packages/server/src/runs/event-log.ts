/**
 * Stores the events of all live runs together: what came in since the last flush goes out as one multi-row insert. A run
 * that commits or ends takes what is left along into that statement.
 *
 * Invariant: entries of a run are stored in order; a failed insert is tried again with what came since, and what was on
 * its way when the run ended goes along with the end, because storing a chunk twice is harmless and losing one is not.
 * @module
 */
import type { Log } from '../telemetry/log.ts'
import type { EventChunk } from '../storage/runs/run-events.ts'
import type { FeedEntry } from './feed.ts'

/** Whose events they are: of a claim that is over, none are stored. */
export type AttemptChunk = EventChunk & { readonly attempt: number }

export type EventLogOptions = {
  /** Milliseconds between two flushes. */
  readonly flushMs: number
  /** Most bytes held while the database is away; past it the oldest chunks are dropped, and the log says so. */
  readonly maxHeldBytes: number
}

export type EventLog = {
  /** Queues entries; `onStored` is called with the last index once they are in the database. */
  readonly append: (source: EventSource, entries: readonly FeedEntry[]) => void
  /** Removes what is not stored of a run and makes it one chunk together with `last`; undefined when there is nothing. */
  readonly take: (runId: string, last: readonly FeedEntry[]) => EventChunk | undefined
  /** Takes back what was taken and could not be stored, with all that came since. */
  readonly restore: (source: EventSource, entries: readonly FeedEntry[]) => void
  /** Drops what is queued of a run that left this replica. */
  readonly forget: (runId: string) => void
  /** Stores what is queued now. */
  readonly flush: () => Promise<void>
  /** Flushes what is left and stops. */
  readonly close: () => Promise<void>
}

export type EventSource = {
  readonly runId: string
  readonly attempt: number
  /** For the log. */
  readonly traceId: string
  /** What is no longer kept here: it is in the database, or there was no room for it. */
  readonly onStored: (index: number) => void
}

type Queued = { readonly source: EventSource; readonly entries: FeedEntry[] }

export function createEventLog(
  store: (chunks: readonly AttemptChunk[]) => Promise<void>,
  log: Log,
  { flushMs, maxHeldBytes }: EventLogOptions,
): EventLog {
  let queue: Queue = new Map()
  let inFlight: Queue = new Map()
  let flushing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function schedule(): void {
    if (closed) return
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, flushMs)
  }

  async function flush(): Promise<void> {
    // One flush at a time keeps the chunks of a run in order. Somebody else who waited for it may be faster.
    while (flushing !== undefined) await flushing
    if (queue.size === 0) return
    flushing = flushQueue()
    await flushing
  }

  async function flushQueue(): Promise<void> {
    inFlight = queue
    queue = new Map()
    await storeBatch(inFlight)
    inFlight = new Map()
    flushing = undefined
    if (queue.size > 0) schedule()
  }

  async function storeBatch(batch: Queue): Promise<void> {
    const chunks = [...batch.values()].map(({ source, entries }) => ({
      ...toChunk(source.runId, entries),
      attempt: source.attempt,
    }))
    try {
      await store(chunks)
    } catch (error) {
      log.warn('events could not be stored, trying again', { error, runs: batch.size })
      putBack(queue, batch, maxHeldBytes, log)
      return
    }
    for (const { source, entries } of batch.values()) source.onStored(entries.at(-1)?.index ?? -1)
  }

  return {
    append(source, entries) {
      if (entries.length === 0) return
      const queued = queue.get(source.runId)
      if (queued?.source.attempt === source.attempt) queued.entries.push(...entries)
      else queue.set(source.runId, { source, entries: [...entries] })
      schedule()
    },
    take(runId, last) {
      const entries = [...(inFlight.get(runId)?.entries ?? []), ...(queue.get(runId)?.entries ?? []), ...last]
      for (const waiting of [queue, inFlight]) waiting.delete(runId)
      return entries.length === 0 ? undefined : toChunk(runId, entries)
    },
    restore(source, entries) {
      queue.set(source.runId, { source, entries: [...entries] })
      schedule()
    },
    forget(runId) {
      for (const waiting of [queue, inFlight]) waiting.delete(runId)
    },
    flush,
    async close() {
      closed = true
      clearTimeout(timer)
      await flush()
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

type Queue = Map<string, Queued>

/** What could not be stored comes before what came since. */
function putBack(queue: Queue, batch: Queue, maxHeldBytes: number, log: Log): void {
  for (const [runId, { source, entries }] of batch) {
    const since = queue.get(runId)
    // A later attempt of the run has begun meanwhile; what the earlier one said is void.
    if (since !== undefined && since.source.attempt !== source.attempt) continue
    queue.set(runId, { source, entries: [...entries, ...(since?.entries ?? [])] })
  }
  let heldBytes = 0
  for (const [runId, { source, entries }] of [...queue].toReversed()) {
    heldBytes += entries.reduce((bytes, entry) => bytes + entry.json.length, 0)
    if (heldBytes <= maxHeldBytes) continue
    queue.delete(runId)
    source.onStored(entries.at(-1)?.index ?? -1)
    const dropped = { run_id: runId, trace_id: source.traceId, events: entries.length }
    log.error('events dropped: the database is away and the buffer is full', dropped)
  }
}
