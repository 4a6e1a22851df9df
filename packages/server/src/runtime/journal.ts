/**
 * What a run appends to its journal, and when the session's state goes along.
 * Invariant: a state that is committed is the state of the messages it is committed with, never of later ones.
 * @module
 */
import { isDeepStrictEqual } from 'node:util'
import { AgentOSError } from '../base/errors.ts'
import type { StatePatch } from '../base/run.ts'
import type { Execution } from './execution.ts'
import { diffState } from './state.ts'
import { describeError } from './thrown.ts'

/**
 * Stores the messages that the journal does not hold yet. Not raced against the run's signal: a commit that is not
 * awaited may have been stored, and would be stored twice.
 * @throws {AgentOSError} DATABASE_UNAVAILABLE
 */
export async function commitMessages(run: Execution): Promise<void> {
  const messages = run.loop.messages.slice(run.committed)
  run.mustCommit = false
  if (messages.length === 0) return
  try {
    await run.ports.commit(messages, takeStatePatch(run))
  } catch (cause) {
    if (cause instanceof AgentOSError) throw cause
    throw new AgentOSError(
      'DATABASE_UNAVAILABLE',
      `The journal of the run could not be written: ${describeError(cause)}`,
      { cause },
    )
  }
  run.committed += messages.length
}

/** The changes of the state, when they are others than those committed last. What cannot be stored is told at the end. */
function takeStatePatch(run: Execution): StatePatch | undefined {
  if (!run.stateTouched) return undefined
  run.stateTouched = false
  const { patch } = diffState(run.job.sessionState, run.sessionState)
  if (isDeepStrictEqual(patch, run.statePatch)) return undefined
  run.statePatch = patch
  return patch
}
