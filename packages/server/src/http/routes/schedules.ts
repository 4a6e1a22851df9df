/**
 * Schedules: making, changing, triggering them.
 * @module
 */
import {
  CreateSchedule,
  Schedule,
  ScheduleListQuery,
  SchedulePage,
  ScheduleRun,
  ScheduleState,
  UpdateSchedule,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { findCronProblem, isTimezone, nextTick } from '../../schedules/cron.ts'
import { findScheduleRun } from '../../storage/schedules/schedule-runs.ts'
import {
  createSchedule,
  deleteSchedule,
  findSchedule,
  listSchedules,
  readDatabaseTime,
  type Schedule as StoredSchedule,
  type ScheduleChange,
  updateSchedule,
} from '../../storage/schedules/schedules.ts'
import { toSchedule, toScheduleRun } from '../agno/schedule.ts'
import { toSeconds } from '../agno/time.ts'
import type { AppDeps } from '../deps.ts'
import { startPage } from '../page.ts'
import { jsonBody, route } from '../route.ts'

const tag = 'Schedules'
export const ScheduleParams = z.object({ schedule_id: z.string() })
/** Largest payload, in bytes of JSON: every run of the history has a copy. */
const MAX_PAYLOAD_BYTES = 65_536

export const getSchedules = route({
  method: 'GET',
  path: '/schedules',
  scope: 'schedules:read',
  tag,
  summary: 'List schedules, newest first, a page at a time',
  query: ScheduleListQuery,
  response: SchedulePage,
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ query, deps }) {
    const page = startPage(deps.clock, query)
    const { schedules, total } = await listSchedules(deps.database.db, query)
    return page(schedules.map(toSchedule), total)
  },
})

export const postSchedule = route({
  method: 'POST',
  path: '/schedules',
  scope: 'schedules:write',
  tag,
  summary: 'Make a schedule: when to start a run, or to call another route of this server',
  body: jsonBody(CreateSchedule),
  status: 201,
  response: Schedule,
  errors: ['INVALID_FIELDS', 'SCHEDULE_EXISTS', 'SCHEDULES_FULL', 'DATABASE_UNAVAILABLE'],
  async handle({ body, deps }) {
    const { db } = deps.database
    const payload = body.payload ?? null
    checkTimes(body.cron_expr, body.timezone)
    checkCall(deps, { method: body.method, endpoint: body.endpoint, payload })
    const created = await createSchedule(
      db,
      {
        scheduleId: deps.ids.uuid(),
        userId: null,
        name: body.name,
        description: body.description ?? null,
        method: body.method,
        endpoint: body.endpoint,
        payload,
        cronExpr: body.cron_expr,
        timezone: body.timezone,
        timeoutSeconds: body.timeout_seconds,
        maxRetries: body.max_retries,
        retryDelaySeconds: body.retry_delay_seconds,
        missedPolicy: body.missed_policy,
        overlapPolicy: body.overlap_policy,
        nextRunAt: await findNextRun(deps, body.cron_expr, body.timezone),
      },
      deps.settings.maxSchedules,
    )
    if (created.type === 'created') return toSchedule(created.schedule)
    if (created.type === 'name-taken') throw nameTaken(body.name)
    throw new AgentOSError('SCHEDULES_FULL', `There are ${deps.settings.maxSchedules} schedules already`)
  },
})

export const getSchedule = route({
  method: 'GET',
  path: '/schedules/{schedule_id}',
  scope: 'schedules:read',
  tag,
  summary: 'Read one schedule',
  params: ScheduleParams,
  response: Schedule,
  errors: ['SCHEDULE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    return toSchedule(await findOrFail(deps, params.schedule_id))
  },
})

export const patchSchedule = route({
  method: 'PATCH',
  path: '/schedules/{schedule_id}',
  scope: 'schedules:write',
  tag,
  summary: 'Change a schedule; another time or zone gives it another next run',
  params: ScheduleParams,
  body: jsonBody(UpdateSchedule),
  response: Schedule,
  errors: ['INVALID_FIELDS', 'SCHEDULE_NOT_FOUND', 'SCHEDULE_EXISTS', 'DATABASE_UNAVAILABLE'],
  async handle({ params, body, deps }) {
    const known = await findOrFail(deps, params.schedule_id)
    const isNewCall = body.endpoint !== undefined || body.method !== undefined || body.payload !== undefined
    if (isNewCall) {
      const payload = body.payload === undefined ? known.payload : body.payload
      checkCall(deps, { method: body.method ?? known.method, endpoint: body.endpoint ?? known.endpoint, payload })
    }
    const changed = await change(deps, known, {
      name: body.name,
      description: body.description,
      endpoint: body.endpoint,
      method: body.method,
      payload: body.payload,
      timeoutSeconds: body.timeout_seconds,
      maxRetries: body.max_retries,
      retryDelaySeconds: body.retry_delay_seconds,
      missedPolicy: body.missed_policy,
      overlapPolicy: body.overlap_policy,
      ...(await changeTimes(deps, known, body)),
    })
    return toSchedule(changed)
  },
})

