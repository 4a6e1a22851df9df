/**
 * A conversation goes two ways: a copy of a session, with copies of its runs.
 * @module
 */
import { sql } from 'kysely'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

export type SessionFork = {
  /** The source. */
  readonly sessionId: string
  readonly newSessionId: string
  /** Whose the copy is; null keeps the user of the source. */
  readonly userId: string | null
  /** Makes the id of a copied run. */
  readonly newId: () => string
}

/**
 * Copies what a conversation is made of: root runs that have ended, with their messages, media and times, and the session's
 * state, metadata, summary and totals. Each copy knows the session it was first copied from. Events, children, runs under
 * way and idempotency keys stay behind.
 * @returns how many runs were copied; 0, and nothing stored, when the source has none
 */
export async function forkSession(db: Db, fork: SessionFork): Promise<number> {
  const { sessionId, newSessionId, userId } = fork
  return db.transaction().execute(async (transaction) => {
    // Whoever ends a run of the session meanwhile locks it too: state and runs belong together.
    await sql`select from agentos_sessions where session_id = ${sessionId} for no key update`.execute(transaction)
    const runs = await sql<{ run_id: string }>`
      select run_id from agentos_runs
      where session_id = ${sessionId} and parent_run_id is null
        and status in ('COMPLETED', 'ERROR', 'CANCELLED', 'REGENERATED')
      order by created_at, run_id`.execute(transaction)
    if (runs.rows.length === 0) return 0
    const sources = textArray(runs.rows.map((row) => row.run_id))
    const copies = textArray(runs.rows.map(() => fork.newId()))
    await sql`
      insert into agentos_sessions (
        session_id, session_type, component_id, user_id, session_name, default_name, session_state, metadata, summary,
        usage
      )
      select ${newSessionId}, session_type, component_id, coalesce(${userId}::text, user_id), session_name, default_name,
        session_state, metadata, summary, usage
      from agentos_sessions where session_id = ${sessionId}`.execute(transaction)
    const pairs = sql`unnest(${sources}::text[], ${copies}::text[]) as pair (source, copy)`
    await sql`
      insert into agentos_runs (
        run_id, session_id, run_type, component_id, user_id, status, streamed, input, options, revision, provider, model,
        content, content_type, reasoning, metrics, error_code, error_message, attempt, max_attempts, created_at,
        started_at, finished_at, requirements, forked_from_run_id, forked_from_message_index, forked_from_session_id,
        regenerated_from
      )
      select pair.copy, ${newSessionId}, run_type, component_id, coalesce(${userId}::text, user_id), status, streamed,
        input, options, revision, provider, model, content, content_type, reasoning, metrics, error_code, error_message,
        attempt, max_attempts, created_at, started_at, finished_at, requirements,
        -- Other runs of the copy, where they were copied too.
        coalesce((select copy from ${pairs} where source = r.forked_from_run_id), forked_from_run_id),
        forked_from_message_index, coalesce(forked_from_session_id, ${sessionId}),
        coalesce((select copy from ${pairs} where source = r.regenerated_from), regenerated_from)
      from agentos_runs r join ${pairs} on r.run_id = pair.source`.execute(transaction)
    await sql`
      insert into agentos_messages (run_id, seq, message)
      select pair.copy, m.seq, m.message
      from agentos_messages m join ${pairs} on m.run_id = pair.source`.execute(transaction)
    await sql`
      insert into agentos_media (run_id, media_id, content_hash, mime_type, name, keep)
      select pair.copy, m.media_id, m.content_hash, m.mime_type, m.name, m.keep
      from agentos_media m join ${pairs} on m.run_id = pair.source`.execute(transaction)
    return runs.rows.length
  })
}
