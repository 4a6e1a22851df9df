/**
 * Schedules and their history as Agno shows them.
 * @module
 */
import { decodeOrKeep } from '../../base/percent.ts'
import type { Schedule as WireSchedule, ScheduleRun as WireScheduleRun } from '@agentos/wire'
import type { ScheduleRun } from '../../storage/schedules/schedule-runs.ts'
import type { Schedule } from '../../storage/schedules/schedules.ts'
import { toRunRequirement } from './requirement.ts'
import { toSeconds } from './time.ts'

const TARGET = /^\/(agent|team|workflow)s\/([^/?]+)\/runs\/?(?:\?|$)/

/** Keys in Agno's order. */
export function toSchedule(schedule: Schedule): WireSchedule {
  const [, type, id] = TARGET.exec(schedule.endpoint) ?? []
  return {
    id: schedule.scheduleId,
    user_id: schedule.userId,
    name: schedule.name,
    description: schedule.description,
    method: schedule.method,
    endpoint: schedule.endpoint,
    payload: schedule.payload,
    cron_expr: schedule.cronExpr === '' ? null : schedule.cronExpr,
    timezone: schedule.timezone,
    timeout_seconds: schedule.timeoutSeconds,
    max_retries: schedule.maxRetries,
    retry_delay_seconds: schedule.retryDelaySeconds,
    missed_policy: schedule.missedPolicy,
    overlap_policy: schedule.overlapPolicy,
    enabled: schedule.enabled,
    next_run_at: toSeconds(schedule.nextRunAt),
    managed_by: null,
    // The pattern names no other.
    target_type: (type as WireSchedule['target_type'] | undefined) ?? null,
    target_id: id === undefined ? null : decodeOrKeep(id),
    disabled_reason: schedule.disabledReason,
    created_at: toSeconds(schedule.createdAt),
    updated_at: toSeconds(schedule.updatedAt),
  }
}

export function toScheduleRun(run: ScheduleRun): WireScheduleRun {
  const { input, content, contentType, requirements } = run
  return {
    id: run.scheduleRunId,
    schedule_id: run.scheduleId,
    user_id: run.userId,
    tick_at: toSeconds(run.tickAt),
    attempt: run.attempt,
    triggered_at: toSeconds(run.triggeredAt),
    completed_at: toSeconds(run.completedAt),
    status: run.status,
    status_code: run.statusCode,
    run_id: run.runId,
    session_id: run.sessionId,
    error: run.error,
    input: input === null ? null : { input_content: input },
    output: content === null ? null : { content, content_type: contentType },
    requirements: requirements.length > 0 ? requirements.map(toRunRequirement) : null,
    created_at: toSeconds(run.createdAt),
  }
}
