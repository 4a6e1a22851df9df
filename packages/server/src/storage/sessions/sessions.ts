/**
 * Conversations. A session holds no runs: those are rows of their own (`runs/runs.ts`) that point to it.
 * @module
 */
import { sql, type ExpressionBuilder, type Selectable, type SqlBool } from 'kysely'
import type { JsonObject } from '../../base/json.ts'
import { NO_USAGE, type Usage } from '../../base/usage.ts'
import { COUNTED, countRows, offsetOf, totalOf } from '../page-count.ts'
import type { Db, SessionRow, SessionType, Tables } from '../tables.ts'
import { jsonText, jsonTextOrNull, textArray } from '../values.ts'

export type { SessionType } from '../tables.ts'

export type Session = {
  readonly sessionId: string
  readonly sessionType: SessionType
  /** The agent, team or workflow; null until one has run in it. */
  readonly componentId: string | null
  readonly userId: string | null
  /** What a person called it. */
  readonly sessionName: string | null
  /** What it is called otherwise: the start of its first input, `''` before that. */
  readonly defaultName: string
  readonly sessionState: JsonObject
  readonly metadata: JsonObject | null
  readonly summary: JsonObject | null
  /** Totals of all finished runs. */
  readonly usage: Usage
  readonly createdAt: Date
  readonly updatedAt: Date
}

export type NewSession = Pick<Session, 'sessionId' | 'sessionType'> &
  Partial<Pick<Session, 'componentId' | 'userId' | 'sessionName' | 'defaultName' | 'sessionState' | 'metadata'>>

export type SessionFilter = { readonly userId?: string | undefined; readonly sessionType?: SessionType | undefined }

export type SessionSort = 'created_at' | 'updated_at' | 'session_name' | 'session_id' | 'user_id' | 'component_id'

export type SessionQuery = {
  readonly type?: SessionType | undefined
  readonly componentId?: string | undefined
  readonly userId?: string | undefined
  /** Part of the name, in any case. */
  readonly name?: string | undefined
  /** Most sessions of a page, from 0. */
  readonly limit: number
  /** From 1; 0 is the first page too. */
  readonly page: number
  readonly sortBy?: SessionSort | undefined
  readonly sortOrder?: 'asc' | 'desc' | undefined
}

export type SessionChange = {
  /** Null takes the name away again. */
  readonly sessionName?: string | null | undefined
  readonly sessionState?: JsonObject | undefined
  readonly metadata?: JsonObject | null | undefined
  readonly summary?: JsonObject | null | undefined
}

/** @returns undefined when the id exists already */
export async function createSession(db: Db, session: NewSession): Promise<Session | undefined> {
  const row = await db
    .insertInto('agentos_sessions')
    .values({
      session_id: session.sessionId,
      session_type: session.sessionType,
      component_id: session.componentId ?? null,
      user_id: session.userId ?? null,
      session_name: session.sessionName ?? null,
      default_name: session.defaultName ?? '',
      session_state: jsonText(session.sessionState ?? {}),
      metadata: jsonTextOrNull(session.metadata),
    })
    .onConflict((conflict) => conflict.column('session_id').doNothing())
    .returningAll()
    .executeTakeFirst()
  return row && readSession(row)
}

/** @returns undefined when there is none, or it does not match `filter` */
export async function findSession(db: Db, sessionId: string, filter: SessionFilter = {}): Promise<Session | undefined> {
  const row = await db
    .selectFrom('agentos_sessions')
    .selectAll()
    .where('session_id', '=', sessionId)
    .where(matches(filter))
    .executeTakeFirst()
  return row && readSession(row)
}

