-- Knowledge: the contents of knowledge bases, the jobs that read them, what was uploaded. Chunks have a schema, and maybe
-- a database, of their own: vector-migrations/.

create table agentos_knowledge_contents (
  content_id     text primary key,
  knowledge_id   text not null,
  name           text not null,
  description    text,
  -- `folder`: of the agents folder; its row stays the same when the file changes.
  kind           text not null check (kind in ('file', 'text', 'url', 'remote', 'folder')),
  -- Where it came from: a file name, a path, a URL, the key of a remote source.
  origin         text,
  -- Of `remote`.
  source_id      text,
  content_type   text,
  -- Bytes; null until it is known.
  size           bigint,
  metadata       jsonb not null default '{}',
  -- Reader and chunker as asked: base/knowledge.ts ReadSettings.
  settings       jsonb not null default '{}',
  -- SHA-256 of what it is made from.
  content_hash   text not null,
  status         text not null check (status in ('processing', 'completed', 'failed')),
  status_message text not null default '',
  -- Raised whenever it is to be read anew; the chunks that a job writes carry it.
  version        integer not null default 1,
  chunk_count    integer not null default 0,
  -- Whose vectors its chunks have; null: none.
  embedder       text,
  -- What is to be done, and since when it may be; null: nothing.
  job            text check (job in ('ingest', 'embed')),
  -- Of `embed`.
  job_embedder   text,
  due_at         timestamptz not null default now(),
  -- As in agentos_runs: whose job it is, until when, how often it was claimed.
  lease_owner    text,
  lease_until    timestamptz,
  attempt        integer not null default 0,
  -- Claims since the job was set that were not given back.
  tries          integer not null default 0,
  created_at     timestamptz not null default now(),
  updated_at     timestamptz not null default now()
);
create index agentos_knowledge_contents_by_created on agentos_knowledge_contents (knowledge_id, created_at desc, content_id);
create index agentos_knowledge_contents_by_updated on agentos_knowledge_contents (knowledge_id, updated_at desc, content_id);
create index agentos_knowledge_contents_by_name on agentos_knowledge_contents (knowledge_id, name, content_id);
create index agentos_knowledge_contents_by_status on agentos_knowledge_contents (knowledge_id, status);
-- How much each base has under way.
create index agentos_knowledge_contents_leased on agentos_knowledge_contents (knowledge_id) where lease_owner is not null;
create index agentos_knowledge_contents_due on agentos_knowledge_contents (knowledge_id, due_at) where job is not null;

-- What was uploaded, in parts.
create table agentos_knowledge_uploads (
  content_id text not null references agentos_knowledge_contents on delete cascade,
  part       integer not null,
  bytes      bytea not null,
  primary key (content_id, part)
);
-- Documents are mostly compressed already.
alter table agentos_knowledge_uploads alter column bytes set storage external;

-- Which revision of the agents folder the files of a base were brought up to date with, and who is doing it.
create table agentos_knowledge_syncs (
  knowledge_id text primary key,
  -- Of its sources and settings; null until the first time.
  digest       text,
  lease_owner  text,
  lease_until  timestamptz,
  synced_at    timestamptz
);

-- Runs search knowledge, and tell of it in their traces.
alter table agentos_spans drop constraint agentos_spans_kind_check;
alter table agentos_spans add constraint agentos_spans_kind_check
  check (kind in ('AGENT', 'CHAIN', 'LLM', 'TOOL', 'RETRIEVER'));
