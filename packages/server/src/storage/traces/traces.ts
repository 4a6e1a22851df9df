/**
 * Traces as they are read: lists and statistics from their own rows alone, trees from the spans of the days that a trace
 * lasted.
 * @module
 */
import { type RawBuilder, type Selectable, sql, type SqlBool } from 'kysely'
import type { SpanRecord } from '../../base/span.ts'
import { COUNTED, countRows, offsetOf, type PageAsked, totalOf } from '../page-count.ts'
import type { Db, SpanRow, TraceRow, TraceStatus } from '../tables.ts'
import { type TraceCondition, traceCondition } from './trace-filter.ts'
import { textArray } from '../values.ts'

export type { TraceStatus } from '../tables.ts'

export type Trace = {
  readonly traceId: string
  readonly name: string
  readonly status: TraceStatus
  readonly startTime: Date
  readonly endTime: Date
  readonly totalSpans: number
  readonly errorCount: number
  /** The beginning of what was asked. */
  readonly input: string | null
  /** The beginning of what the run that ended last said, or why it failed. */
  readonly output: string | null
  readonly error: string | null
  /** Of the run that began first; the trace may have more. */
  readonly runId: string | null
  readonly sessionId: string | null
  readonly userId: string | null
  readonly agentId: string | null
  readonly teamId: string | null
  readonly workflowId: string | null
  /** When its first spans were stored. */
  readonly createdAt: Date
}

export type Span = {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: SpanRow['kind']
  readonly startTime: Date
  readonly endTime: Date
  readonly error: string | null
  readonly runId: string | null
  readonly attributes: SpanRecord['attributes']
}

export type SessionTraces = {
  readonly sessionId: string
  readonly userId: string | null
  readonly agentId: string | null
  readonly teamId: string | null
  readonly workflowId: string | null
  readonly totalTraces: number
  readonly firstTraceAt: Date
  readonly lastTraceAt: Date
}

export type TracePage = PageAsked

/** One page of the traces that match, newest start first, and how many match in all: exactly up to {@link COUNTED}. */
export async function listTraces(
  db: Db,
  condition: TraceCondition,
  asked: TracePage,
): Promise<{ traces: Trace[]; total: number }> {
  const matching = db.selectFrom('agentos_traces').where(traceCondition(condition))
  const rows = await matching
    .selectAll()
    .orderBy('start_time', 'desc')
    .orderBy('trace_id', 'desc')
    .limit(asked.limit)
    .offset(offsetOf(asked))
    .execute()
  // In the order of the list, and of no column, so that the index of the list is all it reads.
  const some = matching.select(sql<number>`1`.as('one')).orderBy('start_time', 'desc')
  const total = totalOf(rows, asked) ?? (await countRows(db, some.limit(COUNTED + 1), matching.select('trace_id')))
  return { traces: rows.map(readTrace), total }
}

/** @returns undefined when there is none of that id */
export async function findTrace(db: Db, traceId: string): Promise<Trace | undefined> {
  const row = await db.selectFrom('agentos_traces').selectAll().where('trace_id', '=', traceId).executeTakeFirst()
  return row && readTrace(row)
}

export type SpanQuery = {
  /** Most spans of each trace; those that began first. */
  readonly most: number
  /** Names of the attributes wanted: the others may be long. */
  readonly attributes: readonly string[]
}

/** The spans of some traces by trace id, in one query: those that began first come first, then those that ended first. */
export async function readSpans(
  db: Db,
  traceIds: readonly string[],
  { most, attributes }: SpanQuery,
): Promise<ReadonlyMap<string, readonly Span[]>> {
  if (traceIds.length === 0) return new Map()
  const { rows } = await sql<Selectable<SpanRow>>`
    select s.* from agentos_traces t cross join lateral (
      select trace_id, span_id, parent_span_id, name, kind, start_time, end_time, error, run_id, (
        select coalesce(jsonb_object_agg(key, value), '{}') from jsonb_each(attributes)
        where key = any(${textArray(attributes)}::text[])
      ) as attributes
      from agentos_spans
      where trace_id = t.trace_id and ${withinDays('t')}
      order by start_time, end_time, span_id
      limit ${most}::integer
    ) s
    where t.trace_id = any(${textArray(traceIds)}::text[])
    order by s.trace_id, s.start_time, s.end_time, s.span_id`.execute(db)
  return Map.groupBy(rows.map(readSpan), ({ traceId }) => traceId)
}

