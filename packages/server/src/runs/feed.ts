/**
 * The events of one attempt of a run while it runs here: numbered, serialised once, fanned out to whoever listens. Keeps
 * only what the event log has not stored yet; older events are read from storage.
 * @module
 */
import type { RunEvent } from '../base/run.ts'

/** One event: its place in the run, and its JSON as every client gets it. */
export type Entry = {
  readonly index: number
  readonly json: string
  /** Only where the run is live on this replica. */
  readonly event?: RunEvent
}

export type FeedEntry = Entry & { readonly event: RunEvent }

export type Subscriber = {
  /** New entries, in order; all of one tick at once. */
  readonly onEntries: (entries: readonly FeedEntry[]) => void
  /**
   * Nothing follows here.
   * @param atRest whether the run has ended or waits for answers; false when it goes on somewhere else
   */
  readonly onEnd: (atRest: boolean) => void
}

/** What listeners see of a run. */
export type RunFeed = {
  /** Index of the oldest entry that is held; of the next one when none is. Earlier ones are in storage. */
  readonly heldFrom: () => number
  /** Held entries after `afterIndex`. */
  readonly held: (afterIndex: number) => readonly FeedEntry[]
  /**
   * Every entry from now on.
   * @returns ends the subscription
   */
  readonly subscribe: (subscriber: Subscriber) => () => void
  readonly subscribers: () => number
}

/** What the owner of a run sees of it. */
export type OpenFeed = RunFeed & {
  /** Index of the last entry that was numbered; one less than the first when there is none. */
  readonly lastIndex: () => number
  /** Numbers and serialises events without showing them yet, for events that must be stored first. */
  readonly number: (events: readonly RunEvent[]) => readonly FeedEntry[]
  readonly publish: (entries: readonly FeedEntry[]) => void
  /** Forgets entries up to and including `index`: storage has them. */
  readonly release: (index: number) => void
  readonly end: (atRest: boolean) => void
}

/** @param firstIndex index of the first event */
export function createFeed(firstIndex: number, encode: (event: RunEvent) => string): OpenFeed {
  const subscribers = new Set<Subscriber>()
  let held: FeedEntry[] = []
  let next = firstIndex
  let ended: { readonly atRest: boolean } | undefined
  return {
    heldFrom: () => held[0]?.index ?? next,
    held: (afterIndex) => held.filter((entry) => entry.index > afterIndex),
    subscribe(subscriber) {
      if (ended !== undefined) {
        subscriber.onEnd(ended.atRest)
        return () => {}
      }
      subscribers.add(subscriber)
      return () => subscribers.delete(subscriber)
    },
    subscribers: () => subscribers.size,
    lastIndex: () => next - 1,
    number: (events) => events.map((event) => ({ index: next++, event, json: encode(event) })),
    publish(entries) {
      held.push(...entries)
      for (const subscriber of subscribers) subscriber.onEntries(entries)
    },
    release(index) {
      held = held.filter((entry) => entry.index > index)
    },
    end(atRest) {
      ended = { atRest }
      for (const subscriber of subscribers) subscriber.onEnd(atRest)
      subscribers.clear()
    },
  }
}
