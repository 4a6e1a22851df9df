/**
 * Hints between the replicas of one database. A hint says "look now" to those who would look soon anyway: it may get lost,
 * and carries nothing but its topic.
 * @module
 */
export type Notifications = {
  /** Tells the other replicas, soon and at most once; the caller knows already. Never fails and never waits. */
  readonly notify: (topic: string) => void
  /** @returns ends it */
  readonly onNotify: (listener: (topic: string) => void) => () => void
}

/** For a database that has no other replicas. */
export const NO_NOTIFICATIONS: Notifications = { notify: () => {}, onNotify: () => () => {} }
