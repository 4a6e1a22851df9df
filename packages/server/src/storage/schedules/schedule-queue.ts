/**
 * What became of a tick, or of a trigger, on its way: `agentos_schedule_runs` as a queue of its own.
 *
 *   pending -- leased by a replica --> handed over as a run   --> running --> success | failed | cancelled | paused
 *                                  --> called (no run)        --> running --> success | failed
 *   pending -- its lease ran out, or it was put back          --> pending
 *   failed  -- attempts are left                              --> another row, pending, one attempt on
 *   paused  -- its run went on and ended                      --> success | failed | cancelled
 *
 * Handing over is repeated until it is stored, under one key, so a run is begun once. A call that is no run is never
 * repeated: whose caller was lost has failed. Only the clock of the database decides.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import type { JsonObject } from '../../base/json.ts'
import type { Db, ScheduleMethod, ScheduleRunRow, ScheduleRunStatus } from '../tables.ts'
import { textArray } from '../values.ts'

/** What is to be called. */
export type ScheduleHandOver = {
  readonly scheduleRunId: string
  readonly scheduleId: string
  readonly userId: string | null
  readonly attempt: number
  readonly method: ScheduleMethod
  readonly endpoint: string
  readonly payload: JsonObject | null
  readonly timeoutSeconds: number
  /** How late it is claimed, in milliseconds; null when it has no tick. */
  readonly lateMs: number | null
}

export type HandOverRow = Selectable<ScheduleRunRow> & { readonly late_ms: number | null }

export function readHandOver(row: HandOverRow): ScheduleHandOver {
  return {
    scheduleRunId: row.schedule_run_id,
    scheduleId: row.schedule_id,
    userId: row.user_id,
    attempt: row.attempt,
    method: row.method,
    endpoint: row.endpoint,
    payload: row.payload,
    timeoutSeconds: row.timeout_seconds,
    lateMs: row.late_ms,
  }
}

/** What there is to do, in milliseconds from now; null: nothing. Zero and less: now. */
export type ScheduleWork = {
  readonly untilTickMs: number | null
  readonly untilPendingMs: number | null
  /** Whether any run is followed, or any call made. */
  readonly hasRunning: boolean
}

/** One look at four indexes. */
export async function readScheduleWork(db: Db): Promise<ScheduleWork> {
  const { rows } = await sql<ScheduleWork>`
    select
      (select (extract(epoch from min(next_run_at) - now()) * 1000)::float8 from agentos_schedules where enabled)
        as "untilTickMs",
      (select (extract(epoch from min(available_at) - now()) * 1000)::float8 from agentos_schedule_runs
        where status = 'pending') as "untilPendingMs",
      exists (select from agentos_schedule_runs where status = 'running') as "hasRunning"`.execute(db)
  return rows[0] ?? { untilTickMs: null, untilPendingMs: null, hasRunning: false }
}

export type QueueLease = {
  readonly owner: string
  /** Milliseconds from now, by the clock of the database. */
  readonly leaseMs: number
}

/** Leases what waits and whose time and turn have come, the oldest first. */
export async function claimPending(db: Db, { owner, leaseMs }: QueueLease, limit: number): Promise<ScheduleHandOver[]> {
  const { rows } = await sql<HandOverRow>`
    with picked as (
      select schedule_run_id from agentos_schedule_runs r
      where status = 'pending' and available_at <= now() and (lease_until is null or lease_until < now())
        and not (waits_for_turn and exists (
          select from agentos_schedule_runs earlier
          where earlier.schedule_id = r.schedule_id and earlier.status in ('pending', 'running')
            and earlier.due_at < r.due_at
        ))
      order by available_at limit ${limit}::integer
      for no key update skip locked
    )
    update agentos_schedule_runs r set lease_owner = ${owner}, lease_until = ${leaseEnd(leaseMs)}
    from picked where r.schedule_run_id = picked.schedule_run_id
    returning r.*, (extract(epoch from now() - tick_at) * 1000)::float8 as late_ms`.execute(db)
  return rows.map(readHandOver)
}

/**
 * Something that a person asked for, leased to `owner`.
 * @returns undefined when there is no such schedule; `disabled` when it is
 */
