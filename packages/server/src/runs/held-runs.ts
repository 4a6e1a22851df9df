/**
 * The runs that this replica holds a lease of, from their dispatch to their stored end: their time limit, their cancel,
 * and the grace of those whose client went away.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { FinishedRun, LiveRun, OwnedRun } from './live-run.ts'

export type HoldLimits = {
  /** Longest attempt, in milliseconds. */
  readonly runTimeoutMs: number
  /** Milliseconds a run goes on without a listener after its client went away; undefined for ever. */
  readonly disconnectGraceMs: number | undefined
}

/** What can be asked of a run's executor. */
export type ExecutionHandle = {
  /** It ends soon, with a result. */
  readonly cancel: (reason: string) => void
  /** It ends as PENDING at its next step boundary, unless it ends before. */
  readonly handOver: () => void
}

export type HeldRuns = {
  /** Keeps the run until it is at rest or has left. */
  readonly hold: (run: OwnedRun, execution: ExecutionHandle) => void
  readonly get: (runId: string) => LiveRun | undefined
  readonly all: () => readonly OwnedRun[]
  readonly size: () => number
  readonly background: () => number
  /** Asks a run to stop. @returns whether it is held here */
  readonly cancel: (runId: string) => boolean
  /** Stops a run, which then ends as an error. */
  readonly fail: (runId: string, error: AgentOSError) => void
  /** The client went away: cancels the run once nobody has listened for the grace. */
  readonly abandon: (runId: string) => void
  /** Asks all runs to stop at their next step boundary, also those that come later. */
  readonly handOver: () => void
  /** The run is another replica's: its execution here is stopped, and nothing of it is written any more. */
  readonly drop: (run: OwnedRun) => void
}

type Held = { readonly run: OwnedRun; readonly execution: ExecutionHandle; grace: NodeJS.Timeout | undefined }

/**
 * @param isFollowed whether somebody has followed the run on another replica, at most about so many milliseconds ago
 * @param onEnd the run is no longer held
 */
export function createHeldRuns(
  { runTimeoutMs, disconnectGraceMs }: HoldLimits,
  isFollowed: (runId: string, withinMs: number) => Promise<boolean>,
  onEnd: (run: LiveRun, outcome: FinishedRun) => void,
): HeldRuns {
  const held = new Map<string, Held>()
  let isLeaving = false

  function cancel(runId: string): boolean {
    const here = held.get(runId)
    here?.run.cancel()
    here?.execution.cancel(`Run ${runId} was cancelled`)
    return here !== undefined
  }

  function fail(runId: string, error: AgentOSError): void {
    const here = held.get(runId)
    here?.run.failWith(error)
    here?.execution.cancel(error.message)
  }

  /** Whoever has come back may go away again, so the run is looked after until it ends. */
  async function cancelUnlessFollowed(entry: Held, graceMs: number): Promise<void> {
    const { run } = entry
    const isAwaited = run.feed.subscribers() > 0 || (graceMs > 0 && (await isFollowed(run.runId, graceMs)))
    if (held.get(run.runId) !== entry) return
    if (!isAwaited) cancel(run.runId)
    else if (graceMs > 0) startGrace(entry, graceMs)
  }

  function startGrace(entry: Held, graceMs: number): void {
    clearTimeout(entry.grace)
    entry.grace = setTimeout(() => void cancelUnlessFollowed(entry, graceMs), graceMs)
  }

  return {
    hold(run, execution) {
      const { runId } = run
      const timeout = setTimeout(
        () => fail(runId, new AgentOSError('RUN_TIMEOUT', `The run took longer than ${runTimeoutMs} ms`)),
        runTimeoutMs,
      )
      const entry: Held = { run, execution, grace: undefined }
      held.set(runId, entry)
      if (isLeaving) execution.handOver()
      void run.finished.then((outcome) => {
        clearTimeout(timeout)
        clearTimeout(entry.grace)
        // A later attempt may have come back to this replica already.
        if (held.get(runId) === entry) held.delete(runId)
        onEnd(run, outcome)
      })
    },
    get: (runId) => held.get(runId)?.run,
    all: () => [...held.values()].map(({ run }) => run),
    size: () => held.size,
    background: () => [...held.values()].filter(({ run }) => run.background).length,
    cancel,
    fail,
    abandon(runId) {
      const entry = held.get(runId)
      if (entry !== undefined && disconnectGraceMs !== undefined) startGrace(entry, disconnectGraceMs)
    },
    handOver() {
      isLeaving = true
      for (const { execution } of held.values()) execution.handOver()
    },
    drop(run) {
      run.leave()
      const here = held.get(run.runId)
      if (here?.run === run) here.execution.cancel(`Run ${run.runId} is another replica's by now`)
    },
  }
}
