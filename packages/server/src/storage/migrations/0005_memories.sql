-- What agents remember of their users, and what they have learned.

create table agentos_memories (
  memory_id  text primary key,
  user_id    text not null,
  -- Who wrote it last; both null when a person did.
  agent_id   text,
  team_id    text,
  memory     text not null,
  topics     text[] not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index agentos_memories_by_user on agentos_memories (user_id, updated_at, memory_id);
create index agentos_memories_by_updated on agentos_memories (updated_at, memory_id);
create index agentos_memories_by_created on agentos_memories (created_at, memory_id);
create index agentos_memories_by_agent on agentos_memories (agent_id, updated_at, memory_id) where agent_id is not null;
create index agentos_memories_by_team on agentos_memories (team_id, updated_at, memory_id) where team_id is not null;
create index agentos_memories_by_topics on agentos_memories using gin (topics);

create table agentos_learnings (
  learning_id   text primary key,
  learning_type text not null,
  namespace     text,
  user_id       text,
  agent_id      text,
  team_id       text,
  session_id    text,
  entity_id     text,
  entity_type   text,
  content       jsonb not null,
  metadata      jsonb,
  created_at    timestamptz not null default now(),
  updated_at    timestamptz not null default now()
);
create index agentos_learnings_by_updated on agentos_learnings (updated_at, learning_id);
create index agentos_learnings_by_created on agentos_learnings (created_at, learning_id);
create index agentos_learnings_by_type on agentos_learnings (learning_type, updated_at, learning_id);
create index agentos_learnings_by_user on agentos_learnings (user_id, updated_at, learning_id) where user_id is not null;
create index agentos_learnings_by_agent on agentos_learnings (agent_id, updated_at, learning_id) where agent_id is not null;
create index agentos_learnings_by_session on agentos_learnings (session_id) where session_id is not null;
create index agentos_learnings_by_entity on agentos_learnings (entity_id) where entity_id is not null;
-- What agents look up in what they have learned, by its words.
create index agentos_learnings_search on agentos_learnings using gin (to_tsvector('simple', content))
  where learning_type = 'learned_knowledge';
