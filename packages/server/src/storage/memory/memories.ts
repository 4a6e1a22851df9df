/**
 * What is remembered of users: lists, single memories, and what people change in them. What runs change is in
 * `memory-changes.ts`.
 * @module
 */
import { sql, type Selectable, type SqlBool } from 'kysely'
import type { Memory } from '../../base/memory.ts'
import { COUNTED, countRows, offsetOf, totalOf } from '../page-count.ts'
import type { Db, MemoryRow } from '../tables.ts'
import { textArray } from '../values.ts'

export type UserMemory = Memory & {
  readonly userId: string
  /** Who wrote it last; both null when a person did. */
  readonly agentId: string | null
  readonly teamId: string | null
  readonly updatedAt: Date
}

export type MemorySort = 'updated_at' | 'created_at' | 'memory_id' | 'user_id'

export type MemoryQuery = {
  readonly userId?: string | undefined
  readonly agentId?: string | undefined
  readonly teamId?: string | undefined
  /** The memory has all of them. */
  readonly topics?: readonly string[] | undefined
  /** Part of the memory, in any case; see {@link SEARCHED}. */
  readonly content?: string | undefined
  /** Most memories of a page, from 0. */
  readonly limit: number
  /** From 1; 0 is the first page too. */
  readonly page: number
  readonly sortBy?: MemorySort | undefined
  readonly sortOrder?: 'asc' | 'desc' | undefined
}

export type MemoryStats = { readonly userId: string; readonly total: number; readonly updatedAt: Date }

/**
 * Memories that a search in their text looks through, in the order of the list: a part of a word is found in no index,
 * and reading every memory of every user would take as long as there are memories.
 */
const SEARCHED = 20_000

/** Most topics of {@link listTopics}. */
const MOST_TOPICS = 1000

/** @returns undefined when the user has `limit` memories already */
export async function createMemory(
  db: Db,
  { memoryId, userId, memory, topics }: Memory & { readonly userId: string },
  limit: number,
): Promise<UserMemory | undefined> {
  const created = await sql<Selectable<MemoryRow>>`
    insert into agentos_memories (memory_id, user_id, memory, topics)
    select ${memoryId}::text, ${userId}::text, ${memory}::text, ${textArray(topics)}::text[]
    where (select count(*) from agentos_memories where user_id = ${userId}) < ${limit}::bigint
    returning *`.execute(db)
  return created.rows[0] && readMemory(created.rows[0])
}

/** @returns undefined when there is none, or it is another user's */
export async function findMemory(db: Db, memoryId: string, userId?: string): Promise<UserMemory | undefined> {
  let found = db.selectFrom('agentos_memories').selectAll().where('memory_id', '=', memoryId)
  if (userId !== undefined) found = found.where('user_id', '=', userId)
  const row = await found.executeTakeFirst()
  return row && readMemory(row)
}

/**
 * One page of the memories that match, and how many match in all: exactly up to {@link COUNTED}, or among those that a
 * search looks through.
 */
export async function listMemories(db: Db, query: MemoryQuery): Promise<{ memories: UserMemory[]; total: number }> {
  const { sortBy = 'updated_at', sortOrder = 'desc', content } = query
  const matching = matchingMemories(db, query)
  const ordered = matching.orderBy(orderOf(sortBy, sortOrder))
  if (content) return searchMemories(db, ordered.selectAll().limit(SEARCHED), content, query)
  const rows = await ordered.selectAll().limit(query.limit).offset(offsetOf(query)).execute()
  const some = matching.select(sql<number>`1`.as('one')).limit(COUNTED + 1)
  const total = totalOf(rows, query) ?? (await countRows(db, some, matching.select('memory_id')))
  return { memories: rows.map(readMemory), total }
}

type Found = ReturnType<ReturnType<typeof matchingMemories>['selectAll']>

