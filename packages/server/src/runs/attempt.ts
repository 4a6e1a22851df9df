/**
 * What one attempt of a run tells about itself once it has left: when its model calls and tools began and ended.
 * @module
 */
import type { AttemptRecord, LostAttempt, RunLineage } from '../base/attempt-record.ts'
import type { Message } from '../base/message.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { RunJob, RunResult, RunStatus, StepEvent } from '../base/run.ts'
import { addUsage, NO_USAGE } from '../base/usage.ts'

/** Hears of every attempt once, when it has left. Must not throw. */
export type OnAttempt = (record: AttemptRecord) => void

export type AttemptOutcome = {
  readonly status: RunStatus
  readonly result: RunResult
  readonly messages: readonly Message[]
}

export type AttemptMarks = {
  readonly add: (events: readonly StepEvent[]) => void
  /** Whether one of its tools runs now. */
  readonly isInTool: () => boolean
  readonly record: (outcome: AttemptOutcome) => AttemptRecord
}

/** Marks kept of one attempt; what comes later is left out. */
const MAX_MARKS = 10_000

/** The attempt begins now. */
export function createAttemptMarks(options: AttemptOptions, now: () => number): AttemptMarks {
  const startedAt = now()
  const marks: StepEvent[] = []
  let openTools = 0
  return {
    add(events) {
      for (const event of events) {
        openTools += event.type === 'tool-start' ? 1 : event.type === 'tool-end' ? -1 : 0
        if (isMark(event) && marks.length < MAX_MARKS) marks.push(event)
      }
    },
    isInTool: () => openTools > 0,
    // A copy, because a worker that was given up may go on telling.
    record: (outcome) => toRecord(options, outcome, { startedAt, endedAt: now(), marks: [...marks] }),
  }
}

type AttemptOptions = Pick<AttemptRecord, 'origin' | 'revision' | 'createdAt'> & {
  readonly job: RunJob
  readonly agent: Pick<AgentInfo, 'id' | 'name' | 'model'> & Partial<Pick<AgentInfo, 'tools' | 'modelSettings'>>
  /** Absent for what begins by itself. */
  readonly lineage?: RunLineage | undefined
  readonly lostBefore?: readonly LostAttempt[] | undefined
}

const ALONE: RunLineage = { runType: 'agent', parentRunId: null, links: [] }

function isMark({ type }: StepEvent): boolean {
  return type === 'model-start' || type === 'model-end' || type === 'tool-start' || type === 'tool-end'
}

function toRecord(
  { job, agent, revision, createdAt, origin, lineage = ALONE, lostBefore = [] }: AttemptOptions,
  { status, result, messages }: AttemptOutcome,
  times: Pick<AttemptRecord, 'startedAt' | 'endedAt' | 'marks'>,
): AttemptRecord {
  const { runId, sessionId, userId, attempt, input, inherited, trace } = job
  const { schedule_id: scheduleId, schedule_run_id: scheduleRunId } = job.request.metadata ?? {}
  const fromMessage = job.journal.length
  const said = messages.slice(fromMessage).filter((message) => message.role === 'assistant')
  return {
    ...times,
    ...lineage,
    ...(typeof scheduleId === 'string' &&
      typeof scheduleRunId === 'string' && { schedule: { scheduleId, scheduleRunId } }),
    runId,
    sessionId,
    userId,
    agentId: agent.id,
    agentName: agent.name,
    revision,
    attempt,
    origin,
    createdAt,
    status,
    model: agent.model,
    modelSettings: agent.modelSettings ?? {},
    input,
    tools: agent.tools ?? [],
    history: job.history,
    messages,
    inherited,
    fromMessage,
    lostBefore,
    trace,
    content: result.content,
    error: result.error ?? null,
    usage: said.reduce((sum, reply) => addUsage(sum, reply.usage), NO_USAGE),
    beside: result.metrics.beside,
    ...(result.memoryBacklog && { memoryBacklog: result.memoryBacklog }),
  }
}
