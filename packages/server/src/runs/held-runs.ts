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
  readonly ids: () => readonly string[]
  readonly size: () => number
  readonly background: () => number
  /** Asks a run to stop. @returns whether it is held here */
  readonly cancel: (runId: string) => boolean
  /** Stops a run, which then ends as an error. */
  readonly fail: (runId: string, error: AgentOSError) => void
  /** The client went away: cancels the run after the grace, unless somebody listens by then. */
  readonly abandon: (runId: string) => void
  /** Asks all runs to stop at their next step boundary. */
  readonly handOver: () => void
  /** The run is another replica's: its execution here is stopped, and nothing of it is written any more. */
  readonly drop: (runId: string) => void
  /** Resolves when one of the runs has ended; never, when there is none. */
  readonly nextEnd: () => Promise<unknown>
}

type Held = { readonly run: OwnedRun; readonly execution: ExecutionHandle }

/**
 * @param isFollowed whether somebody has followed the run on another replica within so many milliseconds
 * @param onEnd the run is no longer held
 */
export function createHeldRuns(
  { runTimeoutMs, disconnectGraceMs }: HoldLimits,
  isFollowed: (runId: string, withinMs: number) => Promise<boolean>,
  onEnd: (run: LiveRun, outcome: FinishedRun) => void,
): HeldRuns {
  const held = new Map<string, Held>()

  function cancel(runId: string): boolean {
    const here = held.get(runId)
    here?.execution.cancel(`Run ${runId} was cancelled`)
    return here !== undefined
  }

  function fail(runId: string, error: AgentOSError): void {
    const here = held.get(runId)
    here?.run.failWith(error)
    here?.execution.cancel(error.message)
  }

  async function cancelUnlessFollowed(run: OwnedRun, graceMs: number): Promise<void> {
    if (run.feed.subscribers() > 0) return
    if (graceMs === 0 || !(await isFollowed(run.runId, graceMs))) cancel(run.runId)
    else waitForFollower(run, graceMs)
  }

  function waitForFollower(run: OwnedRun, graceMs: number): void {
    const timer = setTimeout(() => void cancelUnlessFollowed(run, graceMs), graceMs)
    void run.finished.then(() => clearTimeout(timer))
  }

  return {
    hold(run, execution) {
      const { runId } = run
      const timeout = setTimeout(
        () => fail(runId, new AgentOSError('RUN_TIMEOUT', `The run took longer than ${runTimeoutMs} ms`)),
        runTimeoutMs,
      )
      const entry = { run, execution }
      held.set(runId, entry)
      void run.finished.then((outcome) => {
        clearTimeout(timeout)
        // A later attempt may have come back to this replica already.
        if (held.get(runId) === entry) held.delete(runId)
        onEnd(run, outcome)
      })
    },
    get: (runId) => held.get(runId)?.run,
    ids: () => [...held.keys()],
    size: () => held.size,
    background: () => [...held.values()].filter(({ run }) => run.background).length,
    cancel,
    fail,
    abandon(runId) {
      const run = held.get(runId)?.run
      if (run !== undefined && disconnectGraceMs !== undefined) waitForFollower(run, disconnectGraceMs)
    },
    handOver: () => {
      for (const { execution } of held.values()) execution.handOver()
    },
    drop(runId) {
      const here = held.get(runId)
      here?.run.leave()
      here?.execution.cancel(`Run ${runId} is another replica's by now`)
    },
    nextEnd: () => Promise.race([...held.values()].map(({ run }) => run.finished)),
  }
}
