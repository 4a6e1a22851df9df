/**
 * How a run comes to a replica, and how it leaves one that gives it up.
 *
 * | found as                                   | claimed as | next attempt              |
 * | ------------------------------------------ | ---------- | ------------------------- |
 * | PENDING                                    | `queued`   | goes on where the run was |
 * | RUNNING, its lease has run out             | `lost`     | one lost attempt more     |
 * | RUNNING without an owner: it was released  | `lost`     | the release has counted   |
 *
 * Invariants: a run goes to one claimer; of the background runs of a session one runs at a time, oldest first.
 *
 * A look that finds nothing takes 0.35 ms on PostgreSQL 18 over loopback, 0.8 ms embedded. A claim takes 1.5 ms, and 4 ms
 * where a thousand runs wait, in one session or in many, beside any number that have ended; 8 ms embedded. A run
 * that comes back in order needs a second statement, a lost one a third.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import { HOT } from '../hot-statement.ts'
import { startsAfterClaim } from './attempt-starts.ts'
import { readClaimed, SELECT_CLAIMED, type ClaimedRow, type ClaimedRun } from './claimed-run.ts'
import type { Db, SessionType } from '../tables.ts'
import { textArray } from '../values.ts'

export type { ClaimedRun } from './claimed-run.ts'

export type ClaimOptions = {
  readonly owner: string
  /** Milliseconds from now, by the clock of the database. */
  readonly leaseMs: number
  /** Most runs, 0 or more. */
  readonly limit: number
  /** Most background runs among them, 0 or more. */
  readonly backgroundLimit: number
  /** What this replica can run. */
  readonly components: readonly { readonly type: SessionType; readonly id: string }[]
  /** Runs that this replica still has in hand, whatever their lease says. */
  readonly held: readonly string[]
  /** Whether to take RUNNING runs that nobody holds any more, too. */
  readonly lost: boolean
  /** What the runs go on with. */
  readonly revision: string
  /**
   * Leave everything to the replicas that take up runs: nothing is claimed while one of them serves and was heard of
   * within so many milliseconds.
   */
  readonly unlessTakenWithinMs?: number | undefined
}

/**
 * Leases runs to a replica: lost ones first, because somebody has waited for them already, and before those that queue
 * the ones that another replica has handed over; within each by priority, then age. Runs that have lost all their
 * attempts are claimed as well; whoever gets one ends it.
 *
 * A replica that leaves runs to others gets lost and handed over inline runs as well, once there are no others: nobody
 * else would end what a client waits for.
 */
export async function claimRuns(db: Db, options: ClaimOptions): Promise<ClaimedRun[]> {
  const { owner, leaseMs, limit, backgroundLimit } = options
  if (limit <= 0 || options.components.length === 0 || !(await mayHaveRuns(db, options))) return []
  const isWanted = sql`r.parent_run_id is null and r.run_id <> all(${textArray(options.held)}::text[])
      and r.run_type || '/' || r.component_id = any(${componentKeys(options)}::text[])`
  const isLost = options.lost ? IS_LOST : sql`false`
  const left = (...taken: string[]) => sql`greatest(0, ${limit}::integer - ${count(taken)})`
  const backgroundLeft = (...taken: string[]) => sql`greatest(0, ${backgroundLimit}::integer - ${count(taken)})`
  const claimed = await sql<ClaimedRow>`${HOT}
    with lost_inline as (
      select r.run_id, 'lost' as origin, (r.lease_owner is not null)::integer as lost from agentos_runs r
      where ${isLost} and not r.background and ${isWanted}
      order by ${CLAIM_ORDER} limit ${left()} for no key update skip locked
    ), lost_background as (
      select r.run_id, 'lost' as origin, (r.lease_owner is not null)::integer as lost from agentos_runs r
      where ${isLost} and r.background and ${isWanted}
      order by ${CLAIM_ORDER} limit least(${left('lost_inline')}, ${backgroundLeft()}) for no key update skip locked
    ), handed_over as (
      select r.run_id, 'queued' as origin, 0 as lost from agentos_runs r
      where r.status = 'PENDING' and not r.background and ${isWanted}
      order by ${CLAIM_ORDER} limit ${left('lost_inline', 'lost_background')} for no key update skip locked
    ), turns as materialized (
      select distinct on (session_id) run_id, status, priority, created_at, parent_run_id, run_type, component_id
      from agentos_runs where background and status in ('PENDING', 'RUNNING')
      order by session_id, status desc, created_at, run_id
    ), queued as (
      select run_id, 'queued' as origin, 0 as lost
      from (
        select run_id from turns r where r.status = 'PENDING' and ${isWanted} order by ${CLAIM_ORDER}
      ) first, lateral (
        -- One by one, in the order of the above, so that no more are locked than are taken.
        select from agentos_runs given where given.run_id = first.run_id and given.status = 'PENDING'
        for no key update skip locked
      ) locked
      limit least(${left('lost_inline', 'lost_background', 'handed_over')}, ${backgroundLeft('lost_background')})
    ), picked as (
      select * from lost_inline union all select * from lost_background
      union all select * from handed_over union all select * from queued
    ), claimed as (
      update agentos_runs r set
        status = 'RUNNING', lease_owner = ${owner}, lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond',
        attempt = r.attempt + 1, lost_attempts = r.lost_attempts + picked.lost, revision = ${options.revision},
        started_at = coalesce(r.started_at, now()), updated_at = now(),
        attempt_starts = ${startsAfterClaim(sql`picked.origin`)}
      from picked where r.run_id = picked.run_id
      returning r.*, picked.origin
    )
    ${SELECT_CLAIMED}`.execute(db)
  return readClaimed(db, claimed.rows)
}