export async function createTriggered(
  db: Db,
  { scheduleId, scheduleRunId }: { readonly scheduleId: string; readonly scheduleRunId: string },
  { owner, leaseMs }: QueueLease,
): Promise<ScheduleHandOver | 'disabled' | undefined> {
  const { rows } = await sql<HandOverRow>`
    insert into agentos_schedule_runs (
      schedule_run_id, schedule_id, user_id, status, method, endpoint, payload, timeout_seconds, max_retries,
      retry_delay_seconds, lease_owner, lease_until
    )
    select ${scheduleRunId}::text, schedule_id, user_id, 'pending', method, endpoint, payload, timeout_seconds,
      max_retries, retry_delay_seconds, ${owner}::text, ${leaseEnd(leaseMs)}
    from agentos_schedules where schedule_id = ${scheduleId} and enabled
    returning *, null::float8 as late_ms`.execute(db)
  const [row] = rows
  if (row !== undefined) return readHandOver(row)
  const { rows: found } = await sql`select from agentos_schedules where schedule_id = ${scheduleId}`.execute(db)
  return found.length === 0 ? undefined : 'disabled'
}

export type BegunRun = { readonly statusCode: number; readonly runId: string; readonly sessionId: string }

/** It is a run now, which goes on by itself. Nothing, when the lease was lost. */
export async function markRunBegun(db: Db, id: string, owner: string, run: BegunRun): Promise<void> {
  await sql`
    update agentos_schedule_runs set
      status = 'running', triggered_at = now(), run_id = ${run.runId}, session_id = ${run.sessionId},
      status_code = ${run.statusCode}::integer, lease_owner = null, lease_until = null
    where ${isLeased(id, owner)} and status = 'pending'`.execute(db)
}

/** The call is made from now on. @returns false when the lease was lost, so that somebody else may make it */
export async function markCalling(db: Db, id: string, { owner, leaseMs }: QueueLease): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update agentos_schedule_runs set status = 'running', triggered_at = now(), lease_until = ${leaseEnd(leaseMs)}
    where ${isLeased(id, owner)} and status = 'pending' and lease_until > now()`.execute(db)
  return numAffectedRows === 1n
}

/** Keeps what this replica hands over or calls. */
export async function renewScheduleLeases(
  db: Db,
  ids: readonly string[],
  { owner, leaseMs }: QueueLease,
): Promise<void> {
  await sql`
    update agentos_schedule_runs set lease_until = ${leaseEnd(leaseMs)}
    where schedule_run_id = any(${textArray(ids)}::text[]) and lease_owner = ${owner}
      and status in ('pending', 'running')`.execute(db)
}

/**
 * Gives back what could not be handed over now.
 * @param delayMs not before so long from now
 * @returns false when it has waited for so long that it is over, or is somebody else's
 */
export async function putBack(db: Db, id: string, owner: string, delayMs: number): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update agentos_schedule_runs set
      lease_owner = null, lease_until = null, available_at = now() + ${delayMs}::float8 * interval '1 millisecond'
    where ${isLeased(id, owner)} and status = 'pending'
      and created_at + ((1 + waits_for_turn::integer) * timeout_seconds + retry_delay_seconds) * interval '1 second'
        > now()`.execute(db)
  return numAffectedRows === 1n
}

export type ScheduleEnd = {
  readonly status: 'success' | 'failed'
  readonly statusCode: number | null
  readonly error: string | null
}

/** What has ended. */
export type EndedScheduleRun = {
  readonly scheduleRunId: string
  readonly scheduleId: string
  readonly runId: string | null
  readonly attempt: number
  readonly status: Exclude<ScheduleRunStatus, 'pending' | 'running' | 'skipped'>
  readonly error: string | null
  /** Whether its run took too long and has to be cancelled. */
  readonly isLate: boolean
  /** Whether there will be another attempt. */
  readonly isRetried: boolean
}

/**
 * Ends what this replica called or could not hand over.
 * @param retryId of the next attempt, if there is one
 * @returns undefined when the lease was lost
 */
export async function endScheduleRun(
  db: Db,
  id: string,
  { owner, retryId }: { readonly owner: string; readonly retryId: string },
  { status, statusCode, error }: ScheduleEnd,
): Promise<EndedScheduleRun | undefined> {
  const { rows } = await sql<EndedScheduleRun>`
    with settled as (
      select schedule_run_id, ${status}::text as status, ${error}::text as error, false as is_late,
        ${statusCode}::integer as status_code, ${retryId}::text as retry_id
      from agentos_schedule_runs
      where ${isLeased(id, owner)} and status in ('pending', 'running') for no key update
    ), ${END_SETTLED}`.execute(db)
  return rows[0]
}

