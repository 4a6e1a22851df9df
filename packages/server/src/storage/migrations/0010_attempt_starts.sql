-- additive
-- How attempts began, for the trace of a run: base/attempt-record.ts AttemptStart[]. The last one that began in another way
-- than as a new run, and those after it that took up a lost one, so that whoever ends the run can tell of them all.
alter table agentos_runs add column attempt_starts jsonb not null default '[]';
