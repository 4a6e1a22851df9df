-- additive
-- Which replicas take up runs that wait. Those of older releases do not say; they do.
alter table agentos_replicas add column takes_runs boolean not null default true;