/** The window keeps the order of the list, so no second sort is needed beyond the one by its place in it. */
async function searchMemories(
  db: Db,
  looked: Found,
  content: string,
  { limit, page, sortBy = 'updated_at', sortOrder = 'desc' }: MemoryQuery,
): Promise<{ memories: UserMemory[]; total: number }> {
  // strpos takes the text as it is: `%` and `_` of a search stay what they are.
  const found = db
    .selectFrom(looked.as('looked'))
    .selectAll()
    .where(sql<SqlBool>`strpos(lower(memory), lower(${content}::text)) > 0`)
  const [rows, { total }] = await Promise.all([
    found.orderBy(orderOf(sortBy, sortOrder)).limit(limit).offset(offsetOf({ limit, page })).execute(),
    db
      .selectFrom(found.as('found'))
      .select(sql<number>`count(*)`.as('total'))
      .executeTakeFirstOrThrow(),
  ])
  return { memories: rows.map(readMemory), total }
}

function matchingMemories(db: Db, { userId, agentId, teamId, topics }: MemoryQuery) {
  let matching = db.selectFrom('agentos_memories')
  if (userId !== undefined) matching = matching.where('user_id', '=', userId)
  if (agentId !== undefined) matching = matching.where('agent_id', '=', agentId)
  if (teamId !== undefined) matching = matching.where('team_id', '=', teamId)
  if (topics !== undefined && topics.length > 0) {
    matching = matching.where(sql<SqlBool>`topics @> ${textArray(topics)}::text[]`)
  }
  return matching
}

/** As the indexes have them. */
function orderOf(sortBy: MemorySort, sortOrder: 'asc' | 'desc') {
  const columns = {
    updated_at: ['updated_at', 'memory_id'],
    created_at: ['created_at', 'memory_id'],
    memory_id: ['memory_id'],
    user_id: ['user_id', 'updated_at', 'memory_id'],
  }[sortBy]
  return sql.join(columns.map((column) => sql`${sql.ref(column)} ${sql.raw(sortOrder === 'asc' ? 'asc' : 'desc')}`))
}

export type MemoryEdit = {
  readonly memory: string
  /** Undefined leaves them as they are. */
  readonly topics?: readonly string[] | undefined
}

/** @returns undefined when there is none, or it is not `userId`'s */
export async function updateMemory(
  db: Db,
  memoryId: string,
  { memory, topics }: MemoryEdit,
  userId: string,
): Promise<UserMemory | undefined> {
  const row = await db
    .updateTable('agentos_memories')
    .set({
      memory,
      ...(topics !== undefined && { topics: textArray(topics) }),
      agent_id: null,
      team_id: null,
      updated_at: sql`now()`,
    })
    .where('memory_id', '=', memoryId)
    .where('user_id', '=', userId)
    .returningAll()
    .executeTakeFirst()
  return row && readMemory(row)
}

/** Unknown ids are fine, and so are those of other users where `userId` is given: they stay. @returns how many there were */
export async function deleteMemories(db: Db, memoryIds: readonly string[], userId?: string): Promise<number> {
  let doomed = db.deleteFrom('agentos_memories').where(sql<SqlBool>`memory_id = any(${textArray(memoryIds)}::text[])`)
  if (userId !== undefined) doomed = doomed.where('user_id', '=', userId)
  const { numDeletedRows } = await doomed.executeTakeFirst()
  return Number(numDeletedRows)
}

/** Topics by name, at most 1000. */
export async function listTopics(db: Db, userId?: string): Promise<string[]> {
  const found = await sql<{ topic: string }>`
    select distinct topic from agentos_memories, unnest(topics) as topic
    where ${userId === undefined ? sql`true` : sql`user_id = ${userId}`}
    order by topic limit ${MOST_TOPICS}`.execute(db)
  return found.rows.map(({ topic }) => topic)
}

