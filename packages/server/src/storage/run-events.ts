/**
 * Events of runs as they were sent, in chunks, in one partition per day: retention drops whole partitions, which costs
 * the same however much is in them. Days are UTC and the database's.
 * @module
 */
import { sql } from 'kysely'
import { distinctChunks, type EventChunk } from './event-chunks.ts'
import type { Db } from './tables.ts'

export type { EventChunk } from './event-chunks.ts'
export { tailEvents, touchFollowed, wasFollowed } from './tail-events.ts'

const TODAY = sql<string>`(now() at time zone 'utc')::date`

/** How many days ahead have their partition: a database that misses its turn for a day does not notice. */
const DAYS_AHEAD = 2

/** Creating and dropping a partition needs every writer to pause; rather try again later than make them wait. */
const LOCK_TIMEOUT = '2s'

/** Any constant of our own: only one server at a time changes partitions. */
const ADVISORY_LOCK = 4_218_097_312

/** A chunk with the claim under which its events came about. */
export type OwnedChunk = EventChunk & { readonly attempt: number }

/**
 * Stores chunks of any runs; those of a run that is no longer the writer's are dropped. Writing a chunk again, also a
 * longer one from the same index, is harmless, so that a write whose answer got lost may be repeated.
 *
 * Without a lock: what a writer stores at the very moment in which it loses the run, the claim has made void already.
 */
export async function appendEvents(db: Db, owner: string, chunks: readonly OwnedChunk[]): Promise<void> {
  if (chunks.length === 0) return
  const rows = chunks.map(
    ({ runId, attempt, firstIndex, lastIndex, events }) =>
      sql`(${runId}::text, ${attempt}::integer, ${firstIndex}::integer, ${lastIndex}::integer, ${events}::text)`,
  )
  await sql`
    insert into agentos_run_events as e (day, run_id, first_index, last_index, events)
    select ${TODAY}, run_id, given.first_index, given.last_index, given.events
    from (values ${sql.join(rows)}) as given (run_id, attempt, first_index, last_index, events)
    join agentos_runs r using (run_id, attempt)
    where r.lease_owner = ${owner} and r.status = 'RUNNING'
    on conflict (run_id, first_index, day) do update set last_index = excluded.last_index, events = excluded.events
      where excluded.last_index > e.last_index`.execute(db)
}

/**
 * A chunk on its way into the database with other writes of its run.
 * @param source the CTE that has the `run_id` when the run is still the writer's, and no row otherwise
 */
export function insertEvents(source: string, { firstIndex, lastIndex, events }: EventChunk) {
  return sql`
    insert into agentos_run_events as e (day, run_id, first_index, last_index, events)
    select ${TODAY}, run_id, ${firstIndex}::integer, ${lastIndex}::integer, ${events}::text from ${sql.table(source)}
    on conflict (run_id, first_index, day) do update set last_index = excluded.last_index, events = excluded.events
      where excluded.last_index > e.last_index`
}

type ChunkRow = { run_id: string; first_index: number; last_index: number; events: string }

/**
 * The chunks of a run that hold an index past `afterIndex`, in order and each index once; the first may begin before it.
 * @param afterIndex -1 for all
 */
export async function readEvents(db: Db, runId: string, afterIndex: number): Promise<EventChunk[]> {
  // A run has no events before the day it was created on, so older partitions are not even looked at.
  const chunks = await sql<ChunkRow>`
    select run_id, first_index, last_index, events from agentos_run_events
    where run_id = ${runId} and last_index > ${afterIndex}
      and day >= (select (created_at at time zone 'utc')::date from agentos_runs where run_id = ${runId})
    order by first_index, last_index`.execute(db)
  return distinctChunks(chunks.rows.map(readChunk))
}

function readChunk(row: ChunkRow): EventChunk {
  return { runId: row.run_id, firstIndex: row.first_index, lastIndex: row.last_index, events: row.events }
}

/** Makes the partitions of today and the next {@link DAYS_AHEAD} days where they are missing. */
export async function prepareEventPartitions(db: Db): Promise<void> {
  const missing = await sql<{ name: string }>`${missingPartitions()}`.execute(db)
  if (missing.rows.length === 0) return
  await db.transaction().execute(async (transaction) => {
    await beginPartitionChange(transaction)
    // Asked again: another server may have made them while this one waited for its turn.
    const days = await sql<{ name: string; day: string; next_day: string }>`${missingPartitions()}`.execute(transaction)
    for (const { name, day, next_day: nextDay } of days.rows) {
      const partition = sql.table(name)
      // Rows of that day may already be in the default partition, which then refuses the new one.
      await sql`create table ${partition} (like agentos_run_events including all)`.execute(transaction)
      await sql`
        with moved as (delete from agentos_run_events_default where day = ${day}::date returning *)
        insert into ${partition} select * from moved`.execute(transaction)
      await sql`
        alter table agentos_run_events attach partition ${partition}
        for values from (${sql.lit(day)}) to (${sql.lit(nextDay)})`.execute(transaction)
    }
  })
}

/**
 * Drops the partitions of days that ended more than `retainDays` days ago.
 * @returns their names
 */
export async function dropEventPartitions(db: Db, retainDays: number): Promise<string[]> {
  const expired = sql<{ name: string }>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'agentos_run_events'::regclass and c.relname ~ '^agentos_run_events_[0-9]{8}$'
      and to_date(right(c.relname, 8), 'YYYYMMDD') < ${TODAY} - ${retainDays}::integer
    order by 1`
  const found = await expired.execute(db)
  await sql`delete from agentos_run_events_default where day < ${TODAY} - ${retainDays}::integer`.execute(db)
  if (found.rows.length === 0) return []
  return db.transaction().execute(async (transaction) => {
    await beginPartitionChange(transaction)
    const { rows } = await expired.execute(transaction)
    for (const { name } of rows) await sql`drop table ${sql.table(name)}`.execute(transaction)
    return rows.map(({ name }) => name)
  })
}

async function beginPartitionChange(transaction: Db): Promise<void> {
  await sql`select set_config('lock_timeout', ${LOCK_TIMEOUT}, true)`.execute(transaction)
  await sql`select pg_advisory_xact_lock(${ADVISORY_LOCK}::bigint)`.execute(transaction)
}

function missingPartitions() {
  return sql`
    select name, day::text as day, (day + 1)::text as next_day
    from (
      select day::date as day, 'agentos_run_events_' || to_char(day, 'YYYYMMDD') as name
      from generate_series(${TODAY}, ${TODAY} + ${DAYS_AHEAD}::integer, interval '1 day') as day
    ) wanted
    where not exists (
      -- to_regclass would do, but within a transaction it may not notice what another session has just created.
      select from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'agentos_run_events'::regclass and c.relname = wanted.name
    )
    order by day`
}
