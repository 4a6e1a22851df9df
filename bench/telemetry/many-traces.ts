/**
 * A database full of traces, made in SQL from the one trace that it holds: so they are of the size and shape that a server
 * writes.
 * @module
 */
import type { PostgresClient } from '../../e2e/postgres-client.ts'

/** Traces of one statement. */
const BATCH = 5_000
const DAYS = 14
/** How the traces are spread: agents by popularity, the others evenly. */
export const AGENTS = 20
export const USERS = 2_000
const PER_SESSION = 5
/** One of so many traces failed. */
const FAILED_EVERY = 50

/**
 * @param traces how many to make, spread over the last {@link DAYS} days
 * @param say told of progress
 */
export async function fillTraces(db: PostgresClient, traces: number, say: (text: string) => void): Promise<void> {
  await addPartitions(db)
  // What the copies are made from goes, so that nothing else is in the tables.
  await db.query('create table template_trace as select * from agentos_traces')
  await db.query('create table template_spans as select * from agentos_spans')
  await db.query('truncate agentos_traces, agentos_spans')
  for (let from = 0; from < traces; from += BATCH) {
    const to = Math.min(from + BATCH, traces) - 1
    await db.query(insertTraces(from, to, traces))
    await db.query(insertSpans(from, to, traces))
    if ((to + 1) % 20_000 === 0) say(`${to + 1} of ${traces} traces`)
  }
  await db.query('drop table template_trace, template_spans')
  await db.query('vacuum analyze agentos_traces')
  await db.query('vacuum analyze agentos_spans')
}

/** Today and the days to come have theirs. */
function addPartitions(db: PostgresClient) {
  return db.query(`
    do $$
    declare day date;
    begin
      for ago in 1..${DAYS + 1} loop
        day := (now() at time zone 'utc')::date - ago;
        execute format('create table agentos_spans_%s partition of agentos_spans for values from (%L) to (%L)',
          to_char(day, 'YYYYMMDD'), day, day + 1);
      end loop;
    end $$`)
}

/** Number, start and names of the traces from `from` to `to`. */
function numbered(from: number, to: number, traces: number): string {
  return `(
    select n, md5('trace ' || n) as new_trace_id, md5('run ' || n)::uuid::text as new_run_id,
      md5('session ' || n / ${PER_SESSION})::uuid::text as new_session_id, 'user-' || n * 7919 % ${USERS} as new_user_id,
      'agent-' || floor(${AGENTS} * power(n * 104729 % 1000 / 1000.0, 2)) as new_agent_id,
      n % ${FAILED_EVERY} = 0 as failed,
      now() - n * interval '1 second' * ${((DAYS * 86_400) / traces).toFixed(6)} - interval '1 minute' as started
    from generate_series(${from}::bigint, ${to}) n
  ) as numbered`
}

function insertTraces(from: number, to: number, traces: number): string {
  return `
    insert into agentos_traces (trace_id, name, context_at, run_id, session_id, user_id, agent_id, input, output, error,
      result_at, status, start_time, end_time, total_spans, error_count, created_at)
    select new_trace_id, name, started, new_run_id, new_session_id, new_user_id, new_agent_id, input || ' ' || n, output,
      case when failed then 'The tool failed' end, started + (end_time - start_time),
      case when failed then 'ERROR' else 'OK' end, started, started + (end_time - start_time), total_spans,
      failed::integer, started + (end_time - start_time) + interval '1 second'
    from template_trace, ${numbered(from, to, traces)}`
}

function insertSpans(from: number, to: number, traces: number): string {
  return `
    insert into agentos_spans
      (day, trace_id, span_id, parent_span_id, name, kind, start_time, end_time, error, run_id, attributes)
    select ((started + own.after) at time zone 'utc')::date, new_trace_id, left(md5(span_id || n), 16),
      left(md5(parent_span_id || n), 16), name, kind, started + own.after, started + own.after + own.lasted,
      case when failed and kind = 'TOOL' and own.ordinal = 1 then 'The tool failed' end, new_run_id,
      attributes || jsonb_build_object('session.id', new_session_id)
        || case kind when 'AGENT' then jsonb_build_object('user.id', new_user_id, 'agno.agent.id', new_agent_id,
          'agno.run.id', new_run_id) else '{}' end
    from (
      select *, start_time - min(start_time) over () as after, end_time - start_time as lasted,
        row_number() over (partition by kind order by start_time) as ordinal
      from template_spans
    ) own, ${numbered(from, to, traces)}`
}
