/**
 * A run that has just got a new owner, as that owner needs it: where its events go on, and which of them are void.
 *
 * An orderly way back (from the queue, from a pause) goes on at the next index. A lost attempt may have sent events that
 * it never stored, so the next one begins {@link INDEX_GAP} later, and everything after the settled point is void: the
 * settled point is what the run's last pause or hand-over, or a later commit, has made part of the run.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import type { JsonObject } from '../../base/json.ts'
import { withRecovery } from './attempt-starts.ts'
import { readRun, type Run } from './run-row.ts'
import type { Db, RunRow } from '../tables.ts'
import { textArray } from '../values.ts'

/** More events than any attempt can have sent and not stored. */
export const INDEX_GAP = 1_000_000

export type ClaimedRun = {
  /** As it is after the claim. */
  readonly run: Run
  /** `queued`: was PENDING. `paused`, `failed`: was at rest and is continued. `lost`: was RUNNING, and nobody held it. */
  readonly origin: ClaimOrigin
  /** Last index that an earlier attempt has stored or skipped; -1 when there is none. */
  readonly lastIndex: number
  /** Index of the first event of this attempt. */
  readonly firstIndex: number
  /** What this claim has just made void, both ends inclusive; undefined after an orderly way back. */
  readonly voided: { readonly from: number; readonly to: number } | undefined
  /** Of its session. */
  readonly sessionState: JsonObject
}

export type ClaimOrigin = 'queued' | 'paused' | 'failed' | 'lost'

export type ClaimedRow = Selectable<RunRow> & {
  readonly origin: ClaimOrigin
  readonly session_state: JsonObject
}

/** Ends a statement whose CTE `claimed` has the rows of the runs after the claim, with `origin`. */
export const SELECT_CLAIMED = sql`
  select r.*, s.session_state
  from claimed r join agentos_sessions s on s.session_id = r.session_id
  order by r.priority desc, r.created_at, r.run_id`

/**
 * Reads the rows of {@link SELECT_CLAIMED}. A run that no attempt has had before costs nothing more, one that comes back
 * in order a second statement, a lost one a third.
 */
export async function readClaimed(db: Db, rows: readonly ClaimedRow[]): Promise<ClaimedRun[]> {
  const known = rows.filter(hadAttempt)
  const ends = known.length === 0 ? new Map<string, EventsEnd>() : await findEventsEnds(db, known)
  const lost = rows.flatMap((row) => {
    const end = ends.get(row.run_id)
    return row.origin === 'lost' && end !== undefined ? [{ row, tail: tailOf(end), messages: end.messages }] : []
  })
  const recovered = lost.length === 0 ? new Map<string, Recovered>() : await recover(db, lost)
  const tails = new Map(lost.map(({ row, tail }) => [row.run_id, tail]))
  return rows.flatMap((row): ClaimedRun[] => {
    const { run_id: runId, origin, session_state: sessionState } = row
    const run = readRun(row)
    if (origin !== 'lost') {
      const lastIndex = ends.get(runId)?.last ?? row.settled_index
      return [{ run, origin, lastIndex, firstIndex: lastIndex + 1, voided: undefined, sessionState }]
    }
    const tail = tails.get(runId)
    const found = recovered.get(runId)
    // Somebody else has taken it in the meantime: the lease is shorter than these statements were apart.
    if (tail === undefined || found === undefined) return []
    return [{ run: { ...run, ...found }, origin, ...tail, firstIndex: tail.voided.to + 1, sessionState }]
  })
}

/** Whether an attempt before the one of this claim may have left events. */
function hadAttempt(row: ClaimedRow): boolean {
  return row.attempt > (row.lease_owner === null ? 0 : 1)
}

type EventsEnd = {
  /** Last index that is stored or void. */
  readonly last: number
  readonly settled: number
  /** How many messages its journal has. */
  readonly messages: number
}

/**
 * A statement of its own, for two reasons. The owner before may have committed between the moment that the claim saw and
 * the moment it took the run; now that the run is claimed there are no such commits any more, and this statement sees
 * them all. And PostgreSQL 18 (seen in 18.4) crashes, all of it, where a statement that has waited for a locked row
 * looks through partitions that it chooses while it runs.
 *
 * Void ranges count: an attempt that stored nothing has begun behind its own. A run has no events before the day it was
 * created on, so older partitions are not even looked at.
 */
async function findEventsEnds(db: Db, rows: readonly ClaimedRow[]): Promise<Map<string, EventsEnd>> {
  const found = await sql<EventsEnd & { run_id: string }>`
    select r.run_id,
      greatest(
        r.settled_index,
        (r.void_events -> -1 ->> 1)::integer,
        (select last_index from agentos_run_events e
          where e.run_id = r.run_id and e.day >= (r.created_at at time zone 'utc')::date
          order by first_index desc, last_index desc limit 1)
      ) as last,
      greatest(r.settled_index, journal.event_index) as settled, journal.messages
    from agentos_runs r, lateral (
      select max(event_index) as event_index, coalesce(max(seq) + 1, 0) as messages
      from agentos_messages m where m.run_id = r.run_id
    ) journal
    where r.run_id = any(${textArray(rows.map((row) => row.run_id))}::text[])`.execute(db)
  return new Map(found.rows.map(({ run_id: runId, ...end }) => [runId, end]))
}

type Tail = {
  readonly lastIndex: number
  readonly voided: { readonly from: number; readonly to: number }
}

function tailOf({ last, settled }: EventsEnd): Tail {
  const lastIndex = Math.max(settled, last)
  return { lastIndex, voided: { from: settled + 1, to: lastIndex + INDEX_GAP } }
}

type Lost = { readonly row: ClaimedRow; readonly tail: Tail; readonly messages: number }
type Recovered = Pick<Run, 'voidEvents' | 'attemptStarts'>

/** Stores what has become void, and that this attempt takes up a lost one, where this claim still has the run. */
async function recover(db: Db, lost: readonly Lost[]): Promise<Map<string, Recovered>> {
  const numbers = (value: (claim: Lost) => number) => textArray(lost.map((claim) => String(value(claim))))
  const { rows } = await sql<{
    run_id: string
    void_events: Recovered['voidEvents']
    attempt_starts: Recovered['attemptStarts']
  }>`
    update agentos_runs r set
      void_events = r.void_events || jsonb_build_array(jsonb_build_array(given.first, given.last)),
      attempt_starts = ${withRecovery(sql`given.messages`)}
    from unnest(
      ${textArray(lost.map(({ row }) => row.run_id))}::text[], ${numbers(({ row }) => row.attempt)}::integer[],
      ${numbers(({ tail }) => tail.voided.from)}::integer[], ${numbers(({ tail }) => tail.voided.to)}::integer[],
      ${numbers(({ messages }) => messages)}::integer[]
    ) as given (run_id, attempt, first, last, messages)
    where r.run_id = given.run_id and r.attempt = given.attempt and r.status = 'RUNNING'
    returning r.run_id, r.void_events, r.attempt_starts`.execute(db)
  return new Map(
    rows.map(({ run_id: runId, void_events: voidEvents, attempt_starts: attemptStarts }) => [
      runId,
      { voidEvents, attemptStarts },
    ]),
  )
}
