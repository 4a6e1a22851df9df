/**
 * Schedules: what is called when, and what became of it.
 * @module
 */
import { z } from 'zod'
import { EpochSeconds, Json, JsonObject, pageOf } from './json.ts'
import { RunRequirement } from './requirement.ts'

export const ScheduleMethod = z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])

const name = z
  .string()
  .max(255)
  .regex(
    /^[a-zA-Z0-9][a-zA-Z0-9 ._-]*$/,
    "Name must start with alphanumeric and contain only alphanumeric, spaces, '.', '_', '-'",
  )
const cronExpr = z.string().max(128).describe('Five fields, or a nickname like @daily; empty: only when triggered.')
const endpoint = z
  .string()
  .max(512)
  // oxlint-disable-next-line no-control-regex -- they are what is refused
  .regex(/^\/(?!.*:\/\/)[^\s\u0000-\u001f\u007f]*$/, 'Endpoint must be a path that starts with / and has no spaces')
  .describe('A path of this server, for example /agents/assistant/runs.')
const method = z.string().toUpperCase().pipe(ScheduleMethod).describe('POST for runs; whatever the endpoint takes.')
const payload = JsonObject.nullable().describe('Body of the request; of a run, its fields.')
const timezone = z.string().max(64).describe('A name of the IANA database, such as Europe/Berlin.')
const timeoutSeconds = z.int().min(1).max(86_400).describe('A run that takes longer is cancelled and has failed.')
const maxRetries = z.int().min(0).max(10)
const retryDelaySeconds = z.int().min(1).max(3600)

export const MissedPolicy = z
  .enum(['run_once', 'skip'])
  .describe('Of ticks that no server was there for: run once for all of them, or not at all.')
export const OverlapPolicy = z
  .enum(['skip', 'queue', 'allow'])
  .describe('Of a tick that comes while an earlier one goes on: drop it, let it wait (one may), or run it beside.')

export const CreateSchedule = z
  .object({
    name,
    cron_expr: cronExpr.default(''),
    endpoint,
    method: method.default('POST'),
    description: z.string().max(1024).nullish(),
    payload: payload.optional(),
    timezone: timezone.default('UTC'),
    timeout_seconds: timeoutSeconds.default(3600),
    max_retries: maxRetries.default(0),
    retry_delay_seconds: retryDelaySeconds.default(60),
    missed_policy: MissedPolicy.default('run_once'),
    overlap_policy: OverlapPolicy.default('skip'),
  })
  .meta({ id: 'CreateSchedule' })
export type CreateSchedule = z.infer<typeof CreateSchedule>

export const UpdateSchedule = z
  .object({
    name: name.optional(),
    cron_expr: cronExpr.optional(),
    endpoint: endpoint.optional(),
    method: method.optional(),
    description: z.string().max(1024).nullish(),
    payload: payload.optional(),
    timezone: timezone.optional(),
    timeout_seconds: timeoutSeconds.optional(),
    max_retries: maxRetries.optional(),
    retry_delay_seconds: retryDelaySeconds.optional(),
    missed_policy: MissedPolicy.optional(),
    overlap_policy: OverlapPolicy.optional(),
  })
  .meta({ id: 'UpdateSchedule' })
export type UpdateSchedule = z.infer<typeof UpdateSchedule>

export const Schedule = z
  .object({
    id: z.string(),
    user_id: z.string().nullable(),
    name: z.string(),
    description: z.string().nullable(),
    method: z.string(),
    endpoint: z.string(),
    payload: JsonObject.nullable(),
    cron_expr: z.string().nullable().describe('Null: only when triggered.'),
    timezone: z.string(),
    timeout_seconds: z.int(),
    max_retries: z.int(),
    retry_delay_seconds: z.int(),
    missed_policy: MissedPolicy,
    overlap_policy: OverlapPolicy,
    enabled: z.boolean(),
    next_run_at: EpochSeconds.nullable(),
    managed_by: z.string().nullable(),
    target_type: z.enum(['agent', 'team', 'workflow']).nullable(),
    target_id: z.string().nullable(),
    disabled_reason: z.string().nullable().describe('Why the server disabled it.'),
    created_at: EpochSeconds,
    updated_at: EpochSeconds,
  })
  .meta({ id: 'Schedule' })
export type Schedule = z.infer<typeof Schedule>

export const SchedulePage = pageOf(Schedule)

export const ScheduleListQuery = z.object({
  enabled: z.boolean().optional(),
  limit: z.int().min(1).max(1000).default(100),
  page: z.int().min(0).max(1_000_000).default(1).describe('From 1; 0 is the first page too.'),
})
export type ScheduleListQuery = z.infer<typeof ScheduleListQuery>

/** What enabling and disabling answer. */
export const ScheduleState = z
  .object({
    id: z.string(),
    name: z.string(),
    enabled: z.boolean(),
    next_run_at: EpochSeconds.nullable(),
    updated_at: EpochSeconds,
  })
  .meta({ id: 'ScheduleState' })

export const ScheduleRunStatus = z.enum(['pending', 'running', 'paused', 'success', 'failed', 'cancelled', 'skipped'])

export const ScheduleRun = z
  .object({
    id: z.string(),
    schedule_id: z.string(),
    user_id: z.string().nullable(),
    tick_at: EpochSeconds.nullable().describe('The tick it is for; null when somebody triggered it.'),
    attempt: z.int(),
    triggered_at: EpochSeconds.nullable().describe('When the run was put into the queue, or the call was made.'),
    completed_at: EpochSeconds.nullable(),
    status: ScheduleRunStatus,
    status_code: z.int().nullable(),
    run_id: z.string().nullable(),
    session_id: z.string().nullable(),
    error: z.string().nullable(),
    input: JsonObject.nullable(),
    output: z.object({ content: Json, content_type: z.string().nullable() }).nullable(),
    requirements: z.array(RunRequirement).nullable().describe('What a paused run waits for.'),
    created_at: EpochSeconds,
  })
  .meta({ id: 'ScheduleRun' })
export type ScheduleRun = z.infer<typeof ScheduleRun>

export const ScheduleRunPage = pageOf(ScheduleRun)

export const ScheduleRunListQuery = ScheduleListQuery.omit({ enabled: true })
export type ScheduleRunListQuery = z.infer<typeof ScheduleRunListQuery>