/** Users that are remembered, those whose memories changed last first. */
export async function listMemoryStats(
  db: Db,
  query: Pick<MemoryQuery, 'userId' | 'limit' | 'page'>,
): Promise<{ stats: MemoryStats[]; total: number }> {
  const { userId } = query
  const of = userId === undefined ? sql`true` : sql`user_id = ${userId}`
  const found = await sql<{ user_id: string; memories: number; updated_at: Date; total: number }>`
    select user_id, count(*) as memories, max(updated_at) as updated_at, count(*) over () as total
    from agentos_memories where ${of}
    group by user_id order by max(updated_at) desc, user_id desc
    limit ${query.limit} offset ${offsetOf(query)}`.execute(db)
  const stats = found.rows.map((row) => ({ userId: row.user_id, total: row.memories, updatedAt: row.updated_at }))
  const known = found.rows[0]?.total ?? totalOf(found.rows, query)
  return { stats, total: known ?? (await countUsers(db, of)) }
}

/** Past the last page no row tells. */
async function countUsers(db: Db, of: ReturnType<typeof sql>): Promise<number> {
  const counted = await sql<{ total: number }>`
    select count(distinct user_id) as total from agentos_memories where ${of}`.execute(db)
  return counted.rows[0]?.total ?? 0
}

/**
 * The memories of a user that changed last, newest first.
 * @param limit most of them, 0 or more
 * @returns with how many there are in all
 */
export async function recallMemories(
  db: Db,
  userId: string,
  limit: number,
): Promise<{ memories: Memory[]; total: number }> {
  const found = await sql<{ memory_id: string; memory: string; topics: string[]; total: number }>`
    select memory_id, memory, topics, (select count(*) from agentos_memories where user_id = ${userId}) as total
    from agentos_memories where user_id = ${userId}
    order by updated_at desc, memory_id desc limit ${limit}`.execute(db)
  const memories = found.rows.map((row) => ({ memoryId: row.memory_id, memory: row.memory, topics: row.topics }))
  return { memories, total: found.rows[0]?.total ?? 0 }
}

/** All memories of a user, and the moment of the database at which they were read. */
export async function readMemories(db: Db, userId: string): Promise<{ memories: UserMemory[]; readAt: string }> {
  const found = await sql<Selectable<MemoryRow> & { read_at: string }>`
    select *, now()::text as read_at from agentos_memories where user_id = ${userId}
    order by updated_at, memory_id`.execute(db)
  return { memories: found.rows.map(readMemory), readAt: found.rows[0]?.read_at ?? '' }
}

export type Replacement = {
  readonly userId: string
  /** Ids of what goes. */
  readonly before: readonly string[]
  /** What has changed since then stays. */
  readonly readAt: string
  readonly after: readonly (Memory & Pick<UserMemory, 'agentId' | 'teamId'>)[]
}

/** Puts other memories in the place of those that were read: all of it or nothing. @returns what is there now of `after` */
export async function replaceMemories(db: Db, { userId, before, readAt, after }: Replacement): Promise<UserMemory[]> {
  const put = await sql<Selectable<MemoryRow>>`
    with replaced as (
      delete from agentos_memories
      where user_id = ${userId} and memory_id = any(${textArray(before)}::text[]) and updated_at <= ${readAt}::timestamptz
    )
    insert into agentos_memories (memory_id, user_id, agent_id, team_id, memory, topics)
    values ${sql.join(
      after.map(
        (one) =>
          sql`(${one.memoryId}, ${userId}, ${one.agentId}, ${one.teamId}, ${one.memory}, ${textArray(one.topics)}::text[])`,
      ),
    )}
    returning *`.execute(db)
  return put.rows.map(readMemory)
}

function readMemory(row: Selectable<MemoryRow>): UserMemory {
  return {
    memoryId: row.memory_id,
    userId: row.user_id,
    agentId: row.agent_id,
    teamId: row.team_id,
    memory: row.memory,
    topics: row.topics,
    updatedAt: row.updated_at,
  }
}
