/**
 * A run as the rest of the server sees it, read from its row.
 * @module
 */
import type { Selectable } from 'kysely'
import type { Json } from '../base/json.ts'
import type { ModelName, RunFailure, RunMetrics, RunOptions, RunStatus } from '../base/run.ts'
import type { RunRow, SessionType } from './tables.ts'

export type Run = {
  readonly runId: string
  readonly sessionId: string
  readonly runType: SessionType
  readonly componentId: string
  readonly parentRunId: string | null
  readonly userId: string | null
  readonly status: RunStatus
  readonly streamed: boolean
  readonly input: string
  readonly options: RunOptions
  readonly revision: string | null
  readonly model: ModelName | null
  /** What came out; null until the run ends. */
  readonly content: Json
  readonly contentType: string | null
  readonly reasoning: string | null
  readonly metrics: RunMetrics | null
  readonly error: RunFailure | null
  readonly leaseOwner: string | null
  readonly leaseUntil: Date | null
  readonly attempt: number
  readonly maxAttempts: number
  readonly cancelRequestedAt: Date | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly updatedAt: Date
}

export function readRun(row: Selectable<RunRow>): Run {
  return {
    runId: row.run_id,
    sessionId: row.session_id,
    runType: row.run_type,
    componentId: row.component_id,
    parentRunId: row.parent_run_id,
    userId: row.user_id,
    status: row.status,
    streamed: row.streamed,
    input: row.input,
    options: row.options,
    revision: row.revision,
    model: row.provider === null || row.model === null ? null : { provider: row.provider, id: row.model },
    content: row.content,
    contentType: row.content_type,
    reasoning: row.reasoning,
    metrics: row.metrics,
    error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? '' },
    leaseOwner: row.lease_owner,
    leaseUntil: row.lease_until,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    cancelRequestedAt: row.cancel_requested_at,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    updatedAt: row.updated_at,
  }
}
