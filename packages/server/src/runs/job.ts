/**
 * From a claim to something that an executor can go on with: the journal, the history before it, the state, and what the
 * run says first.
 * @module
 */
import type { Message } from '../base/message.ts'
import type { OpeningEvent, RunJob, RunOptions } from '../base/run.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { NO_PATCH } from '../base/state-patch.ts'
import type { Db } from '../storage/database.ts'
import { loadEarlierMessages } from '../storage/load-history.ts'
import { type ClaimedRun, loadMessages, type Run } from '../storage/runs.ts'
import type { LiveRunOptions } from './live-run.ts'

export type PreparedRun = Pick<LiveRunOptions, 'job' | 'firstIndex' | 'opening' | 'createdAt' | 'background'>

/**
 * @param agent undefined when the run is only to be ended, which needs no history
 * @param now milliseconds since the epoch
 */
export async function prepareRun(
  db: Db,
  claimed: ClaimedRun,
  agent: AgentInfo | undefined,
  now: number,
): Promise<PreparedRun> {
  const { run } = claimed
  const withHistory = agent !== undefined && (run.options.addHistoryToContext ?? agent.addHistoryToContext)
  const [journals, history] = await Promise.all([
    loadMessages(db, [run.runId]),
    withHistory ? loadEarlierMessages(db, run.runId, agent.numHistoryRuns) : [],
  ])
  return {
    job: toJob(claimed, journals.get(run.runId) ?? [], history),
    firstIndex: claimed.firstIndex,
    opening: openingOf(claimed, agent !== undefined, now),
    createdAt: run.createdAt.getTime(),
    background: run.background,
  }
}

function toJob(
  { run, origin, sessionState }: ClaimedRun,
  journal: readonly Message[],
  history: readonly Message[],
): RunJob {
  const request = requestOf(run)
  return {
    runId: run.runId,
    sessionId: run.sessionId,
    userId: run.userId,
    agentId: run.componentId,
    attempt: run.attempt,
    input: run.input,
    history,
    journal,
    // A paused run waits for something; one that waits for nothing has failed, maybe in the middle of its calls.
    interrupted: origin === 'lost' || (origin === 'paused' && run.requirements.length === 0),
    requirements: run.requirements,
    sessionState: { ...sessionState, ...request.sessionState },
    statePatch: run.statePatch ?? NO_PATCH,
    request,
  }
}

/** What the caller gave for the session's state is in the session once the run has paused or was handed over. */
function requestOf({ options, settledIndex }: Run): RunOptions {
  if (settledIndex < 0) return options
  const { sessionState: _, ...rest } = options
  return rest
}

/** Whoever follows a lost run has to know what is void of it, also when it only ends. */
function openingOf({ run, origin, voided }: ClaimedRun, goesOn: boolean, at: number): OpeningEvent[] {
  if (origin === 'paused') return goesOn ? [{ type: 'run-continue', at }] : []
  if (origin === 'queued' || voided === undefined) return []
  return [{ type: 'run-recover', at, attempt: run.attempt, voidFrom: voided.from, voidTo: voided.to }]
}
