/**
 * Background runs as Agno's queue jobs.
 * @module
 */
import type { JobStatus, QueueJob, QueueStats as WireQueueStats } from '@agentos/wire'
import type { RunStatus } from '../../base/run.ts'
import type { QueueStats } from '../../storage/runs/queue.ts'
import type { Run } from '../../storage/runs/runs.ts'
import { toSeconds } from './time.ts'

/** A run that another one took the place of has completed. */
const JOB_STATUS = {
  PENDING: 'queued',
  RUNNING: 'running',
  PAUSED: 'paused',
  COMPLETED: 'completed',
  REGENERATED: 'completed',
  ERROR: 'failed',
  CANCELLED: 'cancelled',
} as const satisfies Record<RunStatus, JobStatus>

/** The runs that are jobs of these statuses. */
export function toRunStatuses(statuses: readonly JobStatus[]): RunStatus[] {
  // The keys of the record are what its type says.
  return (Object.keys(JOB_STATUS) as RunStatus[]).filter((status) => statuses.includes(JOB_STATUS[status]))
}

export function toQueueJob(run: Run): QueueJob {
  return {
    id: run.runId,
    component_type: run.runType,
    component_id: run.componentId,
    session_id: run.sessionId,
    job_type: 'run',
    user_id: run.userId,
    payload: { input: run.input, stream: run.streamed, ...run.options },
    status: JOB_STATUS[run.status],
    priority: run.priority,
    attempt: run.attempt,
    lost_attempts: run.lostAttempts,
    max_attempts: run.maxAttempts,
    idempotency_key: run.idempotencyKey,
    available_at: run.status === 'PENDING' ? toSeconds(run.updatedAt) : null,
    locked_by: run.leaseOwner,
    locked_at: run.leaseOwner === null ? null : toSeconds(run.startedAt),
    error: run.error?.message ?? null,
    created_at: toSeconds(run.createdAt),
    updated_at: toSeconds(run.updatedAt),
    completed_at: toSeconds(run.finishedAt),
  }
}

/** @param now milliseconds since the epoch */
export function toQueueStats({ counts, oldestQueuedAt }: QueueStats, now: number): WireQueueStats {
  const byJob: Partial<Record<JobStatus, number>> = {}
  for (const [status, job] of Object.entries(JOB_STATUS)) {
    const count = counts[status as RunStatus]
    if (count > 0) byJob[job] = (byJob[job] ?? 0) + count
  }
  const age = oldestQueuedAt === null ? null : Math.max(0, Math.floor((now - oldestQueuedAt.getTime()) / 1000))
  return { counts: byJob, oldest_queued_age_seconds: age }
}
