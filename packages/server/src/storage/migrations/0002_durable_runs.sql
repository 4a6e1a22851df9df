-- Runs that outlive their replica: queue, pauses, forks, approvals.

alter table agentos_runs
  -- Waits for its turn: one run of a session at a time, oldest first, within the limits of the queue.
  add column background boolean not null default false,
  -- Higher ones are claimed first.
  add column priority integer not null default 0,
  -- Attempts that ended with their replica or worker; at max_attempts the run has failed.
  add column lost_attempts integer not null default 0,
  -- Index of the last event that is part of the run whatever becomes of the attempt under way: moved on by pauses and
  -- hand-overs. Commits between them have theirs in agentos_messages.event_index.
  add column settled_index integer not null default -1,
  -- Ranges of events that were sent and then done again: [[from, to], ...], both inclusive.
  add column void_events jsonb not null default '[]',
  -- base/run.ts StatePatch: what the attempts since the last pause have changed and committed.
  add column state_patch jsonb,
  -- What a paused run waits for, and what it was answered: base/requirement.ts Requirement[].
  add column requirements jsonb not null default '[]',
  -- A client that went away and came back, maybe to another replica, says so here.
  add column followed_at timestamptz,
  add column idempotency_key text,
  -- SHA-256 of the request that brought the key.
  add column request_hash text,
  add column forked_from_run_id text,
  add column forked_from_message_index integer,
  add column forked_from_session_id text,
  add column regenerated_from text;

alter table agentos_messages
  -- Index of the last event before the commit that wrote it: what came later in a lost attempt is void.
  add column event_index integer not null default -1;

-- A key belongs to its user and component.
create unique index agentos_runs_by_idempotency_key
  on agentos_runs (component_id, coalesce(user_id, ''), idempotency_key) where idempotency_key is not null;

drop index agentos_runs_claimable;
-- Handed over by a replica that stopped.
create index agentos_runs_waiting on agentos_runs (priority desc, created_at, run_id)
  where status = 'PENDING' and not background;
-- The queue. The first entry of a session has its turn: RUNNING comes before PENDING.
create index agentos_runs_turn on agentos_runs (session_id, status desc, created_at, run_id)
  where background and status in ('PENDING', 'RUNNING');
-- Operators list background runs by time.
create index agentos_runs_queue on agentos_runs (created_at desc) where background;
-- They count them by status, without reading the runs.
create index agentos_runs_queue_status on agentos_runs (status, created_at desc) where background;
-- Retention.
create index agentos_runs_finished on agentos_runs (finished_at) where parent_run_id is null and finished_at is not null;

create table agentos_approvals (
  approval_id     text primary key,
  run_id          text not null references agentos_runs on delete cascade,
  session_id      text not null,
  status          text not null check (status in ('pending', 'approved', 'rejected', 'expired', 'cancelled')),
  approval_type   text not null check (approval_type in ('required', 'audit')),
  -- base/requirement.ts PauseKind
  pause_kind      text not null,
  run_type        text not null,
  component_id    text not null,
  component_name  text,
  user_id         text,
  tool_name       text not null,
  tool_input      jsonb,
  -- The requirements of the pause, as they were asked.
  requirements    jsonb not null default '[]',
  resolution_data jsonb,
  resolved_by     text,
  resolved_at     timestamptz,
  created_at      timestamptz not null default now(),
  updated_at      timestamptz not null default now()
);
create index agentos_approvals_by_run on agentos_approvals (run_id);
create index agentos_approvals_by_status on agentos_approvals (status, created_at desc);
create index agentos_approvals_by_created on agentos_approvals (created_at desc);
