/**
 * What agents have learned: records of any content under a type, for a user, an agent, a session, a thing, or for all.
 * @module
 */
import { sql, type Selectable } from 'kysely'
import type { JsonObject } from '../../base/json.ts'
import { COUNTED, countRows, offsetOf, totalOf } from '../page-count.ts'
import type { Db, LearningRow } from '../tables.ts'
import { jsonText, jsonTextOrNull } from '../values.ts'

/** What a learning is about; it never changes. */
export type LearningIdentity = {
  readonly learningType: string
  readonly namespace: string | null
  readonly userId: string | null
  readonly agentId: string | null
  readonly teamId: string | null
  readonly sessionId: string | null
  readonly entityId: string | null
  readonly entityType: string | null
}

export type NewLearning = LearningIdentity & {
  readonly learningId: string
  readonly content: JsonObject
  readonly metadata: JsonObject | null
}

export type Learning = NewLearning & { readonly createdAt: Date; readonly updatedAt: Date }

export type LearningSort = 'created_at' | 'updated_at'

/** Only what is given counts. */
export type LearningFilter = { readonly [K in keyof LearningIdentity]?: string | undefined }

export type LearningQuery = LearningFilter & {
  /** Most learnings of a page, from 0. */
  readonly limit: number
  /** From 1; 0 is the first page too. */
  readonly page: number
  readonly sortBy?: LearningSort | undefined
  readonly sortOrder?: 'asc' | 'desc' | undefined
}

export type LearningUser = { readonly userId: string; readonly updatedAt: Date }

const COLUMNS = {
  learningType: 'learning_type',
  namespace: 'namespace',
  userId: 'user_id',
  agentId: 'agent_id',
  teamId: 'team_id',
  sessionId: 'session_id',
  entityId: 'entity_id',
  entityType: 'entity_type',
} as const satisfies Record<keyof LearningIdentity, keyof LearningRow>

/** Words of a search that count. */
const MOST_WORDS = 50

/** What an agent has learned for all its users, found by its words. */
const LEARNED = 'learned_knowledge'

/** @returns undefined when the id exists already */
export async function createLearning(db: Db, learning: NewLearning): Promise<Learning | undefined> {
  const row = await db
    .insertInto('agentos_learnings')
    .values({
      learning_id: learning.learningId,
      learning_type: learning.learningType,
      namespace: learning.namespace,
      user_id: learning.userId,
      agent_id: learning.agentId,
      team_id: learning.teamId,
      session_id: learning.sessionId,
      entity_id: learning.entityId,
      entity_type: learning.entityType,
      content: jsonText(learning.content),
      metadata: jsonTextOrNull(learning.metadata),
    })
    .onConflict((conflict) => conflict.column('learning_id').doNothing())
    .returningAll()
    .executeTakeFirst()
  return row && readLearning(row)
}

export async function findLearning(db: Db, learningId: string): Promise<Learning | undefined> {
  const row = await db
    .selectFrom('agentos_learnings')
    .selectAll()
    .where('learning_id', '=', learningId)
    .executeTakeFirst()
  return row && readLearning(row)
}

/** One page of the learnings that match, and how many match in all: exactly up to {@link COUNTED}. */
export async function listLearnings(db: Db, query: LearningQuery): Promise<{ learnings: Learning[]; total: number }> {
  const { sortBy = 'updated_at', sortOrder = 'desc' } = query
  let matching = db.selectFrom('agentos_learnings')
  for (const [key, column] of Object.entries(COLUMNS)) {
    // The keys of the table above.
    const value = query[key as keyof LearningIdentity]
    if (value !== undefined) matching = matching.where(column, '=', value)
  }
  const rows = await matching
    .selectAll()
    .orderBy(sortBy, sortOrder)
    .orderBy('learning_id', sortOrder)
    .limit(query.limit)
    .offset(offsetOf(query))
    .execute()
  const some = matching.select(sql<number>`1`.as('one')).limit(COUNTED + 1)
  const total = totalOf(rows, query) ?? (await countRows(db, some, matching.select('learning_id')))
  return { learnings: rows.map(readLearning), total }
}

export type LearningEdit = {
  /** Undefined leaves it as it is. */
  readonly content?: JsonObject | undefined
  /** Undefined leaves it as it is; null takes it away. */
  readonly metadata?: JsonObject | null | undefined
}

/** @returns undefined when there is none */
export async function updateLearning(
  db: Db,
  learningId: string,
  { content, metadata }: LearningEdit,
): Promise<Learning | undefined> {
  const row = await db
    .updateTable('agentos_learnings')
    .set({
      ...(content !== undefined && { content: jsonText(content) }),
      ...(metadata !== undefined && { metadata: jsonTextOrNull(metadata) }),
      updated_at: sql`now()`,
    })
    .where('learning_id', '=', learningId)
    .returningAll()
    .executeTakeFirst()
  return row && readLearning(row)
}

