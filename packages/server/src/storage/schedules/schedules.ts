/**
 * Schedules: what is called when. When a tick comes is arithmetic that this file does not know; it is told.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import pg from 'pg'
import type { JsonObject } from '../../base/json.ts'
import { COUNTED, countRows, offsetOf, type PageAsked, totalOf } from '../page-count.ts'
import type { Db, MissedPolicy, OverlapPolicy, ScheduleMethod, ScheduleRow } from '../tables.ts'
import { jsonTextOrNull } from '../values.ts'

export type { MissedPolicy, OverlapPolicy, ScheduleMethod } from '../tables.ts'

const NAME_INDEX = 'agentos_schedules_by_name'

export type Schedule = {
  readonly scheduleId: string
  readonly userId: string | null
  readonly name: string
  readonly description: string | null
  readonly method: ScheduleMethod
  /** A path of this server, with its query. */
  readonly endpoint: string
  readonly payload: JsonObject | null
  /** Empty: only when it is triggered. */
  readonly cronExpr: string
  readonly timezone: string
  readonly timeoutSeconds: number
  readonly maxRetries: number
  readonly retryDelaySeconds: number
  readonly missedPolicy: MissedPolicy
  readonly overlapPolicy: OverlapPolicy
  readonly enabled: boolean
  /** Why the server disabled it. */
  readonly disabledReason: string | null
  readonly nextRunAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type NewSchedule = Omit<Schedule, 'enabled' | 'disabledReason' | 'createdAt' | 'updatedAt'>

/** An absent key stays as it is. */
export type ScheduleChange = {
  readonly [Key in keyof Omit<Schedule, 'scheduleId' | 'userId' | 'createdAt' | 'updatedAt'>]?:
    | Schedule[Key]
    | undefined
}

/** What schedules are judged by; a replica's own clock may be wrong. @returns milliseconds since the epoch */
export async function readDatabaseTime(db: Db): Promise<number> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const [row] = rows
  if (row === undefined) throw new TypeError('a select without a table has one row')
  return row.now.getTime()
}

export type CreatedSchedule =
  | { readonly type: 'created'; readonly schedule: Schedule }
  /** The user has one of that name. */
  | { readonly type: 'name-taken' }
  /** There are as many as there may be. */
  | { readonly type: 'full' }

/** @param maxSchedules looked at without a lock: creations at the same moment may each find the last place */
export async function createSchedule(db: Db, given: NewSchedule, maxSchedules: number): Promise<CreatedSchedule> {
  const { rows } = await sql<{ full: boolean }>`
    select count(*) >= ${maxSchedules}::integer as full
    from (select from agentos_schedules limit ${maxSchedules}::integer) counted`.execute(db)
  if (rows[0]?.full === true) return { type: 'full' }
  const row = await db
    .insertInto('agentos_schedules')
    .values({
      schedule_id: given.scheduleId,
      user_id: given.userId,
      name: given.name,
      description: given.description,
      method: given.method,
      endpoint: given.endpoint,
      payload: jsonTextOrNull(given.payload),
      cron_expr: given.cronExpr,
      timezone: given.timezone,
      timeout_seconds: given.timeoutSeconds,
      max_retries: given.maxRetries,
      retry_delay_seconds: given.retryDelaySeconds,
      missed_policy: given.missedPolicy,
      overlap_policy: given.overlapPolicy,
      next_run_at: given.nextRunAt,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst()
  return row === undefined ? { type: 'name-taken' } : { type: 'created', schedule: readSchedule(row) }
}

/** @returns undefined when there is none */
export async function findSchedule(db: Db, scheduleId: string): Promise<Schedule | undefined> {
  const row = await db
    .selectFrom('agentos_schedules')
    .selectAll()
    .where('schedule_id', '=', scheduleId)
    .executeTakeFirst()
  return row && readSchedule(row)
}

export type ScheduleQuery = PageAsked & { readonly enabled?: boolean | undefined }

/** One page of the schedules, newest first, and how many there are in all. */
export async function listSchedules(
  db: Db,
  query: ScheduleQuery,
): Promise<{ readonly schedules: Schedule[]; readonly total: number }> {
  const { enabled, limit } = query
  let matching = db.selectFrom('agentos_schedules')
  if (enabled !== undefined) matching = matching.where('enabled', '=', enabled)
  const rows = await matching
    .selectAll()
    .orderBy('created_at', 'desc')
    .orderBy('schedule_id', 'desc')
    .limit(limit)
    .offset(offsetOf(query))
    .execute()
  const some = matching.select(sql<number>`1`.as('one')).orderBy('created_at', 'desc')
  const total = totalOf(rows, query) ?? (await countRows(db, some.limit(COUNTED + 1), matching.select('schedule_id')))
  return { schedules: rows.map(readSchedule), total }
}

/**
 * Changes what is given. One that is disabled does not begin what waits.
 * @returns undefined when there is none; `name-taken` when its user has another one of that name
 */
export async function updateSchedule(
  db: Db,
  scheduleId: string,
  change: ScheduleChange,
): Promise<Schedule | 'name-taken' | undefined> {
  const { payload } = change
  const columns = {
    name: change.name,
    description: change.description,
    method: change.method,
    endpoint: change.endpoint,
    payload: payload === undefined ? undefined : jsonTextOrNull(payload),
    cron_expr: change.cronExpr,
    timezone: change.timezone,
    timeout_seconds: change.timeoutSeconds,
    max_retries: change.maxRetries,
    retry_delay_seconds: change.retryDelaySeconds,
    missed_policy: change.missedPolicy,
    overlap_policy: change.overlapPolicy,
    enabled: change.enabled,
    disabled_reason: change.disabledReason,
    next_run_at: change.nextRunAt,
  }
  const given = Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
  try {
    return await db.transaction().execute(async (transaction) => {
      const row = await transaction
        .updateTable('agentos_schedules')
        .set({ ...given, updated_at: sql`now()` })
        .where('schedule_id', '=', scheduleId)
        .returningAll()
        .executeTakeFirst()
      if (change.enabled === false) await cancelWaiting(transaction, scheduleId)
      return row && readSchedule(row)
    })
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.constraint === NAME_INDEX) return 'name-taken'
    throw error
  }
}

/** What somebody is about to hand over goes on. */
async function cancelWaiting(db: Db, scheduleId: string): Promise<void> {
  await sql`
    update agentos_schedule_runs
    set status = 'cancelled', completed_at = now(), error = 'The schedule was disabled'
    where schedule_id = ${scheduleId} and status = 'pending' and (lease_until is null or lease_until < now())
    `.execute(db)
}

/** With its history; runs that it began go on. @returns whether there was one */
export async function deleteSchedule(db: Db, scheduleId: string): Promise<boolean> {
  const deleted = await db.deleteFrom('agentos_schedules').where('schedule_id', '=', scheduleId).executeTakeFirst()
  return deleted.numDeletedRows > 0n
}

function readSchedule(row: Selectable<ScheduleRow>): Schedule {
  return {
    scheduleId: row.schedule_id,
    userId: row.user_id,
    name: row.name,
    description: row.description,
    method: row.method,
    endpoint: row.endpoint,
    payload: row.payload,
    cronExpr: row.cron_expr,
    timezone: row.timezone,
    timeoutSeconds: row.timeout_seconds,
    maxRetries: row.max_retries,
    retryDelaySeconds: row.retry_delay_seconds,
    missedPolicy: row.missed_policy,
    overlapPolicy: row.overlap_policy,
    enabled: row.enabled,
    disabledReason: row.disabled_reason,
    nextRunAt: row.next_run_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
