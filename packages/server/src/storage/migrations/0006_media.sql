-- What is attached to messages: images, audio, video, documents. The bytes stand here once, however many runs refer to
-- them, and apart from the runs, so that reading a run never reads them.

create table agentos_media_contents (
  -- SHA-256 of the bytes, hexadecimal.
  content_hash text primary key,
  bytes        bigint not null,
  -- Whether all its chunks are there.
  complete     boolean not null default false,
  -- Moved on by everybody who brings the bytes: what no run refers to is deleted some time after that.
  touched_at   timestamptz not null default now()
);

create table agentos_media_chunks (
  content_hash text not null references agentos_media_contents on delete cascade,
  -- From 0, each of the same size but the last.
  place        integer not null,
  content      bytea not null,
  primary key (content_hash, place)
);
-- Pictures and documents are compressed already.
alter table agentos_media_chunks alter column content set storage external;

-- Which run refers to what: to be served, and to know when bytes are nobody's any more.
create table agentos_media (
  run_id       text not null references agentos_runs on delete cascade,
  media_id     text not null,
  content_hash text not null references agentos_media_contents,
  mime_type    text not null,
  name         text,
  -- Whether it stays once the run is over.
  keep         boolean not null default true,
  created_at   timestamptz not null default now(),
  primary key (run_id, media_id)
);
create index agentos_media_by_id on agentos_media (media_id);
create index agentos_media_by_content on agentos_media (content_hash);
create index agentos_media_passing on agentos_media (created_at) where not keep;
