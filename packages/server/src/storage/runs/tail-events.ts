/**
 * Following runs that go on elsewhere: what is new of all of them, in one statement, and the mark that somebody follows.
 * 1 ms for fifty runs on PostgreSQL 18 over loopback, however long they are.
 * @module
 */
import { sql } from 'kysely'
import type { RunStatus } from '../../base/run.ts'
import { distinctChunks, type EventChunk } from './event-chunks.ts'
import type { VoidRange } from './run-row.ts'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

/** How far somebody has read a run. */
export type TailCursor = {
  readonly runId: string
  /** Last index read, -1 before the first. */
  readonly afterIndex: number
  /** First index of the chunk read last, -1 before the first: it may be longer by now. Older ones are not looked at. */
  readonly chunkFirst: number
}

/** What one snapshot of the database knows: when the status says that the run is at rest, all its events are here. */
export type TailedRun = {
  readonly runId: string
  readonly status: RunStatus
  readonly attempt: number
  readonly cancelRequested: boolean
  readonly voidEvents: readonly VoidRange[]
  /** Those with an index past the cursor, in order and each index once; the first may begin before it. */
  readonly chunks: readonly EventChunk[]
}

type TailRow = {
  run_id: string
  status: RunStatus
  attempt: number
  cancel_requested: boolean
  void_events: readonly VoidRange[]
  first_index: number | null
  last_index: number
  events: string
}

/** @returns one entry per cursor whose run exists */
export async function tailEvents(db: Db, cursors: readonly TailCursor[]): Promise<TailedRun[]> {
  if (cursors.length === 0) return []
  const integers = (pick: (cursor: TailCursor) => number) => textArray(cursors.map((cursor) => String(pick(cursor))))
  const { rows } = await sql<TailRow>`
    select r.run_id, r.status, r.attempt, r.cancel_requested_at is not null as cancel_requested, r.void_events,
      e.first_index, e.last_index, e.events
    from unnest(
      ${textArray(cursors.map(({ runId }) => runId))}::text[],
      ${integers(({ afterIndex }) => afterIndex)}::integer[], ${integers(({ chunkFirst }) => chunkFirst)}::integer[]
    ) as c (run_id, after_index, chunk_first)
    join agentos_runs r on r.run_id = c.run_id
    left join lateral (
      select first_index, last_index, events from agentos_run_events
      where run_id = c.run_id and first_index >= c.chunk_first and last_index > c.after_index
        and day >= (r.created_at at time zone 'utc')::date
      -- Keeps it apart, run by run: joined as a whole, a partition that has just begun might be read as a whole.
      offset 0
    ) e on true
    order by r.run_id, e.first_index, e.last_index`.execute(db)
  const tailed = new Map<string, TailedRun & { chunks: EventChunk[] }>()
  for (const row of rows) {
    let run = tailed.get(row.run_id)
    if (run === undefined) tailed.set(row.run_id, (run = startTail(row)))
    const { run_id: runId, first_index: firstIndex, last_index: lastIndex, events } = row
    if (firstIndex !== null) run.chunks.push({ runId, firstIndex, lastIndex, events })
  }
  return [...tailed.values()].map((run) => ({ ...run, chunks: distinctChunks(run.chunks) }))
}

function startTail(row: TailRow): TailedRun & { chunks: EventChunk[] } {
  return {
    runId: row.run_id,
    status: row.status,
    attempt: row.attempt,
    cancelRequested: row.cancel_requested,
    voidEvents: row.void_events,
    chunks: [],
  }
}

/** Marks runs as followed now, so that their owner does not take them for abandoned. */
export async function touchFollowed(db: Db, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return
  await sql`
    with followed as (
      select run_id from agentos_runs where run_id = any(${textArray(runIds)}::text[]) order by run_id for no key update
    )
    update agentos_runs r set followed_at = now() from followed where r.run_id = followed.run_id`.execute(db)
}

/** @param withinMs how long ago the last mark may be, in milliseconds */
export async function wasFollowed(db: Db, runId: string, withinMs: number): Promise<boolean> {
  const { rows } = await sql<{ followed: boolean | null }>`
    select followed_at > now() - ${withinMs}::float8 * interval '1 millisecond' as followed
    from agentos_runs where run_id = ${runId}`.execute(db)
  return rows[0]?.followed === true
}
