-- Schedules: what is called when, and what became of it.

create table agentos_schedules (
  schedule_id         text primary key,
  -- Whose it is; null: nobody's in particular.
  user_id             text,
  name                text not null,
  description         text,
  method              text not null,
  endpoint            text not null,
  payload             jsonb,
  -- Five fields; '' runs only when it is triggered.
  cron_expr           text not null,
  timezone            text not null,
  timeout_seconds     integer not null,
  max_retries         integer not null,
  retry_delay_seconds integer not null,
  -- What becomes of ticks that nobody was there for, and of those that come while an earlier one goes on.
  missed_policy       text not null check (missed_policy in ('run_once', 'skip')),
  overlap_policy      text not null check (overlap_policy in ('skip', 'queue', 'allow')),
  enabled             boolean not null default true,
  -- Why the server disabled it.
  disabled_reason     text,
  -- The next tick; null when there is none.
  next_run_at         timestamptz,
  created_at          timestamptz not null default now(),
  updated_at          timestamptz not null default now()
  -- Every tick moves next_run_at on.
) with (fillfactor = 90);
create unique index agentos_schedules_by_name on agentos_schedules (coalesce(user_id, ''), name);
create index agentos_schedules_by_created on agentos_schedules (created_at desc, schedule_id desc);
create index agentos_schedules_due on agentos_schedules (next_run_at) where enabled;

-- One row per attempt. It is its own queue item until the run that it stands for is stored, or the call is over.
create table agentos_schedule_runs (
  schedule_run_id     text primary key,
  schedule_id         text not null references agentos_schedules on delete cascade,
  user_id             text,
  -- Null when a person triggered it.
  tick_at             timestamptz,
  -- When its tick was claimed, the same for all attempts: their order.
  due_at              timestamptz not null default now(),
  attempt             integer not null default 1,
  status              text not null check (status in
    ('pending', 'running', 'paused', 'success', 'failed', 'cancelled', 'skipped')),
  -- Whether it waits for those of its schedule that are due before it.
  waits_for_turn      boolean not null default false,
  -- What is called, as it was when the tick came.
  method              text not null,
  endpoint            text not null,
  payload             jsonb,
  timeout_seconds     integer not null,
  max_retries         integer not null,
  retry_delay_seconds integer not null,
  -- While pending: not before this.
  available_at        timestamptz not null default now(),
  -- Who hands it over, or makes the call.
  lease_owner         text,
  lease_until         timestamptz,
  triggered_at        timestamptz,
  completed_at        timestamptz,
  status_code         integer,
  run_id              text,
  session_id          text,
  error               text,
  created_at          timestamptz not null default now()
);
-- A tick fires once.
create unique index agentos_schedule_runs_by_tick on agentos_schedule_runs (schedule_id, tick_at, attempt)
  where tick_at is not null;
create index agentos_schedule_runs_by_created on agentos_schedule_runs (schedule_id, created_at desc, schedule_run_id desc);
create index agentos_schedule_runs_pending on agentos_schedule_runs (available_at) where status = 'pending';
create index agentos_schedule_runs_active on agentos_schedule_runs (schedule_id, due_at)
  where status in ('pending', 'running');
create index agentos_schedule_runs_running on agentos_schedule_runs (triggered_at) where status = 'running';
create index agentos_schedule_runs_paused on agentos_schedule_runs (run_id) where status = 'paused';
create index agentos_schedule_runs_by_run on agentos_schedule_runs (run_id) where run_id is not null;
-- Retention.
create index agentos_schedule_runs_ended on agentos_schedule_runs (completed_at) where completed_at is not null;
