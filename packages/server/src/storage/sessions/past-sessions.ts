/**
 * Earlier sessions of a user, for agents that look into them: how they began, and what was said in one. What is read
 * depends on what is asked for, not on how much the user has said.
 * @module
 */
import { sql } from 'kysely'
import type { PastConversation, PastSession, SessionReading, SessionSearch } from '../../base/memory.ts'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

/** Whose sessions, and the one that is not among the earlier ones. */
export type Rememberer = { readonly userId: string; readonly sessionId: string }

/** Characters of a text in a list, of one that is searched, and of one that is read. */
const SHOWN = 200
const SEARCHED = 10_000
const READ = 20_000
/** Runs of a session that a search looks at, and that are read at most. */
const RUNS_SEARCHED = 50
const RUNS_READ = 1000
/** Characters of a conversation that are read. */
const MOST_READ = 200_000

type FoundRun = {
  session_id: string
  name: string
  created_at: Date
  summary: string | null
  input: string
  content: string | null
}

/**
 * The latest sessions with runs that have completed, the newest first. With a query those in whose name, summary or first
 * 50 runs one of its words occurs, in any case; of each, the runs that have it.
 */
export async function searchPastSessions(
  db: Db,
  { userId, sessionId }: Rememberer,
  { query, sessions, runs }: SessionSearch,
): Promise<PastSession[]> {
  const words = query === null ? [] : query.toLowerCase().split(/\s+/).filter(Boolean)
  const has = (text: ReturnType<typeof sql>) =>
    sql`exists (select from unnest(${textArray(words)}::text[]) as w (word) where strpos(lower(${text}), word) > 0)`
  const isTold = words.length === 0 ? sql`true` : has(sql`p.name || ' ' || coalesce(p.summary, '')`)
  const isSaid = words.length === 0 ? sql`true` : has(sql`looked.input || ' ' || coalesce(looked.content, '')`)
  const found = await sql<FoundRun>`
    with past as (
      select session_id, coalesce(session_name, default_name) as name, created_at, summary ->> 'summary' as summary
      from agentos_sessions
      where user_id = ${userId} and session_type = 'agent' and session_id <> ${sessionId}
      order by created_at desc, session_id desc limit ${sessions}
    )
    select p.session_id, p.name, p.created_at, p.summary, r.input, r.content
    from past p cross join lateral (
      select looked.run_id, looked.created_at, left(looked.input, ${SHOWN + 1}) as input,
        left(looked.content, ${SHOWN + 1}) as content
      from (
        select run_id, created_at, left(input, ${SEARCHED}) as input, left(content #>> '{}', ${SEARCHED}) as content
        from agentos_runs
        where session_id = p.session_id and parent_run_id is null and status = 'COMPLETED'
        order by created_at, run_id limit ${RUNS_SEARCHED}
      ) looked
      where (${isTold}) or (${isSaid})
      order by looked.created_at, looked.run_id limit ${runs}
    ) r
    order by p.created_at desc, p.session_id desc, r.created_at, r.run_id`.execute(db)
  return [...Map.groupBy(found.rows, (row) => row.session_id).values()].flatMap(toPastSession)
}

/**
 * What was asked and answered in the runs of a session that have completed, oldest first, as far as there is room.
 * @returns null when there is no such session of the user
 */
export async function readPastSession(
  db: Db,
  userId: string,
  { sessionId, runs }: SessionReading,
): Promise<PastConversation | null> {
  const found = await sql<{ created_at: Date; input: string | null; content: string | null }>`
    select s.created_at, left(r.input, ${READ}) as input, left(r.content #>> '{}', ${READ}) as content
    from agentos_sessions s left join lateral (
      select run_id, created_at, input, content from agentos_runs
      where session_id = s.session_id and parent_run_id is null and status = 'COMPLETED'
      order by created_at, run_id limit ${Math.min(runs ?? RUNS_READ, RUNS_READ)}
    ) r on true
    where s.session_id = ${sessionId} and s.user_id = ${userId} and s.session_type = 'agent'
    order by r.created_at, r.run_id`.execute(db)
  const [first] = found.rows
  if (first === undefined) return null
  const said = found.rows.flatMap(({ input, content }) => [...turnOf('user', input), ...turnOf('assistant', content)])
  let room = MOST_READ
  const readable = said.filter(({ text }) => (room -= text.length) >= 0)
  return { sessionId, createdAt: first.created_at.toISOString(), said: readable }
}

/** What a session was about so far; null when nobody has said. */
export async function readSummary(db: Db, sessionId: string): Promise<string | null> {
  const found = await sql<{ summary: string | null }>`
    select nullif(summary ->> 'summary', '') as summary from agentos_sessions where session_id = ${sessionId}`.execute(
    db,
  )
  return found.rows[0]?.summary ?? null
}

function toPastSession(rows: readonly FoundRun[]): PastSession[] {
  const [first] = rows
  if (first === undefined) return []
  return [
    {
      sessionId: first.session_id,
      name: first.name,
      createdAt: first.created_at.toISOString(),
      summary: first.summary,
      runs: rows.map(({ input, content }) => ({ user: shorten(input), assistant: shorten(content ?? '') })),
    },
  ]
}

function shorten(text: string): string {
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text
}

function turnOf(role: 'user' | 'assistant', text: string | null): PastConversation['said'] {
  return text === null || text === '' ? [] : [{ role, text }]
}
