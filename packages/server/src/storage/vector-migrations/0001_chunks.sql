-- What can be searched. In the schema `ai` of the database that holds the vectors. The column of the vectors themselves is
-- added once the extension is there (knowledge-store.ts).

create table ai.agentos_documents (
  content_id   text primary key,
  knowledge_id text not null,
  -- The chunks that searches see are those of this version; 0 while there are none.
  version      integer not null default 0,
  chunks       integer not null default 0,
  name         text not null,
  origin       text,
  size         bigint,
  metadata     jsonb not null default '{}',
  -- The version that is being written, and the attempt of the job whose writes count.
  writing      integer,
  attempt      integer not null default 0,
  updated_at   timestamptz not null default now()
);
create index agentos_documents_by_base on ai.agentos_documents (knowledge_id) include (chunks);

create table ai.agentos_chunks (
  content_id   text not null references ai.agentos_documents on delete cascade,
  version      integer not null,
  chunk_index  integer not null,
  knowledge_id text not null,
  text         text not null,
  -- Where in its document it begins: page, heading, row, ...
  metadata     jsonb not null default '{}',
  -- Of its text.
  hash         text not null,
  words        tsvector not null,
  -- Whose vector it has; null: it has none.
  embedder     text,
  primary key (content_id, version, chunk_index)
);
create index agentos_chunks_words on ai.agentos_chunks using gin (words);
-- A chunk whose text has a vector already is not embedded again.
create index agentos_chunks_by_hash on ai.agentos_chunks (hash) where embedder is not null;
