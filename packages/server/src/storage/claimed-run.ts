/**
 * A run that has just got a new owner, as that owner needs it: where its events go on, and which of them are void.
 *
 * An orderly way back (from the queue, from a pause) goes on at the next index. A lost attempt may have sent events that
 * it never stored, so the next one begins {@link INDEX_GAP} later, and everything after the settled point is void: the
 * settled point is what the run's last pause or hand-over, or a later commit, has made part of the run.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import type { JsonObject } from '../base/json.ts'
import { readRun, type Run } from './run-row.ts'
import type { Db, RunRow } from './tables.ts'
import { textArray } from './values.ts'

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
  readonly last_index: number
}

/**
 * The last index of a run, of the row `r`. Void ranges count: an attempt that stored nothing has begun behind its own.
 * A run has no events before the day it was created on, so older partitions are not even looked at.
 */
const LAST_INDEX = sql`greatest(
  r.settled_index,
  (r.void_events -> -1 ->> 1)::integer,
  (select last_index from agentos_run_events e
    where e.run_id = r.run_id and e.day >= (r.created_at at time zone 'utc')::date
    order by first_index desc, last_index desc limit 1)
)`

/** Ends a statement whose CTE `claimed` has the rows of the runs after the claim, with `origin`. */
export const SELECT_CLAIMED = sql`
  select r.*, s.session_state, ${LAST_INDEX} as last_index
  from claimed r join agentos_sessions s on s.session_id = r.session_id
  order by r.priority desc, r.created_at, r.run_id`

/** Reads the rows of {@link SELECT_CLAIMED}; lost runs get their void range. */
export async function readClaimed(db: Db, rows: readonly ClaimedRow[]): Promise<ClaimedRun[]> {
  const lost = rows.filter(({ origin }) => origin === 'lost')
  const tails = lost.length === 0 ? new Map<string, Tail>() : await voidTails(db, lost)
  return rows.flatMap((row): ClaimedRun[] => {
    const { origin, session_state: sessionState, last_index: lastIndex } = row
    const run = readRun(row)
    if (origin !== 'lost') {
      return [{ run, origin, lastIndex, firstIndex: lastIndex + 1, voided: undefined, sessionState }]
    }
    const tail = tails.get(row.run_id)
    // Somebody else has taken it in the meantime: the lease is shorter than these two statements were apart.
    if (tail === undefined) return []
    const { voidEvents, voided } = tail
    return [
      {
        run: { ...run, voidEvents },
        origin,
        lastIndex: tail.lastIndex,
        firstIndex: voided.to + 1,
        voided,
        sessionState,
      },
    ]
  })
}

type Tail = Pick<Run, 'voidEvents'> & { lastIndex: number; voided: { from: number; to: number } }

/**
 * A statement of its own: the owner before may have committed between the moment that the claim saw and the moment it
 * took the run. Now that the run is claimed there are no such commits any more, and this statement sees them all.
 */
async function voidTails(db: Db, lost: readonly ClaimedRow[]): Promise<Map<string, Tail>> {
  const voided = await sql<{ run_id: string; void_events: [number, number][]; settled: number; last: number }>`
    with tail as (
      select r.run_id, r.attempt, ${LAST_INDEX} as last,
        greatest(r.settled_index, (select max(event_index) from agentos_messages m where m.run_id = r.run_id)) as settled
      from agentos_runs r join unnest(
        ${textArray(lost.map((row) => row.run_id))}::text[], ${textArray(lost.map((row) => String(row.attempt)))}::integer[]
      ) as given (run_id, attempt) on r.run_id = given.run_id and r.attempt = given.attempt
    )
    update agentos_runs r set void_events = r.void_events ||
      jsonb_build_array(jsonb_build_array(tail.settled + 1, greatest(tail.last, tail.settled) + ${INDEX_GAP}::integer))
    from tail where r.run_id = tail.run_id and r.attempt = tail.attempt and r.status = 'RUNNING'
    returning r.run_id, r.void_events, tail.settled, tail.last`.execute(db)
  return new Map(
    voided.rows.map(({ run_id: runId, void_events: voidEvents, settled, last }) => {
      const lastIndex = Math.max(settled, last)
      return [runId, { voidEvents, lastIndex, voided: { from: settled + 1, to: lastIndex + INDEX_GAP } }]
    }),
  )
}
