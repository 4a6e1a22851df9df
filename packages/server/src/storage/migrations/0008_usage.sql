-- Usage per day. Counted by triggers, in the very statements that make sessions and write what runs have used, whichever
-- release of the server they come from; added up soon after.

-- What is counted and not added up yet. It has no key, so that nobody who writes waits for anybody else.
create table agentos_usage_log (
  at           timestamptz not null default now(),
  user_id      text,
  run_type     text not null,
  provider     text,
  model        text,
  sessions     integer not null,
  runs         integer not null,
  -- What a run had used in all, in the keys of base/usage.ts, before and after.
  usage_before jsonb,
  usage_after  jsonb
);

-- Sums by day and user; '' for what belongs to nobody, and in sessions for the model.
create table agentos_usage (
  day                date not null,
  user_id            text not null,
  run_type           text not null check (run_type in ('agent', 'team', 'workflow')),
  provider           text not null,
  model              text not null,
  sessions           bigint not null,
  runs               bigint not null,
  input_tokens       bigint not null,
  output_tokens      bigint not null,
  total_tokens       bigint not null,
  reasoning_tokens   bigint not null,
  cache_read_tokens  bigint not null,
  cache_write_tokens bigint not null,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now(),
  primary key (day, user_id, run_type, provider, model)
) with (fillfactor = 80);
create index agentos_usage_by_user on agentos_usage (user_id, day);

-- The same by day alone: pages read a few rows of each day, however many users there are.
create table agentos_usage_days (
  like agentos_usage including defaults including constraints excluding indexes
) with (fillfactor = 80);
alter table agentos_usage_days drop column user_id;
alter table agentos_usage_days add primary key (day, run_type, provider, model);

-- How many users each day had.
create table agentos_usage_users (
  day   date primary key,
  users bigint not null
) with (fillfactor = 80);

create function agentos_count_session() returns trigger language plpgsql as $$
begin
  insert into agentos_usage_log (user_id, run_type, sessions, runs) values (new.user_id, new.session_type, 1, 0);
  return null;
end $$;
create trigger agentos_sessions_counted after insert on agentos_sessions
  for each row execute function agentos_count_session();

-- A run counts when it comes to rest for the first time; what it uses, whenever that grows.
create function agentos_count_run() returns trigger language plpgsql as $$
begin
  insert into agentos_usage_log (user_id, run_type, provider, model, sessions, runs, usage_before, usage_after)
  values (
    new.user_id, new.run_type, new.provider, new.model, 0, (old.metrics is null)::integer,
    old.metrics -> 'usage', new.metrics -> 'usage'
  );
  return null;
end $$;
create trigger agentos_runs_counted after update of metrics on agentos_runs
  for each row when (new.metrics is distinct from old.metrics) execute function agentos_count_run();

-- What was there before. Copies of runs, made with the copy of their session, are older than that and have used nothing.
insert into agentos_usage_log (at, user_id, run_type, sessions, runs)
select created_at, user_id, session_type, 1, 0 from agentos_sessions;
insert into agentos_usage_log (at, user_id, run_type, provider, model, sessions, runs, usage_after)
select coalesce(r.finished_at, r.updated_at), r.user_id, r.run_type, r.provider, r.model, 0, 1, r.metrics -> 'usage'
from agentos_runs r join agentos_sessions s using (session_id)
where r.metrics is not null and not (r.forked_from_session_id is not null and r.created_at < s.created_at);
