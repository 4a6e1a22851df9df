/**
 * An executor that does what a test tells it: the worker's side of a run, without a worker.
 * @module
 */
import type { RunJob, RunResult } from '../../base/run.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { agentInfo } from '../../base/testing/agent-info.ts'
import type { RunHandlers } from '../live-run.ts'
import type { Executor } from '../runs.ts'

export type Started = {
  readonly job: RunJob
  readonly handlers: RunHandlers
  /** Why it was asked to stop; undefined while it was not. */
  readonly cancelReason: () => string | undefined
}

export type ScriptedExecutor = Executor & {
  readonly started: Started[]
  readonly retained: () => number
}

const MODEL = { provider: 'demo', id: 'assistant' }

const AGENT = agentInfo({ model: MODEL, retries: 0 })

export type ScriptOptions = {
  readonly revision?: string
  /** Ids of the agents; others than `assistant` are like it. */
  readonly agentIds?: readonly string[]
  /** Stuck in a tool: hears neither of a cancel nor of a hand-over. */
  readonly isStuck?: boolean
}

/** @param act what the worker does with a run; a run that is cancelled ends so unless `act` ended it */
export function scriptExecutor(
  act: (run: Started) => void | Promise<void> = () => {},
  { revision = 'r1', agentIds = ['assistant'], isStuck = false }: ScriptOptions = {},
): ScriptedExecutor {
  const started: Started[] = []
  let retained = 0
  return {
    revision,
    agents: agentIds.map((id) => ({ ...AGENT, id })),
    started,
    retained: () => retained,
    retain: () => {
      retained++
      return () => void retained--
    },
    start: (job, handlers) => {
      let reason: string | undefined
      const run = { job, handlers, cancelReason: () => reason }
      started.push(run)
      setImmediate(() => void act(run))
      return {
        cancel: (why) => {
          if (reason !== undefined) return
          reason = why
          if (!isStuck) handlers.onDone(result({ status: 'CANCELLED', content: 'so far' }))
        },
        handOver: () => {
          if (!isStuck) handlers.onDone(result({ status: 'PENDING', content: 'so far' }))
        },
      }
    },
  }
}

export function result(given: Partial<RunResult> = {}): RunResult {
  return {
    status: 'COMPLETED',
    content: 'Hello',
    contentType: 'str',
    reasoning: '',
    model: MODEL,
    metrics: { usage: NO_USAGE, durationMs: 5 },
    statePatch: { set: {}, unset: [] },
    uncommitted: [],
    ...given,
  }
}
