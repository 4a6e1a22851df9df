/**
 * The tables of `migrations/` as Kysely types. JSON goes in as text (`values.ts` makes it) and comes out parsed.
 * @module
 */
import type { ColumnType, Generated, Kysely } from 'kysely'
import type { AttemptStart } from '../base/attempt-record.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Json, JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { ApprovalType, PauseKind, Requirement } from '../base/requirement.ts'
import type { RunMetrics, RunOptions, RunStatus, StatePatch } from '../base/run.ts'
import type { SpanKind, SpanRecord } from '../base/span.ts'
import type { Usage } from '../base/usage.ts'

export type SessionType = 'agent' | 'team' | 'workflow'

type JsonColumn<T> = ColumnType<T, string, string>
type OptionalJsonColumn<T> = ColumnType<T | null, string | null | undefined, string | null>
/** Set by the database's own clock only. */
type DatabaseTime = Generated<Date>

export type SessionRow = {
  session_id: string
  session_type: SessionType
  component_id: string | null
  user_id: string | null
  session_name: string | null
  default_name: Generated<string>
  session_state: JsonColumn<JsonObject>
  metadata: OptionalJsonColumn<JsonObject>
  summary: OptionalJsonColumn<JsonObject>
  usage: ColumnType<Partial<Usage>, string | undefined, string>
  created_at: DatabaseTime
  updated_at: DatabaseTime
}

export type RunRow = {
  run_id: string
  session_id: string
  run_type: SessionType
  component_id: string
  parent_run_id: string | null
  user_id: string | null
  status: RunStatus
  streamed: boolean
  input: string
  options: JsonColumn<RunOptions>
  revision: string | null
  provider: string | null
  model: string | null
  content: OptionalJsonColumn<Json>
  content_type: string | null
  reasoning: string | null
  metrics: OptionalJsonColumn<RunMetrics>
  error_code: ErrorCode | null
  error_message: string | null
  lease_owner: string | null
  lease_until: Date | null
  attempt: Generated<number>
  max_attempts: Generated<number>
  cancel_requested_at: Date | null
  created_at: DatabaseTime
  started_at: Date | null
  finished_at: Date | null
  updated_at: DatabaseTime
  background: Generated<boolean>
  priority: Generated<number>
  lost_attempts: Generated<number>
  settled_index: Generated<number>
  void_events: ColumnType<[from: number, to: number][], string | undefined, string>
  state_patch: OptionalJsonColumn<StatePatch>
  requirements: ColumnType<Requirement[], string | undefined, string>
  followed_at: Date | null
  idempotency_key: string | null
  request_hash: string | null
  forked_from_run_id: string | null
  forked_from_message_index: number | null
  forked_from_session_id: string | null
  regenerated_from: string | null
  traceparent: string | null
  memory_misses: number | null
  attempt_starts: ColumnType<AttemptStart[], string | undefined, string>
}

export type MessageRow = {
  run_id: string
  seq: number
  message: JsonColumn<Message>
  event_index: Generated<number>
}

export type ApprovalStatus = 'pending' | 'approved' | 'rejected' | 'expired' | 'cancelled'

export type ApprovalRow = {
  approval_id: string
  run_id: string
  session_id: string
  status: ApprovalStatus
  approval_type: ApprovalType
  pause_kind: PauseKind
  run_type: SessionType
  component_id: string
  component_name: string | null
  user_id: string | null
  tool_name: string
  tool_input: OptionalJsonColumn<Json>
  requirements: ColumnType<Requirement[], string | undefined, string>
  resolution_data: OptionalJsonColumn<JsonObject>
  resolved_by: string | null
  resolved_at: Date | null
  created_at: DatabaseTime
  updated_at: DatabaseTime
}

/** `day` is `YYYY-MM-DD` in UTC. */
export type RunEventsRow = { day: string; run_id: string; first_index: number; last_index: number; events: string }

export type TraceStatus = 'OK' | 'ERROR'

