import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listLearnings, searchLearned } from './learnings.ts'
import { createMemory, listMemories, recallMemories } from './memories.ts'
import { changeMemories } from './memory-changes.ts'
import { COUNTED } from '../page-count.ts'
import type { Db } from '../tables.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { readsOf } from '../testing/reads.ts'

const ROWS = 20_000
const USERS = 400
const OF_USER = ROWS / USERS

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
  const { db } = database
  await sql`
    insert into agentos_memories (memory_id, user_id, agent_id, memory, topics, created_at, updated_at)
    select 'm' || i, 'u' || i % ${USERS}::integer, 'a' || i % 5, 'Memory ' || i, array['t' || i % 100],
      now() - i * interval '1 minute', now() - i * interval '1 second'
    from generate_series(1, ${ROWS}::integer) i`.execute(db)
  await sql`
    insert into agentos_learnings (learning_id, learning_type, namespace, user_id, content, updated_at)
    select 'l' || i, 'learned_knowledge', 'n' || i % 3, null, jsonb_build_object('learning', 'word' || i % 1000),
      now() - i * interval '1 second'
    from generate_series(1, ${ROWS}::integer) i`.execute(db)
  await sql`vacuum analyze agentos_memories`.execute(db)
  await sql`vacuum analyze agentos_learnings`.execute(db)
})
afterAll(() => database?.close())

const TABLES = sql`relname in ('agentos_memories', 'agentos_learnings')`

const PAGE = { limit: 20, page: 1 }
const change = { type: 'update', memoryId: 'm7', memory: 'Changed.', topics: [] } as const

// How many match in all is counted as far as COUNTED, in whatever way is cheapest.
test.each<[string, number, (db: Db) => Promise<unknown>]>([
  ['the first page', COUNTED + 50, (db) => listMemories(db, PAGE)],
  ['the first page by creation', COUNTED + 50, (db) => listMemories(db, { ...PAGE, sortBy: 'created_at' })],
  ['a page of a user', 2 * OF_USER + 50, (db) => listMemories(db, { ...PAGE, userId: 'u7' })],
  ['a page of an agent', COUNTED + 50, (db) => listMemories(db, { ...PAGE, agentId: 'a1' })],
  ['a page of a topic', 40 * PAGE.limit * 4, (db) => listMemories(db, { ...PAGE, topics: ['t7'] })],
  ['what a run is told', 2 * OF_USER + 50, (db) => recallMemories(db, 'u7', 50)],
  ['a change by a run', 2 * OF_USER, (db) => changeMemories(db, [change], { userId: 'u7', agentId: 'a', limit: 1000 })],
  [
    'a new memory',
    2 * OF_USER,
    (db) => createMemory(db, { memoryId: 'new', userId: 'u7', memory: 'x', topics: [] }, 1000),
  ],
  ['the first page of learnings', COUNTED + 50, (db) => listLearnings(db, PAGE)],
  [
    'a search of what was learned',
    4 * (ROWS / 1000),
    (db) => searchLearned(db, { namespace: 'n1', userId: null }, { query: 'word7', limit: 5 }),
  ],
])('%s reads no more than it needs', async (_, mostRows, work) => {
  const { rows } = await readsOf(database.db, TABLES, work)
  expect(rows).toBeLessThanOrEqual(mostRows)
})

test('two writers that wait for each other are told to try again, not that something broke', async () => {
  const { db } = database
  const writer = { userId: 'u7', agentId: 'a', limit: 1000 }
  const one = (memoryId: string) => ({ ...change, memoryId })
  const held = Promise.withResolvers<void>()
  const first = db.transaction().execute(async (transaction) => {
    await changeMemories(transaction, [one('m7')], writer)
    held.resolve()
    // The other one holds m407 by now, and waits for m7.
    await sql`select pg_sleep(0.5)`.execute(transaction)
    await changeMemories(transaction, [one('m407')], writer)
  })
  await held.promise
  const second = db.transaction().execute(async (transaction) => {
    await changeMemories(transaction, [one('m407')], writer)
    await changeMemories(transaction, [one('m7')], writer)
  })
  const outcomes = await Promise.allSettled([first, second])
  expect(outcomes.filter(({ status }) => status === 'rejected')).toMatchObject([
    { reason: { code: 'DATABASE_UNAVAILABLE' } },
  ])
})
