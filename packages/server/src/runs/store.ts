/**
 * What a live run writes, under this replica's name: every write is fenced by owner and attempt. A database that is away
 * is waited for, because the result of a run exists nowhere else; whether the run is still ours, the fence decides when
 * the database is back.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Message } from '../base/message.ts'
import type { RunResult, StatePatch } from '../base/run.ts'
import type { Db } from '../storage/database.ts'
import { createPatience } from '../storage/patience.ts'
import type { EventChunk } from '../storage/runs/run-events.ts'
import { commitMessages, finishRun, releaseRuns } from '../storage/runs/runs.ts'

export type RunStore = {
  /** @throws {AgentOSError} WORKER_LOST when the lease is somebody else's by now */
  readonly commit: (commit: StepCommit) => Promise<void>
  /** @returns whether the run was still this replica's */
  readonly finish: (end: StepEnd) => Promise<boolean>
  /** Gives runs up, so that any replica can take them at once; `lost` counts the attempt against them. */
  readonly release: (runIds: readonly string[], reason: { readonly lost: boolean }) => Promise<void>
  /** Gives up waiting for a database that is away. */
  readonly close: () => void
}

type Position = { readonly runId: string; readonly attempt: number; readonly firstSeq: number }
export type StepCommit = Position & {
  readonly messages: readonly Message[]
  /** Index of the last event before the commit. */
  readonly eventIndex: number
  /** Undefined when the state did not change since the last one. */
  readonly statePatch: StatePatch | undefined
  /** Events up to `eventIndex` that are not stored yet. */
  readonly events: EventChunk | undefined
}
export type StepEnd = Position & {
  readonly result: RunResult
  readonly events: EventChunk | undefined
  /** Index of the last event of the run. */
  readonly eventIndex: number
  readonly componentName: string
}

type RunStoreDeps = { readonly clock: Clock; readonly ids: Ids }

/**
 * @param db connections kept apart from those of requests, so that a flood of reads cannot hold up the end of a run
 */
export function createRunStore(db: Db, owner: string, deps: RunStoreDeps): RunStore {
  const { persist, close } = createPatience(deps)
  return {
    async commit(commit) {
      const held = await persist(() => commitMessages(db, { ...commit, owner }))
      if (!held) throw new AgentOSError('WORKER_LOST', `The lease of run ${commit.runId} is no longer this replica's`)
    },
    async finish({ result, ...position }) {
      const { uncommitted, model: _, ...outcome } = result
      const end = { ...position, ...outcome, owner, messages: uncommitted, usage: result.metrics.usage }
      const { finished } = await persist(() => finishRun(db, end))
      return finished
    },
    release: (runIds, reason) => releaseRuns(db, owner, runIds, reason),
    close,
  }
}
