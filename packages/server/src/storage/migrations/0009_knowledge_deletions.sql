-- Contents that were deleted lately. Whoever was reading one may have written some of it later, where searches find it, and
-- may have died before it was removed: that is looked for (knowledge/orphans.ts), and the row goes. Chunks may be in a
-- database that other servers use too, so only what was deleted here may be removed there.

create table agentos_knowledge_deletions (
  content_id   text primary key,
  knowledge_id text not null,
  deleted_at   timestamptz not null default now()
);
create index agentos_knowledge_deletions_by_time on agentos_knowledge_deletions (deleted_at);