/** One page of the sessions that match, and how many match in all: exactly up to {@link COUNTED}. */
export async function listSessions(db: Db, query: SessionQuery): Promise<{ sessions: Session[]; total: number }> {
  const { type, componentId, name, sortBy = 'created_at', sortOrder = 'desc' } = query
  let matching = db.selectFrom('agentos_sessions').where(matches({ userId: query.userId, sessionType: type }))
  if (componentId !== undefined) matching = matching.where('component_id', '=', componentId)
  // strpos takes the text as it is: `%` and `_` of a name stay what they are.
  if (name) matching = matching.where(sql<SqlBool>`strpos(lower(${NAME}), lower(${name}::text)) > 0`)
  const rows = await matching
    .selectAll()
    .orderBy(sortBy === 'session_name' ? NAME : sql.ref(sortBy), sortOrder)
    .orderBy('session_id', sortOrder)
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute()
  // Without an order, and of no column, so that any index will do.
  const some = matching.select(sql<number>`1`.as('one')).limit(COUNTED + 1)
  const total = totalOf(rows, query) ?? (await countRows(db, some, matching.select('session_id')))
  return { sessions: rows.map(readSession), total }
}

/** Changes what is given; an absent key stays. @returns undefined when there is none, or it does not match `filter` */
export async function updateSession(
  db: Db,
  sessionId: string,
  change: SessionChange,
  filter: SessionFilter = {},
): Promise<Session | undefined> {
  const { sessionName, sessionState, metadata, summary } = change
  const row = await db
    .updateTable('agentos_sessions')
    .set({
      ...(sessionName === undefined ? {} : { session_name: sessionName }),
      ...(sessionState === undefined ? {} : { session_state: jsonText(sessionState) }),
      ...(metadata === undefined ? {} : { metadata: jsonTextOrNull(metadata) }),
      ...(summary === undefined ? {} : { summary: jsonTextOrNull(summary) }),
      updated_at: sql`now()`,
    })
    .where('session_id', '=', sessionId)
    .where(matches(filter))
    .returningAll()
    .executeTakeFirst()
  return row && readSession(row)
}

/**
 * Deletes sessions with their runs, messages, events and traces. Unknown ids are fine.
 * @returns how many there were
 */
export async function deleteSessions(
  db: Db,
  sessionIds: readonly string[],
  filter: SessionFilter = {},
): Promise<number> {
  if (sessionIds.length === 0) return 0
  const doomed = sql`
    session_id = any(${textArray(sessionIds)}::text[])
    and ${filter.userId === undefined ? sql`true` : sql`user_id = ${filter.userId}::text`}
    and ${filter.sessionType === undefined ? sql`true` : sql`session_type = ${filter.sessionType}::text`}`
  // Runs are locked before their session, in the order in which the end of a run locks the two: otherwise a run that
  // ends meanwhile and this statement could each hold what the other waits for.
  // Spans are found by the key alone, whatever their days: PostgreSQL 18 (seen in 18.4) may crash, all of it, where a
  // statement that has waited for a locked row goes through partitions that it chooses while it runs.
  const { numAffectedRows } = await sql`
    with doomed_runs as (
      select run_id from agentos_runs
      where session_id in (select session_id from agentos_sessions where ${doomed})
      order by run_id
      for update
    ), doomed_events as (
      delete from agentos_run_events where run_id in (select run_id from doomed_runs)
    ), doomed_traces as (
      delete from agentos_traces where session_id in (select session_id from agentos_sessions where ${doomed})
      returning trace_id
    ), doomed_spans as (
      delete from agentos_spans s using doomed_traces t where s.trace_id = t.trace_id
    )
    delete from agentos_sessions where (select count(*) from doomed_runs) >= 0 and ${doomed}`.execute(db)
  return Number(numAffectedRows ?? 0n)
}

const NAME = sql<string>`coalesce(session_name, default_name)`

function matches({ userId, sessionType }: SessionFilter) {
  return (where: ExpressionBuilder<Tables, 'agentos_sessions'>) =>
    where.and([
      ...(userId === undefined ? [] : [where('user_id', '=', userId)]),
      ...(sessionType === undefined ? [] : [where('session_type', '=', sessionType)]),
    ])
}

function readSession(row: Selectable<SessionRow>): Session {
  return {
    sessionId: row.session_id,
    sessionType: row.session_type,
    componentId: row.component_id,
    userId: row.user_id,
    sessionName: row.session_name,
    defaultName: row.default_name,
    sessionState: row.session_state,
    metadata: row.metadata,
    summary: row.summary,
    usage: { ...NO_USAGE, ...row.usage },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
