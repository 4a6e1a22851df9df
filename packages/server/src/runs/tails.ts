/**
 * Follows runs that are not live here, by reading what their owners store: one query for all of them, every
 * {@link POLL_MS}. Also tells the owners that somebody is listening.
 *
 *   polling -- the run is live here --> promoted;  -- it is at rest, or gone --> over
 *
 * @module
 */
import { isAtRest } from '../base/run.ts'
import type { Log } from '../telemetry/log.ts'
import type { Db } from '../storage/database.ts'
import { tailEvents, type TailedRun, touchFollowed } from '../storage/runs/tail-events.ts'
import type { Entry } from './feed.ts'
import { splitChunks } from './stored-entries.ts'

export type TailTarget = {
  readonly onEntries: (entries: readonly Entry[]) => void
  /** The run is at rest, or gone; nothing follows. */
  readonly onEnd: () => void
  /** Storage is about to be read. */
  readonly onRead: () => void
  /**
   * Asked after each read.
   * @param afterIndex index of the last entry that was delivered
   * @returns whether somebody else delivers from now on
   */
  readonly promote: (afterIndex: number) => boolean
}

export type Tails = {
  /** @returns ends the tail */
  readonly add: (runId: string, afterIndex: number, target: TailTarget) => () => void
  /** Something happened to a run: look at once. */
  readonly poke: () => void
  /** Ends all tails without a word. Resolves when nothing is read any more. */
  readonly close: () => Promise<void>
}

type Tail = {
  readonly runId: string
  readonly target: TailTarget
  afterIndex: number
  chunkFirst: number
  /** Monotonic milliseconds of the last sign of interest. */
  touchedAt: number
}

/** Somebody who follows a run elsewhere sees its events this much later, in milliseconds, beside their way to storage. */
const POLL_MS = 100
/** How often the owner of a run is told that somebody follows it, in milliseconds. */
export const TOUCH_MS = 5000
/** A database that is away is asked this often, in milliseconds. */
const RETRY_MS = 1000

/** @param monotonic milliseconds */
export function createTails(db: Db, monotonic: () => number, log: Log): Tails {
  const tails = new Set<Tail>()
  let timer: NodeJS.Timeout | undefined
  let reading: Promise<void> | undefined
  /** Something happened while storage was being read: what was read may be older. */
  let isDue = false
  let closed = false

  function schedule(waitMs: number): void {
    if (closed || reading !== undefined || tails.size === 0) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      reading = read()
    }, waitMs)
  }

  function look(): void {
    isDue = true
    schedule(0)
  }

  async function read(): Promise<void> {
    isDue = false
    const asked = [...tails]
    for (const { target } of asked) target.onRead()
    let waitMs = POLL_MS
    try {
      const found = await tailEvents(db, furthestBehind(asked))
      const runs = new Map(found.map((run) => [run.runId, run]))
      for (const tail of asked) if (tails.has(tail)) advance(tail, runs.get(tail.runId))
      await touch(asked.filter((tail) => tails.has(tail)))
    } catch (error) {
      log.warn('runs of other replicas could not be followed, trying again', { error, tails: asked.length })
      waitMs = RETRY_MS
    }
    reading = undefined
    schedule(isDue ? 0 : waitMs)
  }

  function advance(tail: Tail, run: TailedRun | undefined): void {
    if (run !== undefined) {
      const entries = splitChunks(run.chunks, tail.afterIndex, run.voidEvents)
      tail.chunkFirst = run.chunks.at(-1)?.firstIndex ?? tail.chunkFirst
      tail.afterIndex = Math.max(tail.afterIndex, run.chunks.at(-1)?.lastIndex ?? -1)
      if (entries.length > 0) tail.target.onEntries(entries)
    }
    // A listener may have left while it was told.
    if (!tails.has(tail)) return
    if (run === undefined || isAtRest(run.status)) {
      tails.delete(tail)
      tail.target.onEnd()
    } else if (tail.target.promote(tail.afterIndex)) tails.delete(tail)
  }

  async function touch(followed: readonly Tail[]): Promise<void> {
    const now = monotonic()
    const due = followed.filter(({ touchedAt }) => now - touchedAt >= TOUCH_MS)
    if (due.length === 0) return
    await touchFollowed(db, [...new Set(due.map(({ runId }) => runId))])
    for (const tail of due) tail.touchedAt = now
  }

  return {
    add(runId, afterIndex, target) {
      const tail: Tail = { runId, target, afterIndex, chunkFirst: -1, touchedAt: -Infinity }
      tails.add(tail)
      look()
      return () => void tails.delete(tail)
    },
    poke: look,
    async close() {
      closed = true
      clearTimeout(timer)
      tails.clear()
      await reading
    },
  }
}

/** One cursor per run: several may follow the same one, from different places. */
function furthestBehind(tails: readonly Tail[]): Tail[] {
  const cursors = new Map<string, Tail>()
  for (const tail of tails) {
    const other = cursors.get(tail.runId)
    if (other === undefined || tail.afterIndex < other.afterIndex) cursors.set(tail.runId, tail)
  }
  return [...cursors.values()]
}
