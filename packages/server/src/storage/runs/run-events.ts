/**
 * Events of runs as they were sent, in chunks, in one partition per day (`upkeep/day-partitions.ts`).
 * @module
 */
import { sql } from 'kysely'
import { dropPartitions, preparePartitions, TODAY } from '../upkeep/day-partitions.ts'
import { distinctChunks, type EventChunk } from './event-chunks.ts'
import type { Db } from '../tables.ts'

export type { EventChunk } from './event-chunks.ts'
export { tailEvents, touchFollowed, wasFollowed } from './tail-events.ts'

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

/** Makes the partitions of today and the next days where they are missing. */
export function prepareEventPartitions(db: Db): Promise<void> {
  return preparePartitions(db, 'agentos_run_events')
}

/** @returns the names of the partitions dropped: those of days that ended more than `retainDays` days ago */
export function dropEventPartitions(db: Db, retainDays: number): Promise<string[]> {
  return dropPartitions(db, 'agentos_run_events', retainDays)
}
