/**
 * The runs that this replica holds a lease of, from their dispatch to their stored end: their time limit, their cancel,
 * and the grace of those whose client went away.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { OwnedRun } from './live-run.ts'

export type HoldLimits = {
  readonly runTimeoutMs: number
  /** Milliseconds a run goes on without a listener after its client went away; undefined for ever. */
  readonly disconnectGraceMs: number | undefined
}

export type HeldRuns = {
  /** Keeps the run until its end is stored; `cancel` asks its executor to stop. */
  readonly hold: (run: OwnedRun, cancel: (reason: string) => void) => void
  readonly get: (runId: string) => OwnedRun | undefined
  readonly size: () => number
  /** Asks a run to stop. @returns whether it is held here */
  readonly cancel: (runId: string) => boolean
  /** The client went away: cancels the run after the grace, unless somebody listens by then. */
  readonly abandon: (runId: string) => void
  /** Whatever still runs and does not complete has failed because of `error`. */
  readonly blame: (error: AgentOSError) => void
  /** Resolves when one of the runs has ended; never, when there is none. */
  readonly nextEnd: () => Promise<unknown>
}

type Held = { readonly run: OwnedRun; readonly cancel: (reason: string) => void }

export function createHeldRuns({ runTimeoutMs, disconnectGraceMs }: HoldLimits): HeldRuns {
  const held = new Map<string, Held>()

  function cancel(runId: string): boolean {
    const here = held.get(runId)
    here?.cancel(`Run ${runId} was cancelled`)
    return here !== undefined
  }

  return {
    hold(run, stop) {
      const { runId } = run
      const timeout = setTimeout(() => {
        run.failWith(new AgentOSError('RUN_TIMEOUT', `The run took longer than ${runTimeoutMs} ms`))
        stop('The run took too long')
      }, runTimeoutMs)
      held.set(runId, { run, cancel: stop })
      void run.finished.then(() => {
        clearTimeout(timeout)
        held.delete(runId)
      })
    },
    get: (runId) => held.get(runId)?.run,
    size: () => held.size,
    cancel,
    abandon(runId) {
      const run = held.get(runId)?.run
      if (run === undefined || disconnectGraceMs === undefined) return
      const timer = setTimeout(() => {
        if (run.feed.subscribers() === 0) cancel(runId)
      }, disconnectGraceMs)
      void run.finished.then(() => clearTimeout(timer))
    },
    blame: (error) => {
      for (const { run } of held.values()) run.failWith(error)
    },
    nextEnd: () => Promise.race([...held.values()].map(({ run }) => run.finished)),
  }
}
