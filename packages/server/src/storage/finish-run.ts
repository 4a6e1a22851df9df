/**
 * The end of a run, in one statement, if the writer still holds its lease: result, last messages, last events, and what
 * it changes in its session are all there, or none of it is.
 * Hot, once per run: one round trip, one run row with two index entries, one session row written in place, one row and
 * index entry per message and for the events. 0.6 ms on PostgreSQL 18 over loopback without fsync, 0.95 without a kept
 * plan; 3.4 ms embedded.
 * @module
 */
import { sql } from 'kysely'
import type { Json, JsonObject } from '../base/json.ts'
import type { RunFailure, RunMetrics, RunStatus, StatePatch } from '../base/run.ts'
import type { Usage } from '../base/usage.ts'
import type { MessageCommit } from './commit-messages.ts'
import { HOT } from './hot-statement.ts'
import { TODAY, type EventChunk } from './run-events.ts'
import type { Db } from './tables.ts'
import { jsonText, textArray } from './values.ts'

/** `messages` are those that no commit holds yet. */
export type RunEnd = MessageCommit & {
  readonly status: Exclude<RunStatus, 'RUNNING'>
  readonly content: Json
  readonly contentType: string
  readonly reasoning: string
  readonly metrics: RunMetrics
  readonly error?: RunFailure | undefined
  readonly statePatch: StatePatch
  /** Added to the totals of the session. */
  readonly usage: Usage
  /** Events that are not stored yet. */
  readonly events?: EventChunk | undefined
}

/**
 * @returns the state of the session after the patch; `finished` is false, and nothing was written, when the run is no
 *   longer this writer's
 */
export async function finishRun(db: Db, end: RunEnd): Promise<{ finished: boolean; sessionState: JsonObject }> {
  const { error, statePatch, events } = end
  const ended = await sql<{ session_state: JsonObject }>`${HOT}
    with ended as (
      update agentos_runs set
        status = ${end.status}, content = ${jsonText(end.content)}, content_type = ${end.contentType},
        reasoning = ${end.reasoning}, metrics = ${jsonText(end.metrics)}, error_code = ${error?.code ?? null},
        error_message = ${error?.message ?? null}, lease_owner = null, lease_until = null, finished_at = now(),
        updated_at = now()
      where run_id = ${end.runId} and lease_owner = ${end.owner} and attempt = ${end.attempt} and status = 'RUNNING'
      returning run_id, session_id
    ), written as (
      insert into agentos_messages (run_id, seq, message)
      select run_id, ${end.firstSeq}::integer + place::integer - 1, message
      from ended, jsonb_array_elements(${jsonText(end.messages)}::jsonb) with ordinality as given (message, place)
      on conflict (run_id, seq) do update set message = excluded.message
    ), ${events === undefined ? sql`` : sql`sent as (${insertEvents(events)}),`} session as (
      update agentos_sessions as s set
        session_state = (s.session_state || ${jsonText(statePatch.set)}::jsonb) - ${textArray(statePatch.unset)}::text[],
        usage = s.usage || (
          select jsonb_object_agg(key, coalesce((s.usage ->> key)::bigint, 0) + value::bigint)
          from jsonb_each_text(${jsonText(end.usage)}::jsonb)
        ),
        updated_at = now()
      from ended where s.session_id = ended.session_id
      returning s.session_state
    )
    select session_state from session`.execute(db)
  const row = ended.rows[0]
  return row === undefined ? { finished: false, sessionState: {} } : { finished: true, sessionState: row.session_state }
}

function insertEvents({ firstIndex, lastIndex, events }: EventChunk) {
  return sql`
    insert into agentos_run_events as e (day, run_id, first_index, last_index, events)
    select ${TODAY}, run_id, ${firstIndex}::integer, ${lastIndex}::integer, ${events}::text from ended
    on conflict (run_id, first_index, day) do update set last_index = excluded.last_index, events = excluded.events
      where excluded.last_index > e.last_index`
}