/** A look that costs next to nothing, because most looks find nothing. */
async function mayHaveRuns(db: Db, { backgroundLimit, unlessTakenWithinMs }: ClaimOptions): Promise<boolean> {
  // The order is that of an index: without one, a table that ends in runs that wait would be read from its beginning.
  const takesBackground = backgroundLimit > 0
  const background = sql`
      (select true from agentos_runs where status = 'PENDING' and background
        order by session_id, status desc, created_at, run_id limit 1),`
  const { rows } = await sql<{ found: boolean }>`${HOT}
    select ${isLeftToUs(unlessTakenWithinMs)} and coalesce(
      (select true from agentos_runs r where ${IS_LOST} and (${takesBackground} or not r.background)
        order by lease_owner limit 1),
      (select true from agentos_runs where status = 'PENDING' and not background
        order by priority desc, created_at, run_id limit 1),
      ${takesBackground ? background : sql``}
      false
    ) as found`.execute(db)
  return rows[0]?.found === true
}

/** Whether no other replica takes runs up; one that serves nothing claims nothing. */
function isLeftToUs(takenWithinMs: number | undefined): RawBuilder<boolean> {
  if (takenWithinMs === undefined) return sql`true`
  return sql`not exists (
      select from agentos_replicas where takes_runs and revision is not null
        and heartbeat_at > now() - ${takenWithinMs}::float8 * interval '1 millisecond'
    )`
}

const IS_LOST = sql`r.status = 'RUNNING' and (r.lease_owner is null or r.lease_until < now())`
const CLAIM_ORDER = sql`r.priority desc, r.created_at, r.run_id`

function componentKeys({ components }: ClaimOptions): string {
  return textArray(components.map(({ type, id }) => `${type}/${id}`))
}

/** How many rows the CTEs of these names have. */
function count(names: readonly string[]) {
  const counts = names.map((name) => sql`(select count(*) from ${sql.table(name)})`)
  return sql`(${sql.join([sql`0`, ...counts], sql` + `)})`
}

/**
 * Takes one run that nobody is running now, whatever its component and its turn, to end it: from the queue, from a
 * pause, or from a replica that lost it.
 * @returns undefined when somebody runs it, or it has ended, or there is none
 */
export async function adoptRun(
  db: Db,
  runId: string,
  { owner, leaseMs }: Pick<ClaimOptions, 'owner' | 'leaseMs'>,
): Promise<ClaimedRun | undefined> {
  const adopted = await sql<ClaimedRow>`
    with picked as (
      select run_id, (status = 'RUNNING' and lease_owner is not null)::integer as lost,
        case status when 'PENDING' then 'queued' when 'PAUSED' then 'paused' else 'lost' end as origin
      from agentos_runs r where r.run_id = ${runId} and (r.status in ('PENDING', 'PAUSED') or ${IS_LOST})
      for no key update
    ), claimed as (
      update agentos_runs r set
        status = 'RUNNING', lease_owner = ${owner}, lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond',
        attempt = r.attempt + 1, lost_attempts = r.lost_attempts + picked.lost,
        started_at = coalesce(r.started_at, now()), updated_at = now(),
        attempt_starts = ${startsAfterClaim(sql`picked.origin`)}
      from picked where r.run_id = picked.run_id
      returning r.*, picked.origin
    )
    ${SELECT_CLAIMED}`.execute(db)
  const [run] = await readClaimed(db, adopted.rows)
  return run
}

/**
 * Gives runs up at once, so that nobody waits for their leases to run out.
 * @param options.lost whether the attempt was lost with its worker, and counts as such
 */
export async function releaseRuns(
  db: Db,
  owner: string,
  runIds: readonly string[],
  options: { readonly lost: boolean },
): Promise<void> {
  if (runIds.length === 0) return
  await release(db, sql`lease_owner = ${owner} and run_id = any(${textArray(runIds)}::text[])`, options.lost)
}

/**
 * Releases what a process that is no more has left RUNNING. Only for a database that no other server can have open.
 */
export async function releaseAllRuns(db: Db): Promise<void> {
  await release(db, sql`lease_owner is not null`, true)
}

async function release(db: Db, condition: RawBuilder<unknown>, lost: boolean): Promise<void> {
  await sql`
    with released as (
      select run_id from agentos_runs where status = 'RUNNING' and ${condition} order by run_id for no key update
    )
    update agentos_runs r set
      lease_owner = null, lease_until = now(), lost_attempts = lost_attempts + ${lost ? 1 : 0}, updated_at = now()
    from released where r.run_id = released.run_id`.execute(db)
}
