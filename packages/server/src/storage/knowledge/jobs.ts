/**
 * Jobs of contents: reading them, and embedding them anew. A content is its own queue item, as runs are.
 *
 *   due --> claimed (lease, attempt + 1) --> done
 *    ^            |  a passing failure, given back, or the lease runs out
 *    +------------+
 *
 * Invariants: a job goes to one claimer; every write about it carries owner and attempt; only the clock of the database
 * decides.
 * @module
 */
import { sql } from 'kysely'
import { type Content, type ContentRow, readContent } from './contents.ts'
import type { Db } from '../tables.ts'
import { textArray } from '../values.ts'

export type KnowledgeJob = {
  readonly content: Content
  readonly kind: 'ingest' | 'embed'
  /** Whose vectors `embed` is about. */
  readonly embedder: string | null
  readonly owner: string
  readonly attempt: number
  /** Claims of this job, this one included. */
  readonly tries: number
}

export type ClaimJob = {
  readonly owner: string
  /** Milliseconds from now, by the clock of the database. */
  readonly leaseMs: number
  /** Bases that this replica knows. */
  readonly knowledgeIds: readonly string[]
}

/** Claims the job of the base that has the fewest under way, there the one that is due the longest. */
export async function claimJob(db: Db, { owner, leaseMs, knowledgeIds }: ClaimJob): Promise<KnowledgeJob | undefined> {
  type Row = ContentRow & { job: 'ingest' | 'embed'; job_embedder: string | null; attempt: number; tries: number }
  const { rows } = await sql<Row>`
    with heads as (
      select head.content_id, head.due_at,
        (select count(*) from agentos_knowledge_contents busy
          where busy.knowledge_id = base.id and busy.lease_owner is not null) as under_way
      from unnest(${textArray(knowledgeIds)}::text[]) as base (id), lateral (
        select content_id, due_at from agentos_knowledge_contents
        where knowledge_id = base.id and job is not null and due_at <= now()
          and (lease_owner is null or lease_until < now())
        order by due_at limit 1 for no key update skip locked
      ) head
    ), picked as (
      select content_id from heads order by under_way, due_at, content_id limit 1
    )
    update agentos_knowledge_contents c set
      lease_owner = ${owner}, lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond',
      attempt = attempt + 1, tries = tries + 1
    from picked where c.content_id = picked.content_id
    returning c.*`.execute(db)
  const [row] = rows
  if (row === undefined) return undefined
  const { job: kind, job_embedder: embedder, attempt, tries } = row
  return { content: readContent(row), kind, embedder, owner, attempt, tries }
}

/** @returns ids of the jobs that are still this owner's, by attempt */
export async function renewJobs(
  db: Db,
  owner: string,
  jobs: readonly Pick<KnowledgeJob, 'content'>[],
  leaseMs: number,
): Promise<Map<string, number>> {
  if (jobs.length === 0) return new Map()
  const { rows } = await sql<{ content_id: string; attempt: number }>`
    with held as (
      select content_id from agentos_knowledge_contents
      where content_id = any(${textArray(jobs.map(({ content }) => content.id))}::text[]) and lease_owner = ${owner}
      order by content_id for no key update
    )
    update agentos_knowledge_contents c set lease_until = now() + ${leaseMs}::float8 * interval '1 millisecond'
    from held where c.content_id = held.content_id returning c.content_id, c.attempt`.execute(db)
  return new Map(rows.map((row) => [row.content_id, row.attempt]))
}

const mine = ({ content, owner, attempt }: KnowledgeJob) =>
  sql`content_id = ${content.id} and lease_owner = ${owner} and attempt = ${attempt}::integer`

/** Shows how far a job has come. @returns whether it is still this owner's */
export async function noteProgress(db: Db, job: KnowledgeJob, chunks: number, message: string): Promise<boolean> {
  const { rows } = await sql`
    update agentos_knowledge_contents set chunk_count = ${chunks}::integer, status_message = ${message}, updated_at = now()
    where ${mine(job)} returning 1`.execute(db)
  return rows.length > 0
}

export type JobResult = {
  readonly chunks: number
  readonly embedder: string | null
  readonly message: string
  /** Of what was read; undefined where it says nothing new. */
  readonly size?: number | undefined
  readonly contentType?: string | undefined
}