export const removeSchedule = route({
  method: 'DELETE',
  path: '/schedules/{schedule_id}',
  scope: 'schedules:delete',
  tag,
  summary: 'Delete a schedule with its history; runs that it began go on',
  params: ScheduleParams,
  status: 204,
  errors: ['SCHEDULE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    if (await deleteSchedule(deps.database.db, params.schedule_id)) return undefined
    throw notFound()
  },
})

export const enableSchedule = route({
  method: 'POST',
  path: '/schedules/{schedule_id}/enable',
  scope: 'schedules:write',
  tag,
  summary: 'Let a schedule run again, from its next time on',
  params: ScheduleParams,
  response: ScheduleState,
  errors: ['INVALID_FIELDS', 'SCHEDULE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const known = await findOrFail(deps, params.schedule_id)
    checkTimes(known.cronExpr, known.timezone)
    checkCall(deps, known)
    const nextRunAt = await findNextRun(deps, known.cronExpr, known.timezone)
    return toState(await change(deps, known, { enabled: true, disabledReason: null, nextRunAt }))
  },
})

export const disableSchedule = route({
  method: 'POST',
  path: '/schedules/{schedule_id}/disable',
  scope: 'schedules:write',
  tag,
  summary: 'Stop a schedule; what waits for another attempt is dropped, what runs goes on',
  params: ScheduleParams,
  response: ScheduleState,
  errors: ['SCHEDULE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const known = await findOrFail(deps, params.schedule_id)
    return toState(await change(deps, known, { enabled: false, nextRunAt: null }))
  },
})

export const triggerSchedule = route({
  method: 'POST',
  path: '/schedules/{schedule_id}/trigger',
  scope: 'schedules:write',
  tag,
  summary: 'Run a schedule now; answers as soon as the run is in the queue',
  params: ScheduleParams,
  response: ScheduleRun,
  errors: ['SCHEDULE_NOT_FOUND', 'SCHEDULE_DISABLED', 'DRAINING', 'DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    const scheduleRunId = await deps.schedules.trigger(params.schedule_id)
    const run = await findScheduleRun(deps.database.db, params.schedule_id, scheduleRunId)
    // Somebody has deleted the schedule meanwhile.
    if (run === undefined) throw notFound()
    return toScheduleRun(run)
  },
})

/** @throws {AgentOSError} SCHEDULE_NOT_FOUND */
export async function findOrFail(deps: AppDeps, scheduleId: string): Promise<StoredSchedule> {
  const schedule = await findSchedule(deps.database.db, scheduleId)
  if (schedule === undefined) throw notFound()
  return schedule
}

async function change(deps: AppDeps, known: StoredSchedule, changed: ScheduleChange): Promise<StoredSchedule> {
  const schedule = await updateSchedule(deps.database.db, known.scheduleId, changed)
  if (schedule === undefined) throw notFound()
  if (schedule === 'name-taken') throw nameTaken(changed.name ?? known.name)
  return schedule
}

/** A disabled schedule gets its next run when it is enabled. */
async function changeTimes(deps: AppDeps, known: StoredSchedule, body: UpdateSchedule): Promise<ScheduleChange> {
  if (body.cron_expr === undefined && body.timezone === undefined) return {}
  const { cron_expr: cronExpr = known.cronExpr, timezone = known.timezone } = body
  checkTimes(cronExpr, timezone)
  return { cronExpr, timezone, ...(known.enabled && { nextRunAt: await findNextRun(deps, cronExpr, timezone) }) }
}

/** In Agno's words. @throws {AgentOSError} INVALID_FIELDS */
function checkTimes(cronExpr: string, timezone: string): void {
  const problem = cronExpr === '' ? undefined : findCronProblem(cronExpr)
  if (problem !== undefined) {
    throw new AgentOSError('INVALID_FIELDS', `Invalid cron expression: ${cronExpr} (${problem})`)
  }
  if (!isTimezone(timezone)) throw new AgentOSError('INVALID_FIELDS', `Invalid timezone: ${timezone}`)
}

/** @throws {InvalidFields} and {AgentOSError} INVALID_FIELDS */
function checkCall(deps: AppDeps, call: Pick<StoredSchedule, 'method' | 'endpoint' | 'payload'>): void {
  const bytes = call.payload === null ? 0 : Buffer.byteLength(JSON.stringify(call.payload))
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw new AgentOSError('INVALID_FIELDS', `The payload has ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES} are kept`)
  }
  deps.endpoints.check(call, deps.registry)
}

/** By the clock of the database: this replica's own may be ahead of those that will look. */
async function findNextRun(deps: AppDeps, cronExpr: string, timezone: string): Promise<Date | null> {
  if (cronExpr === '') return null
  const next = nextTick(cronExpr, timezone, await readDatabaseTime(deps.database.db))
  return next === undefined ? null : new Date(next)
}

function toState({ scheduleId, name, enabled, nextRunAt, updatedAt }: StoredSchedule): z.output<typeof ScheduleState> {
  return {
    id: scheduleId,
    name,
    enabled,
    next_run_at: toSeconds(nextRunAt),
    updated_at: toSeconds(updatedAt),
  }
}

function notFound(): AgentOSError {
  return new AgentOSError('SCHEDULE_NOT_FOUND', 'Schedule not found')
}

function nameTaken(name: string): AgentOSError {
  return new AgentOSError('SCHEDULE_EXISTS', `Schedule with name '${name}' already exists`)
}
