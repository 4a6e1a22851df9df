-- Traces: what happened in runs and how long it took, for the trace routes.

alter table agentos_runs
  -- The W3C context that the request brought; every attempt, on every replica, belongs to its trace.
  add column traceparent text;

-- One row per trace, kept up to date by every batch of spans: lists read nothing else.
create table agentos_traces (
  trace_id    text primary key,
  -- Name, ids and input are those of the run that began first, as of context_at.
  name        text not null,
  context_at  timestamptz,
  run_id      text,
  session_id  text,
  user_id     text,
  agent_id    text,
  team_id     text,
  workflow_id text,
  -- The beginning of what was asked.
  input       text,
  -- The beginning of what came out, or why nothing did, as of result_at.
  output      text,
  error       text,
  result_at   timestamptz,
  -- ERROR when a span of it is.
  status      text not null check (status in ('OK', 'ERROR')),
  start_time  timestamptz not null,
  end_time    timestamptz not null,
  total_spans integer not null,
  error_count integer not null,
  created_at  timestamptz not null default now()
  -- Every attempt of a run updates its trace.
) with (fillfactor = 90);
create index agentos_traces_by_start on agentos_traces (start_time desc, trace_id desc);
create index agentos_traces_by_session on agentos_traces (session_id, start_time desc) where session_id is not null;
create index agentos_traces_by_user on agentos_traces (user_id, start_time desc) where user_id is not null;
create index agentos_traces_by_agent on agentos_traces (agent_id, start_time desc) where agent_id is not null;
create index agentos_traces_by_team on agentos_traces (team_id, start_time desc) where team_id is not null;
create index agentos_traces_by_workflow on agentos_traces (workflow_id, start_time desc) where workflow_id is not null;
create index agentos_traces_failed on agentos_traces (start_time desc, trace_id desc) where status = 'ERROR';

-- A partition per day, by the start of the span, dropped by retention.
create table agentos_spans (
  day            date not null,
  trace_id       text not null,
  span_id        text not null,
  parent_span_id text,
  name           text not null,
  kind           text not null check (kind in ('AGENT', 'CHAIN', 'LLM', 'TOOL')),
  start_time     timestamptz not null,
  end_time       timestamptz not null,
  -- Null when it is OK.
  error          text,
  run_id         text,
  -- By their OpenInference and gen_ai names.
  attributes     jsonb not null,
  primary key (trace_id, span_id, day)
) partition by range (day);
create table agentos_spans_default partition of agentos_spans default;
-- From a run to its trace.
create index agentos_spans_by_run on agentos_spans (run_id) where kind = 'AGENT';