/** @returns whether it was still this owner's */
export async function completeJob(db: Db, job: KnowledgeJob, result: JobResult): Promise<boolean> {
  const { rows } = await sql`
    update agentos_knowledge_contents set
      status = 'completed', status_message = ${result.message}, chunk_count = ${result.chunks}::integer,
      embedder = ${result.embedder}, size = coalesce(${result.size ?? null}::int8, size),
      content_type = coalesce(${result.contentType ?? null}, content_type),
      job = null, job_embedder = null, lease_owner = null, lease_until = null, updated_at = now()
    where ${mine(job)} returning 1`.execute(db)
  return rows.length > 0
}

/**
 * Gives a job up for good. A content that was read keeps what searches find of it.
 * @param options.status `completed` where it can still be found, with `message` about what failed
 */
export async function failJob(
  db: Db,
  job: KnowledgeJob,
  { status, message }: { readonly status: 'failed' | 'completed'; readonly message: string },
): Promise<boolean> {
  const { rows } = await sql`
    update agentos_knowledge_contents set
      status = ${status}, status_message = ${message}, job = null, job_embedder = null,
      lease_owner = null, lease_until = null, updated_at = now()
    where ${mine(job)} returning 1`.execute(db)
  return rows.length > 0
}

/**
 * Gives a job back.
 * @param options.waitMs before it may be claimed again
 * @param options.counts whether this claim counts as one of its tries
 */
export async function returnJob(
  db: Db,
  job: KnowledgeJob,
  { waitMs, counts, message }: { readonly waitMs: number; readonly counts: boolean; readonly message?: string },
): Promise<void> {
  await sql`
    update agentos_knowledge_contents set
      lease_owner = null, lease_until = null, due_at = now() + ${waitMs}::float8 * interval '1 millisecond',
      tries = tries - ${counts ? 0 : 1}::integer, status_message = coalesce(${message ?? null}, status_message),
      updated_at = now()
    where ${mine(job)}`.execute(db)
}

/** Releases the jobs of a process that is no more. Only for a database that no other server can have open. */
export async function releaseAllJobs(db: Db): Promise<void> {
  await sql`
    update agentos_knowledge_contents set lease_owner = null, lease_until = null
    where job is not null and lease_owner is not null`.execute(db)
}

/**
 * Has contents embedded anew whose vectors are another embedder's, or missing.
 * @returns how many; fewer than `limit` when no more are left
 */
export async function queueEmbedding(db: Db, knowledgeId: string, embedder: string, limit: number): Promise<number> {
  const { rows } = await sql`
    with stale as (
      select content_id from agentos_knowledge_contents
      where knowledge_id = ${knowledgeId} and status = 'completed' and job is null and chunk_count > 0
        and embedder is distinct from ${embedder}
      order by content_id limit ${limit}::integer for no key update skip locked
    )
    update agentos_knowledge_contents c set job = 'embed', job_embedder = ${embedder}, due_at = now(), tries = 0,
      lease_owner = null, lease_until = null, updated_at = now()
    from stale where c.content_id = stale.content_id returning 1`.execute(db)
  return rows.length
}

/** Leases the sync of a base, unless it is up to date or somebody else is at it. */
export async function claimSync(
  db: Db,
  knowledgeId: string,
  { digest, owner, leaseMs }: { readonly digest: string; readonly owner: string; readonly leaseMs: number },
): Promise<'claimed' | 'current' | 'busy'> {
  const { rows } = await sql<{ owner: string | null }>`
    insert into agentos_knowledge_syncs as s (knowledge_id, lease_owner, lease_until)
    values (${knowledgeId}, ${owner}, now() + ${leaseMs}::float8 * interval '1 millisecond')
    on conflict (knowledge_id) do update set
      lease_owner = excluded.lease_owner, lease_until = excluded.lease_until
    where s.digest is distinct from ${digest}
      and (s.lease_owner is null or s.lease_owner = excluded.lease_owner or s.lease_until < now())
    returning lease_owner as owner`.execute(db)
  if (rows.length > 0) return 'claimed'
  const current = await sql`
    select from agentos_knowledge_syncs where knowledge_id = ${knowledgeId} and digest = ${digest}`.execute(db)
  return current.rows.length > 0 ? 'current' : 'busy'
}

/** @param digest what the base is up to date with; undefined when that failed */
export async function endSync(db: Db, knowledgeId: string, owner: string, digest: string | undefined): Promise<void> {
  await sql`
    update agentos_knowledge_syncs set lease_owner = null, lease_until = null,
      digest = coalesce(${digest ?? null}, digest),
      synced_at = case when ${digest ?? null}::text is null then synced_at else now() end
    where knowledge_id = ${knowledgeId} and lease_owner = ${owner}`.execute(db)
}