export type TraceRow = {
  trace_id: string
  name: string
  context_at: Date | null
  run_id: string | null
  session_id: string | null
  user_id: string | null
  agent_id: string | null
  team_id: string | null
  workflow_id: string | null
  input: string | null
  output: string | null
  error: string | null
  result_at: Date | null
  status: TraceStatus
  start_time: Date
  end_time: Date
  total_spans: number
  error_count: number
  created_at: DatabaseTime
}

/** `day` is `YYYY-MM-DD` in UTC, of the start. */
export type SpanRow = {
  day: string
  trace_id: string
  span_id: string
  parent_span_id: string | null
  name: string
  kind: Exclude<SpanKind, 'SERVER'>
  start_time: Date
  end_time: Date
  error: string | null
  run_id: string | null
  attributes: JsonColumn<SpanRecord['attributes']>
}

export type MemoryRow = {
  memory_id: string
  user_id: string
  agent_id: string | null
  team_id: string | null
  memory: string
  /** Goes in as the literal of a `text[]`: `values.ts` makes it. */
  topics: ColumnType<string[], string | undefined, string>
  created_at: DatabaseTime
  updated_at: DatabaseTime
}

export type LearningRow = {
  learning_id: string
  learning_type: string
  namespace: string | null
  user_id: string | null
  agent_id: string | null
  team_id: string | null
  session_id: string | null
  entity_id: string | null
  entity_type: string | null
  content: JsonColumn<JsonObject>
  metadata: OptionalJsonColumn<JsonObject>
  created_at: DatabaseTime
  updated_at: DatabaseTime
}

export type ReplicaRow = {
  replica_id: string
  revision: string | null
  started_at: DatabaseTime
  heartbeat_at: DatabaseTime
  takes_runs: boolean
}

export type SignalRow = { name: string; version: Generated<number> }

export type ScheduleRow = {
  schedule_id: string
  user_id: string | null
  name: string
  description: string | null
  method: ScheduleMethod
  endpoint: string
  payload: OptionalJsonColumn<JsonObject>
  cron_expr: string
  timezone: string
  timeout_seconds: number
  max_retries: number
  retry_delay_seconds: number
  missed_policy: MissedPolicy
  overlap_policy: OverlapPolicy
  enabled: Generated<boolean>
  disabled_reason: string | null
  next_run_at: Date | null
  created_at: DatabaseTime
  updated_at: DatabaseTime
}

export type ScheduleMethod = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
/** `run_once`: one run for all ticks that were missed. `skip`: none. */
export type MissedPolicy = 'run_once' | 'skip'
/** What a tick does while an earlier one of its schedule goes on: nothing, wait for it, or run beside it. */
export type OverlapPolicy = 'skip' | 'queue' | 'allow'

export type ScheduleRunStatus = 'pending' | 'running' | 'paused' | 'success' | 'failed' | 'cancelled' | 'skipped'

export type ScheduleRunRow = {
  schedule_run_id: string
  schedule_id: string
  user_id: string | null
  tick_at: Date | null
  due_at: DatabaseTime
  attempt: Generated<number>
  status: ScheduleRunStatus
  waits_for_turn: Generated<boolean>
  method: ScheduleMethod
  endpoint: string
  payload: OptionalJsonColumn<JsonObject>
  timeout_seconds: number
  max_retries: number
  retry_delay_seconds: number
  available_at: DatabaseTime
  lease_owner: string | null
  lease_until: Date | null
  triggered_at: Date | null
  completed_at: Date | null
  status_code: number | null
  run_id: string | null
  session_id: string | null
  error: string | null
  created_at: DatabaseTime
}

export type MigrationRow = {
  version: number
  name: string
  checksum: string
  applied_at: DatabaseTime
  additive: Generated<boolean>
}

export type Tables = {
  agentos_sessions: SessionRow
  agentos_runs: RunRow
  agentos_messages: MessageRow
  agentos_run_events: RunEventsRow
  agentos_approvals: ApprovalRow
  agentos_traces: TraceRow
  agentos_spans: SpanRow
  agentos_memories: MemoryRow
  agentos_learnings: LearningRow
  agentos_replicas: ReplicaRow
  agentos_signals: SignalRow
  agentos_schedules: ScheduleRow
  agentos_schedule_runs: ScheduleRunRow
  agentos_migrations: MigrationRow
}

export type Db = Kysely<Tables>
