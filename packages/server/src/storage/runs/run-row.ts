/**
 * A run as the rest of the server sees it, read from its row.
 * @module
 */
import type { Selectable } from 'kysely'
import type { AttemptStart } from '../../base/attempt-record.ts'
import type { Json } from '../../base/json.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { ModelName, RunFailure, RunMetrics, RunOptions, RunStatus, StatePatch } from '../../base/run.ts'
import type { RunRow, SessionType } from '../tables.ts'

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
  /** Whether it waits for its turn in the queue. */
  readonly background: boolean
  /** Higher ones are claimed first. */
  readonly priority: number
  /** Attempts that ended with their replica or worker. */
  readonly lostAttempts: number
  /** The last event of its last end, pause or hand-over; -1 before the first. */
  readonly settledIndex: number
  /** Ranges of events that were sent and then done again, both ends inclusive. */
  readonly voidEvents: readonly VoidRange[]
  /** What the attempts since the last pause or hand-over have changed and committed; null when nothing. */
  readonly statePatch: StatePatch | null
  /** Of its last pause, with the answers. */
  readonly requirements: readonly Requirement[]
  readonly forkedFromRunId: string | null
  readonly forkedFromMessageIndex: number | null
  readonly forkedFromSessionId: string | null
  readonly regeneratedFrom: string | null
  readonly idempotencyKey: string | null
  /** SHA-256 of the request that brought the key. */
  readonly requestHash: string | null
  /** The W3C trace context of the request that started it; null when it brought none. */
  readonly traceparent: string | null
  /** How its last attempts began, oldest first; see `attempt-starts.ts`. */
  readonly attemptStarts: readonly AttemptStart[]
}

export type VoidRange = readonly [from: number, to: number]

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
    background: row.background,
    priority: row.priority,
    lostAttempts: row.lost_attempts,
    settledIndex: row.settled_index,
    voidEvents: row.void_events,
    statePatch: row.state_patch,
    requirements: row.requirements,
    forkedFromRunId: row.forked_from_run_id,
    forkedFromMessageIndex: row.forked_from_message_index,
    forkedFromSessionId: row.forked_from_session_id,
    regeneratedFrom: row.regenerated_from,
    idempotencyKey: row.idempotency_key,
    requestHash: row.request_hash,
    traceparent: row.traceparent,
    attemptStarts: row.attempt_starts,
  }
}
