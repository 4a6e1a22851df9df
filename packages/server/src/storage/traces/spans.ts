/**
 * Spans as they come, in batches, one statement each: the spans go into the partition of their day, and the rows of their
 * traces are made or brought up to date. The lists of `traces.ts` read those rows only.
 * @module
 */
import { sql, type RawBuilder } from 'kysely'
import type { SpanLink, SpanRecord } from '../../base/span.ts'
import { dropPartitions, preparePartitions } from '../upkeep/day-partitions.ts'
import { HOT } from '../hot-statement.ts'
import type { Db } from '../tables.ts'
import { digestTraces } from './trace-digest.ts'
import { jsonText } from '../values.ts'

/** Columns of a trace that come from the run that began first, and from the one that ended last. */
const CONTEXT = [
  'name',
  'context_at',
  'run_id',
  'session_id',
  'user_id',
  'agent_id',
  'team_id',
  'workflow_id',
  'input',
] as const
const RESULT = ['output', 'error', 'result_at'] as const

/**
 * Stores spans of any traces; those of kind SERVER are left out. Storing a span again changes nothing, so that a batch
 * whose answer got lost may be repeated. Batches may come in any order and from any replica.
 */
export async function insertSpans(db: Db, spans: readonly SpanRecord[]): Promise<void> {
  const stored = spans.filter(({ kind }) => kind !== 'SERVER')
  if (stored.length === 0) return
  await sql`${HOT}
    with given as (
      -- Ordered as any other batch is: two that share traces or spans wait for each other, and never both.
      select distinct on (trace_id, span_id) *, ${moment('start_ms')} as start_time, ${moment('end_ms')} as end_time
      from json_to_recordset(${jsonText(stored.map(toRow))}::json) as span (
        trace_id text, span_id text, parent_span_id text, name text, kind text, start_ms float8, end_ms float8,
        error text, run_id text, attributes jsonb
      )
      order by trace_id, span_id
    ), inserted as (
      insert into agentos_spans
        (day, trace_id, span_id, parent_span_id, name, kind, start_time, end_time, error, run_id, attributes)
      select (start_time at time zone 'utc')::date, trace_id, span_id, parent_span_id, name, kind, start_time, end_time,
        error, run_id, attributes
      from given
      on conflict do nothing
      returning trace_id, error
    ), counted as (
      select trace_id, count(*) as spans, count(error) as errors from inserted group by trace_id
    )
    insert into agentos_traces as t (
      trace_id, name, context_at, run_id, session_id, user_id, agent_id, team_id, workflow_id, input,
      output, error, result_at, status, start_time, end_time, total_spans, error_count
    )
    select d.trace_id, name, ${moment('context_ms')}, run_id, session_id, user_id, agent_id, team_id, workflow_id, input,
      output, d.error, ${moment('result_ms')}, case when errors > 0 then 'ERROR' else 'OK' end,
      ${moment('start_ms')}, ${moment('end_ms')}, spans, errors
    from json_to_recordset(${jsonText(digestTraces(stored))}::json) as d (
      trace_id text, name text, start_ms float8, end_ms float8, context_ms float8, result_ms float8, run_id text,
      session_id text, user_id text, agent_id text, team_id text, workflow_id text, input text, output text, error text
    )
    join counted using (trace_id)
    order by d.trace_id
    on conflict (trace_id) do update set
      ${replaceWhere(sql`excluded.context_at <= coalesce(t.context_at, 'infinity')`, CONTEXT)},
      ${replaceWhere(sql`excluded.result_at >= coalesce(t.result_at, '-infinity')`, RESULT)},
      status = case when 'ERROR' in (t.status, excluded.status) then 'ERROR' else 'OK' end,
      start_time = least(t.start_time, excluded.start_time),
      end_time = greatest(t.end_time, excluded.end_time),
      total_spans = t.total_spans + excluded.total_spans,
      error_count = t.error_count + excluded.error_count`.execute(db)
}

/** Makes the partitions of today and the next days where they are missing. */
export function prepareSpanPartitions(db: Db): Promise<void> {
  return preparePartitions(db, 'agentos_spans')
}

/** @returns the names of the partitions dropped: those of days that ended more than `retainDays` days ago */
export function dropSpanPartitions(db: Db, retainDays: number): Promise<string[]> {
  return dropPartitions(db, 'agentos_spans', retainDays)
}

function toRow(span: SpanRecord) {
  return {
    trace_id: span.traceId,
    span_id: span.spanId,
    parent_span_id: span.parentSpanId,
    name: span.name,
    kind: span.kind,
    start_ms: span.startMs,
    end_ms: span.endMs,
    error: span.error,
    run_id: span.run?.runId ?? null,
    attributes: span.links === undefined ? span.attributes : { ...span.attributes, ...linkAttributes(span.links) },
  }
}

/** Rare enough to have no column of their own: `traceId-spanId`, as in a `traceparent`. */
function linkAttributes(links: readonly SpanLink[]): SpanRecord['attributes'] {
  return links.length === 0 ? {} : { 'agentos.links': links.map(({ traceId, spanId }) => `${traceId}-${spanId}`) }
}

/** Assignments of an upsert that take what is new where `condition` holds, and leave what is there elsewhere. */
function replaceWhere(condition: RawBuilder<unknown>, columns: readonly string[]) {
  return sql.join(
    columns.map(
      (column) =>
        sql`${sql.ref(column)} = case when ${condition} then ${sql.ref(`excluded.${column}`)} else ${sql.ref(`t.${column}`)} end`,
    ),
  )
}

/** The moment that a column holds as milliseconds since the epoch. */
function moment(column: string) {
  return sql`to_timestamp(${sql.ref(column)} / 1000)`
}
