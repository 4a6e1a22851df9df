/**
 * Where what belongs to one user stands: every table of the schema is named here, with how its rows belong to somebody, so
 * that an export and an erasure miss none. A test compares this list with the schema.
 * @module
 */
import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

/**
 * - `user`: its column `user_id` says so.
 * - `session`, `run`, `trace`: they belong to one of those, and go with it.
 * - `content`: bytes that runs refer to, maybe runs of several users; they go with the last of them.
 * - `nobody`: no row is about a user.
 */
type Ownership = 'user' | 'session' | 'run' | 'trace' | 'content' | 'nobody'

type Table = {
  readonly of: Ownership
  /** What orders its rows: its primary key, or `ctid` where it has none. */
  readonly key: readonly string[]
  /** An erasure takes the user out of its rows and leaves them: they count for all. */
  readonly unnamed?: true
  /** Most rows that are read at once, where they may be large. */
  readonly page?: number
}

const nobody: Table = { of: 'nobody', key: [] }

export const TABLES: Readonly<Record<string, Table>> = {
  agentos_sessions: { of: 'user', key: ['session_id'] },
  agentos_runs: { of: 'session', key: ['run_id'] },
  agentos_messages: { of: 'run', key: ['run_id', 'seq'] },
  agentos_run_events: { of: 'run', key: ['run_id', 'first_index', 'day'], page: 20 },
  agentos_approvals: { of: 'run', key: ['approval_id'] },
  agentos_media: { of: 'run', key: ['run_id', 'media_id'] },
  agentos_media_contents: { of: 'content', key: ['content_hash'] },
  agentos_media_chunks: { of: 'content', key: ['content_hash', 'place'], page: 4 },
  // Those of the user's sessions too, where nobody said whose they are.
  agentos_traces: { of: 'session', key: ['trace_id'] },
  agentos_spans: { of: 'trace', key: ['trace_id', 'span_id', 'day'] },
  agentos_memories: { of: 'user', key: ['memory_id'] },
  agentos_learnings: { of: 'user', key: ['learning_id'] },
  agentos_schedule_runs: { of: 'user', key: ['schedule_run_id'] },
  agentos_schedules: { of: 'user', key: ['schedule_id'] },
  agentos_usage: { of: 'user', key: ['day', 'user_id', 'run_type', 'provider', 'model'] },
  agentos_usage_log: { of: 'user', key: ['ctid'], unnamed: true },
  agentos_usage_days: nobody,
  agentos_usage_users: nobody,
  agentos_knowledge_contents: nobody,
  agentos_knowledge_uploads: nobody,
  agentos_knowledge_deletions: nobody,
  agentos_knowledge_syncs: nobody,
  agentos_replicas: nobody,
  agentos_signals: nobody,
  agentos_migrations: nobody,
}

/** Tables of one kind of ownership, in the order of the list. */
export function tablesOf(...kinds: readonly Ownership[]): readonly string[] {
  return Object.keys(TABLES).filter((name) => kinds.includes(TABLES[name]?.of ?? 'nobody'))
}

/** Rows whose `column` is one of some values. */
export function among(column: string, values: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`${sql.ref(column)} = any(${textArray(values)}::text[])`
}

export type Row = Readonly<Record<string, unknown>>

/** Bytes are base64 in a row, without the line breaks that PostgreSQL puts into it. */
const BASE64: Readonly<Record<string, string>> = { agentos_media_chunks: 'content' }
const PAGE = 100

/** The rows of a table that match, in the order of its key, a page in memory at a time. */
export async function* readRows(db: Db, table: string, where: RawBuilder<boolean>): AsyncGenerator<Row> {
  const { key, page = PAGE } = TABLES[table] ?? nobody
  const columns = sql.join(key.map((name) => sql.ref(name)))
  const texts = sql.join(key.map((name) => sql`${sql.ref(name)}::text`))
  const binary = BASE64[table]
  const row =
    binary === undefined
      ? sql`to_jsonb(t)`
      : sql`to_jsonb(t) || jsonb_build_object(${sql.lit(binary)}, translate(encode(${sql.ref(`t.${binary}`)}, 'base64'), E'\\n', ''))`
  let after: readonly string[] | undefined
  for (;;) {
    const beyond: RawBuilder<boolean> =
      after === undefined ? sql<boolean>`true` : sql<boolean>`(${columns}) > (${sql.join(after)})`
    const { rows } = await sql<{ row: Row; place: readonly string[] }>`
      select ${row} as row, array[${texts}] as place from ${sql.table(table)} t
      where ${where} and ${beyond}
      order by ${columns} limit ${page}::integer`.execute(db)
    for (const found of rows) yield found.row
    after = rows.at(-1)?.place
    if (after === undefined || rows.length < page) return
  }
}

/** The ids in a column of rows that match, a few at a time, in their order. */
export async function* readIds(
  db: Db,
  table: string,
  column: string,
  where: RawBuilder<boolean>,
  most: number,
): AsyncGenerator<readonly string[]> {
  let after = ''
  for (;;) {
    const { rows } = await sql<{ id: string }>`
      select distinct ${sql.ref(column)} as id from ${sql.table(table)}
      where ${where} and ${sql.ref(column)} > ${after}
      order by id limit ${most}::integer`.execute(db)
    if (rows.length > 0) yield rows.map(({ id }) => id)
    if (rows.length < most) return
    after = rows.at(-1)?.id ?? ''
  }
}
