/**
 * The events of one live run: numbered, serialised once, fanned out to whoever listens. Keeps only what the event log has
 * not stored yet; older events are read from storage.
 * @module
 */
import type { RunEvent } from '../base/run.ts'

/** One event: its place in the run, itself, and its JSON as every client gets it. */
export type FeedEntry = { readonly index: number; readonly event: RunEvent; readonly json: string }

export type Subscriber = {
  /** New entries, in order; all of one tick at once. */
  readonly onEntries: (entries: readonly FeedEntry[]) => void
  /** The run has ended, or left this replica; nothing follows. */
  readonly onEnd: () => void
}

/** What listeners see of a run. */
export type RunFeed = {
  /**
   * Delivers the entries after `afterIndex` that are still held, at once, then every new one.
   * @param afterIndex index of the last entry the subscriber has; -1 for none
   * @returns ends the subscription
   */
  readonly subscribe: (afterIndex: number, subscriber: Subscriber) => () => void
  readonly subscribers: () => number
}

/** What the owner of a run sees of it. */
export type OpenFeed = RunFeed & {
  /** Numbers and serialises events without showing them yet, for events that must be stored first. */
  readonly number: (events: readonly RunEvent[]) => readonly FeedEntry[]
  readonly publish: (entries: readonly FeedEntry[]) => void
  /** Forgets entries up to and including `index`: storage has them. */
  readonly release: (index: number) => void
  readonly end: () => void
}

export function createFeed(encode: (event: RunEvent) => string): OpenFeed {
  const subscribers = new Set<Subscriber>()
  let held: FeedEntry[] = []
  let next = 0
  let ended = false
  return {
    subscribe(afterIndex, subscriber) {
      const missed = held.filter((entry) => entry.index > afterIndex)
      if (missed.length > 0) subscriber.onEntries(missed)
      if (ended) {
        subscriber.onEnd()
        return () => {}
      }
      subscribers.add(subscriber)
      return () => subscribers.delete(subscriber)
    },
    subscribers: () => subscribers.size,
    number: (events) => events.map((event) => ({ index: next++, event, json: encode(event) })),
    publish(entries) {
      held.push(...entries)
      for (const subscriber of subscribers) subscriber.onEntries(entries)
    },
    release(index) {
      held = held.filter((entry) => entry.index > index)
    },
    end() {
      ended = true
      for (const subscriber of subscribers) subscriber.onEnd()
      subscribers.clear()
    },
  }
}