/** One span of a trace, with all its attributes. @returns undefined when the trace has none of that id */
export async function findSpan(db: Db, traceId: string, spanId: string): Promise<Span | undefined> {
  const { rows } = await sql<Selectable<SpanRow>>`
    select s.* from agentos_traces t join agentos_spans s on s.trace_id = t.trace_id and ${withinDays('t')}
    where t.trace_id = ${traceId} and s.span_id = ${spanId}
    limit 1`.execute(db)
  return rows[0] && readSpan(rows[0])
}

/**
 * Up to here a page of all sessions is found by walking through the traces; from there on, by grouping them. PostgreSQL 18,
 * 100 000 traces of 20 000 sessions, a busy machine: walking takes 1 ms to the first page of 20 and 300 ms to page 500,
 * grouping less than 50 ms to any.
 */
const WALKED_SESSIONS = 500

/** Traces by session, the one with the newest start first, and how many sessions there are: exactly up to {@link COUNTED}. */
export async function listSessionTraces(
  db: Db,
  condition: TraceCondition,
  asked: TracePage,
): Promise<{ sessions: SessionTraces[]; total: number }> {
  const matches = traceCondition(condition)
  const offset = offsetOf(asked)
  const isAll = condition.op === 'and' && condition.conditions.length === 0
  const newest = isAll && offset + asked.limit <= WALKED_SESSIONS ? WALK_SESSIONS : groupSessions(matches)
  const { rows } = await sql<SessionTraces>`
    select page.session_id as "sessionId", own.*
    from (${newest} order by newest desc, session_id limit ${asked.limit}::bigint offset ${offset}::bigint) page
    cross join lateral (
      select max(user_id) as "userId", max(agent_id) as "agentId", max(team_id) as "teamId",
        max(workflow_id) as "workflowId", count(*) as "totalTraces", min(created_at) as "firstTraceAt",
        max(created_at) as "lastTraceAt"
      from agentos_traces where session_id = page.session_id and ${matches}
    ) own
    order by page.newest desc, page.session_id`.execute(db)
  const all = db
    .selectFrom('agentos_traces')
    .where('session_id', 'is not', null)
    .where(matches)
    .select('session_id')
    .distinct()
  const total = totalOf(rows, asked) ?? (await countRows(db, all.limit(COUNTED + 1), all))
  return { sessions: rows, total }
}

/** The newest trace of each session, found one by one, newest first: whoever wants a few of them reads no more. */
const WALK_SESSIONS = sql`
  select session_id, start_time as newest from agentos_traces t
  where session_id is not null and trace_id = (
    -- Not as "not exists": PostgreSQL 16 joins all traces with all for that.
    select trace_id from agentos_traces own where own.session_id = t.session_id order by start_time desc limit 1
  )`

/** The same of the sessions of some traces, which are read once; without conditions an index has everything. */
function groupSessions(matches: RawBuilder<SqlBool>) {
  return sql`
    select session_id, max(start_time) as newest from agentos_traces
    where session_id is not null and ${matches} group by session_id`
}

/** Spares the partitions of the days on which the trace `alias` had no span. */
function withinDays(alias: string) {
  const dayOf = (column: string) => sql`(${sql.ref(`${alias}.${column}`)} at time zone 'utc')::date`
  return sql`day between ${dayOf('start_time')} and ${dayOf('end_time')}`
}

function readTrace(row: Selectable<TraceRow>): Trace {
  return {
    traceId: row.trace_id,
    name: row.name,
    status: row.status,
    startTime: row.start_time,
    endTime: row.end_time,
    totalSpans: row.total_spans,
    errorCount: row.error_count,
    input: row.input,
    output: row.output,
    error: row.error,
    runId: row.run_id,
    sessionId: row.session_id,
    userId: row.user_id,
    agentId: row.agent_id,
    teamId: row.team_id,
    workflowId: row.workflow_id,
    createdAt: row.created_at,
  }
}

function readSpan(row: Selectable<SpanRow>): Span {
  return {
    traceId: row.trace_id,
    spanId: row.span_id,
    parentSpanId: row.parent_span_id,
    name: row.name,
    kind: row.kind,
    startTime: row.start_time,
    endTime: row.end_time,
    error: row.error,
    runId: row.run_id,
    attributes: row.attributes,
  }
}
