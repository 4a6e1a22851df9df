-- additive
-- How often a memory manager has failed on what the user said: once in the run itself, then in later runs of the same user
-- and agent that try to make up for it. Null when it was read, or nobody had to; at 4 it is given up.
alter table agentos_runs add column memory_misses smallint;
create index agentos_runs_missed_messages on agentos_runs (user_id, component_id, created_at) where memory_misses < 4;
