/**
 * What one attempt of a run has committed, on top of what it found: messages, and what they have changed in its state.
 * @module
 */
import type { Message } from '../base/message.ts'
import type { RunJob, StatePatch } from '../base/run.ts'
import type { RunStore, StepCommit } from './store.ts'

export type EventsBefore = Pick<StepCommit, 'events' | 'eventIndex'>

export type Journal = {
  /** The transcript of the run so far. */
  readonly messages: readonly Message[]
  /** Against the job's `sessionState`. */
  readonly statePatch: () => StatePatch
  /**
   * @param patch all that the run has changed in its state; undefined when that is what was committed last
   * @param before the events before it that are not stored yet, and the index of the last one
   * @throws {AgentOSError} WORKER_LOST, DATABASE_UNAVAILABLE; nothing is committed then
   */
  readonly commit: (messages: readonly Message[], patch: StatePatch | undefined, before: EventsBefore) => Promise<void>
  /** Adds what is stored with the end of the attempt. @returns the place of the first message */
  readonly close: (messages: readonly Message[]) => number
}

export function createJournal({ runId, attempt, journal, statePatch: first }: RunJob, store: RunStore): Journal {
  const messages = [...journal]
  let statePatch = first
  return {
    messages,
    statePatch: () => statePatch,
    async commit(more, patch, before) {
      await store.commit({ runId, attempt, firstSeq: messages.length, messages: more, statePatch: patch, ...before })
      // The end takes along what was not committed, so a commit that failed leaves no trace here.
      messages.push(...more)
      statePatch = patch ?? statePatch
    },
    close(last) {
      const firstSeq = messages.length
      messages.push(...last)
      return firstSeq
    },
  }
}
