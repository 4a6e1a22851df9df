-- Sessions, runs, their journal and their events. A run is a row of its own and its own queue item.

create table agentos_sessions (
  session_id    text primary key,
  session_type  text not null check (session_type in ('agent', 'team', 'workflow')),
  component_id  text,
  user_id       text,
  -- The name a person gave; default_name is the start of the first input. Both are searchable.
  session_name  text,
  default_name  text not null default '',
  session_state jsonb not null default '{}',
  metadata      jsonb,
  summary       jsonb,
  -- Totals of all finished runs, in the keys of base/run.ts Usage.
  usage         jsonb not null default '{}',
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now()
  -- Every run updates its session: room for the new version on the same page spares the indexes.
) with (fillfactor = 80);
create index agentos_sessions_by_component on agentos_sessions (session_type, component_id, created_at desc);
create index agentos_sessions_by_user on agentos_sessions (user_id, created_at desc);
create index agentos_sessions_by_created on agentos_sessions (created_at desc);

create table agentos_runs (
  run_id        text primary key,
  session_id    text not null references agentos_sessions on delete cascade,
  run_type      text not null check (run_type in ('agent', 'team', 'workflow')),
  component_id  text not null,
  parent_run_id text references agentos_runs on delete cascade,
  user_id       text,
  status        text not null check (status in
    ('PENDING', 'RUNNING', 'PAUSED', 'COMPLETED', 'CANCELLED', 'ERROR', 'REGENERATED')),
  streamed      boolean not null,
  -- What was asked: input text and base/run.ts RunOptions.
  input         text not null,
  options       jsonb not null default '{}',
  revision      text,
  provider      text,
  model         text,
  -- What came out; null until the run ends.
  content       jsonb,
  content_type  text,
  reasoning     text,
  metrics       jsonb,
  error_code    text,
  error_message text,
  -- The lease: whose run it is, until when (database clock), and how often it was claimed (the fencing token).
  lease_owner   text,
  lease_until   timestamptz,
  attempt       integer not null default 0,
  max_attempts  integer not null default 3,
  cancel_requested_at timestamptz,
  created_at    timestamptz not null default now(),
  started_at    timestamptz,
  finished_at   timestamptz,
  updated_at    timestamptz not null default now()
);
create index agentos_runs_by_session on agentos_runs (session_id, created_at, run_id);
create index agentos_runs_by_parent on agentos_runs (parent_run_id) where parent_run_id is not null;
create index agentos_runs_claimable on agentos_runs (created_at) where status = 'PENDING';
-- By owner, not by lease_until: a column that every renewal changes would make each renewal rewrite its index entry.
-- Expired leases are found by reading the whole index, which holds only what runs now.
create index agentos_runs_leased on agentos_runs (lease_owner) where status = 'RUNNING';

-- The journal: one row per message (base/message.ts), appended, never rewritten.
create table agentos_messages (
  run_id  text not null references agentos_runs on delete cascade,
  seq     integer not null,
  message jsonb not null,
  primary key (run_id, seq)
);

-- Events as sent, in chunks of newline-separated JSON; a partition per day, dropped by retention.
create table agentos_run_events (
  day         date not null,
  run_id      text not null,
  first_index integer not null,
  last_index  integer not null,
  events      text not null,
  primary key (run_id, first_index, day)
) partition by range (day);
create table agentos_run_events_default partition of agentos_run_events default;

-- One row per living server process, and the fleet-wide wishes they poll.
create table agentos_replicas (
  replica_id   text primary key,
  revision     text,
  started_at   timestamptz not null default now(),
  heartbeat_at timestamptz not null default now()
);
create table agentos_signals (
  name    text primary key,
  version bigint not null default 0
);
insert into agentos_signals (name) values ('reload');