/** How long the lease of a call has to be over before its caller is taken for dead: the database may have been away. */
const LOST_AFTER = sql`interval '20 seconds'`

/**
 * Looks what became of what is running: of runs, as their rows say; of calls, whether their caller still lives.
 * @param options.withPaused whether to look at those whose run has paused, too
 * @param options.retryIds ids of next attempts, as many as are settled at most
 */
export async function settleScheduleRuns(
  db: Db,
  { withPaused, retryIds }: { readonly withPaused: boolean; readonly retryIds: readonly string[] },
): Promise<EndedScheduleRun[]> {
  const isPaused = withPaused ? sql`s.status = 'paused'` : sql`false`
  const { rows } = await sql<EndedScheduleRun>`
    with looked as (
      select s.schedule_run_id, s.status as old_status, s.run_id, r.status as run_status,
        r.run_id is null as is_gone, r.error_message, s.timeout_seconds,
        s.triggered_at + s.timeout_seconds * interval '1 second' < now() as is_over, s.lease_until, s.status_code
      from agentos_schedule_runs s left join agentos_runs r on r.run_id = s.run_id
      where s.status = 'running' or ${isPaused}
    ), found as (
      select *, coalesce(run_status in ('PENDING', 'RUNNING'), false) as is_under_way from looked
    ), judged as (
      select schedule_run_id, old_status, status_code,
        is_under_way and is_over and old_status = 'running' as is_late,
        case
          when run_id is null then case when lease_until < now() - ${LOST_AFTER} then 'failed' end
          when is_gone then 'cancelled'
          when is_under_way then case when is_over and old_status = 'running' then 'failed' end
          when run_status in ('COMPLETED', 'REGENERATED') then 'success'
          when run_status = 'CANCELLED' then 'cancelled'
          when run_status = 'PAUSED' then 'paused'
          else 'failed'
        end as status,
        case
          when run_id is null then 'The replica that made the call was lost; what became of it is not known'
          when is_gone then 'The run was deleted'
          when is_under_way then 'The run took longer than ' || timeout_seconds || ' s and was cancelled'
          when run_status = 'ERROR' then coalesce(error_message, 'The run failed')
          when run_status = 'CANCELLED' then 'The run was cancelled'
        end as error
      from found
    ), picked as (
      select judged.*, row_number() over () as place from judged
      where judged.status <> old_status limit ${retryIds.length}::integer
    ), settled as (
      select s.schedule_run_id, picked.status, picked.error, picked.is_late, picked.status_code,
        (${textArray(retryIds)}::text[])[picked.place::integer] as retry_id
      from agentos_schedule_runs s join picked using (schedule_run_id)
      where s.status = picked.old_status for no key update of s skip locked
    ), ${END_SETTLED}`.execute(db)
  return rows
}

/** CTEs and the answer, after one of the name `settled`: ends its rows and makes the next attempts of those that failed. */
const END_SETTLED = sql`ended as (
      update agentos_schedule_runs r set
        status = settled.status, error = settled.error, completed_at = now(), status_code = settled.status_code,
        triggered_at = coalesce(r.triggered_at, now()), lease_owner = null, lease_until = null
      from settled where r.schedule_run_id = settled.schedule_run_id
      returning r.*, settled.is_late, settled.retry_id
    ), retried as (
      insert into agentos_schedule_runs (
        schedule_run_id, schedule_id, user_id, tick_at, due_at, attempt, status, waits_for_turn, method, endpoint,
        payload, timeout_seconds, max_retries, retry_delay_seconds, available_at
      )
      select retry_id, e.schedule_id, e.user_id, tick_at, due_at, attempt + 1, 'pending', waits_for_turn, e.method,
        e.endpoint, e.payload, e.timeout_seconds, e.max_retries, e.retry_delay_seconds,
        now() + e.retry_delay_seconds * interval '1 second'
      from ended e join agentos_schedules s on s.schedule_id = e.schedule_id and s.enabled
      where e.status = 'failed' and e.attempt <= e.max_retries
      returning schedule_run_id
    )
    select schedule_run_id as "scheduleRunId", schedule_id as "scheduleId", run_id as "runId", attempt, status, error,
      is_late as "isLate", coalesce(retry_id in (select schedule_run_id from retried), false) as "isRetried"
    from ended`

function leaseEnd(leaseMs: number) {
  return sql`now() + ${leaseMs}::float8 * interval '1 millisecond'`
}

function isLeased(id: string, owner: string) {
  return sql`schedule_run_id = ${id} and lease_owner = ${owner}`
}