/** @returns whether there was one */
export async function deleteLearning(db: Db, learningId: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('agentos_learnings')
    .where('learning_id', '=', learningId)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Those of one user, of one type or of all. @returns how many there were */
export async function deleteUserLearnings(db: Db, userId: string, learningType?: string): Promise<number> {
  let doomed = db.deleteFrom('agentos_learnings').where('user_id', '=', userId)
  if (learningType !== undefined) doomed = doomed.where('learning_type', '=', learningType)
  const { numDeletedRows } = await doomed.executeTakeFirst()
  return Number(numDeletedRows)
}

/** Users of whom something was learned, those with the newest first. */
export async function listLearningUsers(
  db: Db,
  query: Pick<LearningQuery, 'userId' | 'learningType' | 'limit' | 'page'>,
): Promise<{ users: LearningUser[]; total: number }> {
  const { userId, learningType } = query
  const matching = sql`user_id is not null
    and ${userId === undefined ? sql`true` : sql`user_id = ${userId}`}
    and ${learningType === undefined ? sql`true` : sql`learning_type = ${learningType}`}`
  const found = await sql<{ user_id: string; updated_at: Date; total: number }>`
    select user_id, max(updated_at) as updated_at, count(*) over () as total
    from agentos_learnings where ${matching}
    group by user_id order by max(updated_at) desc, user_id desc
    limit ${query.limit} offset ${offsetOf(query)}`.execute(db)
  const users = found.rows.map((row) => ({ userId: row.user_id, updatedAt: row.updated_at }))
  const known = found.rows[0]?.total ?? totalOf(found.rows, query)
  if (known !== undefined) return { users, total: known }
  const counted = await sql<{ total: number }>`
    select count(distinct user_id) as total from agentos_learnings where ${matching}`.execute(db)
  return { users, total: counted.rows[0]?.total ?? 0 }
}

/** Where agents look for what they have learned, and keep it. */
export type LearnedPlace = {
  readonly namespace: string
  /** Whose it is; null in a namespace of all. */
  readonly userId: string | null
}

/** Most insights of a place; more are not kept. */
export const MOST_LEARNED = 10_000

/**
 * Keeps what an agent has learned, once for each id.
 * @returns false when the place has {@link MOST_LEARNED} already
 */
export async function saveLearned(
  db: Db,
  { namespace, userId }: LearnedPlace,
  { learningId, agentId, content }: Pick<NewLearning, 'learningId' | 'agentId' | 'content'>,
): Promise<boolean> {
  const kept = await sql<{ learning_id: string }>`
    insert into agentos_learnings (learning_id, learning_type, namespace, user_id, agent_id, content)
    select ${learningId}::text, ${LEARNED}::text, ${namespace}::text, ${userId}::text, ${agentId}::text,
      ${jsonText(content)}::jsonb
    where ${MOST_LEARNED}::bigint > (
      select count(*) from (
        select from agentos_learnings where learning_type = ${LEARNED} and ${isIn({ namespace, userId })}
        limit ${MOST_LEARNED}
      ) there
    )
    on conflict (learning_id) do update set content = excluded.content, updated_at = now()
    returning learning_id`.execute(db)
  return kept.rows.length > 0
}

function isIn({ namespace, userId }: LearnedPlace) {
  return sql`namespace = ${namespace} and user_id is not distinct from ${userId}::text`
}

/**
 * What agents have learned in a place that shares words with `query`, the best first. Words count as they are written, in
 * any case.
 * @param limit most of them, 0 or more
 */
export async function searchLearned(
  db: Db,
  place: LearnedPlace,
  { query, limit }: { readonly query: string; readonly limit: number },
): Promise<Learning[]> {
  const words =
    query
      .toLowerCase()
      .match(/[\p{L}\p{N}]+/gu)
      ?.slice(0, MOST_WORDS) ?? []
  if (words.length === 0) return []
  // Quoted, so that no word is an operator.
  const wanted = [...new Set(words)].map((word) => `'${word}'`).join(' | ')
  const found = await sql<Selectable<LearningRow>>`
    select l.* from agentos_learnings l, to_tsquery('simple', ${wanted}) as wanted
    where learning_type = ${sql.lit(LEARNED)} and ${isIn(place)}
      and to_tsvector('simple', content) @@ wanted
    order by ts_rank(to_tsvector('simple', content), wanted) desc, updated_at desc, learning_id
    limit ${limit}`.execute(db)
  return found.rows.map(readLearning)
}

function readLearning(row: Selectable<LearningRow>): Learning {
  return {
    learningId: row.learning_id,
    learningType: row.learning_type,
    namespace: row.namespace,
    userId: row.user_id,
    agentId: row.agent_id,
    teamId: row.team_id,
    sessionId: row.session_id,
    entityId: row.entity_id,
    entityType: row.entity_type,
    content: row.content,
    metadata: row.metadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
