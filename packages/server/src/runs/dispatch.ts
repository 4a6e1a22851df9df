/**
 * Puts runs to work that this replica has leased: hands them to the serving generation, or ends those that cannot or
 * should not go on. All ends, whoever decides them, go through the run's own end, so that its last events are stored.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { traceOf } from '../base/trace-context.ts'
import type { Db } from '../storage/database.ts'
import type { ClaimedRun } from '../storage/runs/runs.ts'
import type { Log } from '../telemetry/log.ts'
import type { EventLog } from './event-log.ts'
import type { HeldRuns } from './held-runs.ts'
import { type PreparedRun, prepareRun } from './job.ts'
import type { OnAttempt } from './attempt.ts'
import { createLiveRun, type EncodeEvent, type LiveRun, type OwnedRun } from './live-run.ts'
import { asFailure, committedResult, type RunAgent } from './outcome.ts'
import { type Executor, findTarget, type Target } from './start.ts'
import type { RunStore } from './store.ts'

export type DispatchDeps = {
  readonly db: Db
  readonly clock: Clock
  readonly log: Log
  readonly held: HeldRuns
  readonly store: RunStore
  readonly eventLog: EventLog
  readonly encode: EncodeEvent
  readonly executor: () => Executor | undefined
  /** Most bytes of events of one attempt. */
  readonly maxEventBytes: number
  readonly onAttempt?: OnAttempt | undefined
}

export type Dispatch = {
  /** Nothing is awaited: the caller subscribes before the first event can arrive. */
  readonly run: (prepared: PreparedRun, target: Target) => LiveRun
  /**
   * Goes on with a claimed run on `target`, which the caller keeps alive meanwhile, or ends it. A run that cannot be gone
   * on with is given back.
   * @returns undefined when it ended, and no agent ran
   */
  readonly goOn: (claimed: ClaimedRun, target: Target) => Promise<LiveRun | undefined>
  /** The same for a run that nobody waits for here, on the executor it was claimed for. Never rejects. */
  readonly take: (claimed: ClaimedRun, executor: Executor) => Promise<void>
  /** Ends a claimed run without running anything: cancelled, or because of `error`. */
  readonly end: (claimed: ClaimedRun, error?: AgentOSError) => Promise<void>
}

export function createDispatch(deps: DispatchDeps): Dispatch {
  const { db, clock, log, held, store, eventLog } = deps

  function own(prepared: PreparedRun, agent: RunAgent, revision: string): OwnedRun {
    const { runId, trace } = prepared.job
    const ids = { run_id: runId, trace_id: trace.traceId }
    return createLiveRun(
      { ...prepared, agent, revision, maxEventBytes: deps.maxEventBytes },
      {
        store,
        eventLog,
        encode: deps.encode,
        now: clock.now,
        isToolRunning: () => held.all().some((other) => other.revision === revision && other.isInTool()),
        onAbandoned: () => held.abandon(runId),
        onLimit: (error) => held.fail(runId, error),
        onUnstored: (error) => log.error('what became of a run could not be stored', { ...ids, error }),
        onAttempt: deps.onAttempt ?? (() => {}),
      },
    )
  }

  function run(prepared: PreparedRun, { agent, executor }: Target): LiveRun {
    const owned = own(prepared, agent, executor.revision)
    held.hold(owned, executor.start(prepared.job, owned.handlers))
    return owned
  }

  async function end(claimed: ClaimedRun, error?: AgentOSError): Promise<void> {
    const agent = describeAgent(claimed, deps.executor()?.agents)
    const prepared = await prepare(claimed, undefined)
    const owned = own(prepared, agent, claimed.run.revision ?? '')
    held.hold(owned, { cancel: () => {}, handOver: () => {} })
    const { createdAt, job } = prepared
    const found = { messages: job.journal, statePatch: () => job.statePatch }
    const result = committedResult({ agent, createdAt, job }, found, clock.now())
    owned.handlers.onDone(error === undefined ? result : asFailure(result, error))
    await owned.finished
  }

  async function goOn(claimed: ClaimedRun, target: Target): Promise<LiveRun | undefined> {
    const verdict = judge(claimed)
    if (verdict === undefined) return run(await prepare(claimed, target.agent), target)
    await end(claimed, verdict === 'cancelled' ? undefined : verdict)
    return undefined
  }

  /** What cannot be read now may be readable for another replica; a run that nobody can read uses up its attempts. */
  async function prepare(claimed: ClaimedRun, agent: AgentInfo | undefined): Promise<PreparedRun> {
    try {
      return await prepareRun(db, claimed, agent, clock.now())
    } catch (error) {
      await giveBack(claimed, { lost: true })
      throw error
    }
  }

  async function giveBack({ run: { runId } }: ClaimedRun, reason: { readonly lost: boolean }): Promise<void> {
    // Without an answer of the database its lease runs out, with the same effect.
    await store.release([runId], reason).catch(() => undefined)
  }

  async function take(claimed: ClaimedRun, executor: Executor): Promise<void> {
    const { runId, componentId, traceparent } = claimed.run
    try {
      await goOn(claimed, findTarget(executor, componentId))
    } catch (error) {
      const { traceId } = traceOf(runId, traceparent)
      log.warn('a claimed run could not be taken up', { run_id: runId, trace_id: traceId, error })
    }
  }

  return { run, goOn, take, end }
}

/** Why a claimed run is not executed; undefined when it is. */
function judge({ run }: ClaimedRun): AgentOSError | 'cancelled' | undefined {
  if (run.cancelRequestedAt !== null) return 'cancelled'
  if (run.lostAttempts < run.maxAttempts) return undefined
  return new AgentOSError(
    'ATTEMPTS_EXHAUSTED',
    `The run was given up: ${run.lostAttempts} attempts ended with the replica or worker that ran it`,
  )
}

/** The agent of the run as it is now, or what its row knows of it. */
function describeAgent({ run }: ClaimedRun, agents: readonly AgentInfo[] = []): RunAgent {
  const { componentId: id, model } = run
  const agent = agents.find((candidate) => candidate.id === id)
  return agent ?? { id, name: id, metadata: null, model: model ?? { provider: 'none', id: 'none' } }
}
