/**
 * From a claim to something that an executor can go on with: the journal, the history before it, the state, and what the
 * run says first.
 * @module
 */
import type { AttemptOrigin, AttemptStart, LostAttempt } from '../base/attempt-record.ts'
import type { Message } from '../base/message.ts'
import type { OpeningEvent, RunJob, RunOptions } from '../base/run.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { mergeState, NO_PATCH } from '../base/state-patch.ts'
import { traceOf } from '../base/trace-context.ts'
import type { Db } from '../storage/database.ts'
import { loadEarlierMessages } from '../storage/runs/load-history.ts'
import { type ClaimedRun, loadMessages, type Run } from '../storage/runs/runs.ts'
import type { LiveRunOptions } from './live-run.ts'

const FIRST = 1

export type PreparedRun = Pick<
  LiveRunOptions,
  'job' | 'origin' | 'lineage' | 'lostBefore' | 'firstIndex' | 'opening' | 'createdAt' | 'background'
>

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
  const job = toJob(claimed, journals.get(run.runId) ?? [], history)
  return {
    job,
    origin: originOf(claimed),
    lineage: { runType: run.runType, parentRunId: run.parentRunId, links: startOf(run, run.attempt)?.links ?? [] },
    lostBefore: lostBefore(run),
    firstIndex: claimed.firstIndex,
    opening: openingOf(claimed, job, agent !== undefined, now),
    createdAt: run.createdAt.getTime(),
    background: run.background,
  }
}

/** Undefined for a later attempt that a replica of an older release has begun. */
function startOf(run: Run, attempt: number): AttemptStart | undefined {
  const noted = run.attemptStarts.find((start) => start.attempt === attempt)
  if (noted !== undefined || attempt !== FIRST) return noted
  const startedAt = (run.startedAt ?? run.createdAt).getTime()
  return { attempt, origin: 'start', startedAt, fromMessage: run.forkedFromMessageIndex ?? 0, links: [] }
}

/** Those that nobody has told of: each was taken up by the next, and this one took up the last of them. */
function lostBefore(run: Run): LostAttempt[] {
  const lost: LostAttempt[] = []
  let next = startOf(run, run.attempt)
  while (next?.origin === 'recover') {
    const start = startOf(run, next.attempt - 1)
    if (start !== undefined) lost.unshift({ ...start, endedAt: next.startedAt, toMessage: next.fromMessage })
    next = start
  }
  return lost
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
    inherited: run.forkedFromMessageIndex ?? 0,
    // A failed run may have ended in the middle of its calls, as a lost one.
    interrupted: origin === 'lost' || origin === 'failed',
    requirements: run.requirements,
    sessionState: mergeState(sessionState, request.sessionState ?? {}),
    statePatch: run.statePatch ?? NO_PATCH,
    request,
    trace: traceOf(run.runId, run.traceparent),
  }
}

/** Without a note: a run of the queue that is not new was handed over, put back, or answered while it waited there. */
function originOf({ run, origin }: ClaimedRun): AttemptOrigin {
  const noted = startOf(run, run.attempt)
  if (noted !== undefined) return noted.origin
  if (origin === 'lost') return 'recover'
  if (origin !== 'queued' || run.requirements.length > 0) return 'continue'
  return 'hand-over'
}

/** What the caller gave for the session's state is in the session once the run has paused or was handed over. */
function requestOf({ options, settledIndex }: Run): RunOptions {
  if (settledIndex < 0) return options
  const { sessionState: _, ...rest } = options
  return rest
}

/** Whoever follows a lost run has to know what is void of it, also when it only ends. */
function openingOf({ run, origin, voided }: ClaimedRun, job: RunJob, goesOn: boolean, at: number): OpeningEvent[] {
  if (voided !== undefined) {
    return [{ type: 'run-recover', at, attempt: run.attempt, voidFrom: voided.from, voidTo: voided.to }]
  }
  const isContinued = origin === 'paused' || origin === 'failed' || isForkOrAnswered(run, job)
  return goesOn && isContinued ? [{ type: 'run-continue', at }] : []
}

/** Of a run from the queue: a fork has a journal before it has begun, and what was answered has waited there since. */
function isForkOrAnswered({ settledIndex }: Run, { journal, requirements }: RunJob): boolean {
  return (settledIndex < 0 && journal.length > 0) || requirements.length > 0
}
