import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { finishRun } from '../runs/finish-run.ts'
import {
  createMemory,
  deleteMemories,
  findMemory,
  listMemories,
  listMemoryStats,
  listTopics,
  type MemoryQuery,
  readMemories,
  recallMemories,
  replaceMemories,
  updateMemory,
} from './memories.ts'
import { changeMemories } from './memory-changes.ts'
import { findSession } from '../sessions/sessions.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'
import { newRun, runEnd, storeRun } from '../testing/new-run.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(() => database.db.deleteFrom('agentos_memories').execute())

const PAGE = { limit: 20, page: 1 }

async function remember(memory: string, given: { userId?: string; topics?: string[] } = {}): Promise<string> {
  const memoryId = randomUUID()
  const created = { memoryId, memory, userId: given.userId ?? 'ada', topics: given.topics ?? [] }
  expect(await createMemory(database.db, created, 100)).toBeDefined()
  return memoryId
}

async function textsOf(query: Partial<MemoryQuery> = {}): Promise<string[]> {
  const { memories, total } = await listMemories(database.db, { ...PAGE, ...query })
  expect(total).toBe(memories.length)
  return memories.map(({ memory }) => memory)
}

const add = (memoryId: string, memory: string) => ({ type: 'add', memoryId, memory, topics: ['t'] }) as const

test('a memory is found, changed and deleted by its own user only', async () => {
  const { db } = database
  const id = await remember('Likes tea.', { topics: ['drinks', 'o\'neill "x"'] })
  expect(await findMemory(db, id, 'bob')).toBeUndefined()
  expect(await updateMemory(db, id, { memory: 'Mine.' }, 'bob')).toBeUndefined()
  expect(await deleteMemories(db, [id], 'bob')).toBe(0)
  const changed = await updateMemory(db, id, { memory: 'Likes coffee.' }, 'ada')
  expect(changed).toMatchObject({ memory: 'Likes coffee.', topics: ['drinks', 'o\'neill "x"'] })
  expect(await updateMemory(db, id, { memory: 'Likes coffee.', topics: [] }, 'ada')).toMatchObject({ topics: [] })
  expect(await deleteMemories(db, [id, 'unknown'], 'ada')).toBe(1)
  expect(await findMemory(db, id)).toBeUndefined()
})

test('a list is filtered by user, topics and text as it is written', async () => {
  await remember('Likes 100% cocoa.', { topics: ['food', 'taste'] })
  await remember('LIKES tea_time.', { topics: ['drinks', 'taste'] })
  await remember('Sails.', { userId: 'bob', topics: ['taste'] })
  expect(await textsOf({ userId: 'ada' })).toEqual(['LIKES tea_time.', 'Likes 100% cocoa.'])
  expect(await textsOf({ topics: ['taste', 'food'] })).toEqual(['Likes 100% cocoa.'])
  expect(await textsOf({ content: 'likes' })).toEqual(['LIKES tea_time.', 'Likes 100% cocoa.'])
  expect(await textsOf({ content: '%' })).toEqual(['Likes 100% cocoa.'])
  expect(await textsOf({ content: 'a_t' })).toEqual(['LIKES tea_time.'])
  expect(await textsOf({ sortBy: 'user_id', sortOrder: 'asc' })).toHaveLength(3)
})

test('pages go through all memories once, in the order that was asked for', async () => {
  for (const name of ['a', 'b', 'c', 'd', 'e']) await remember(name)
  for (const sortBy of ['updated_at', 'created_at', 'memory_id', 'user_id'] as const) {
    const seen: string[] = []
    for (const page of [1, 2, 3]) {
      const { memories, total } = await listMemories(database.db, { limit: 2, page, sortBy, sortOrder: 'asc' })
      expect(total).toBe(5)
      seen.push(...memories.map(({ memory }) => memory))
    }
    expect(seen.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e'])
    if (sortBy === 'memory_id') continue
    expect(seen).toEqual(seen.toSorted())
  }
  const found = await listMemories(database.db, { limit: 2, page: 9, content: 'a' })
  expect(found).toEqual({ memories: [], total: 1 })
})

test('a user has no more memories than the limit', async () => {
  const { db } = database
  const memory = { memoryId: randomUUID(), memory: 'One.', topics: [], userId: 'ada' }
  expect(await createMemory(db, memory, 1)).toBeDefined()
  expect(await createMemory(db, { ...memory, memoryId: randomUUID() }, 1)).toBeUndefined()
  const writer = { userId: 'ada', agentId: 'desk', limit: 2 }
  expect(await changeMemories(db, [add('x', 'Two.'), add('y', 'Three.')], writer)).toBe(1)
  expect(await textsOf({ userId: 'ada' })).toEqual(expect.arrayContaining(['One.', 'Two.']))
})

test('changes of a run made twice are made once, and only to memories of its user', async () => {
  const { db } = database
  const tea = await remember('Likes tea.')
  const gone = await remember('Likes rum.')
  const other = await remember('Bob sails.', { userId: 'bob' })
  const changes = [
    { type: 'delete', memoryId: gone },
    { type: 'delete', memoryId: other },
    { type: 'update', memoryId: tea, memory: 'Likes coffee.', topics: ['drinks'] },
    { type: 'update', memoryId: other, memory: 'Is Ada.', topics: [] },
    add('new', 'Lives in Oslo.'),
    add(other, 'Is Ada.'),
  ] as const
  const writer = { userId: 'ada', agentId: 'desk', limit: 100 }
  expect(await changeMemories(db, changes, writer)).toBe(3)
  await changeMemories(db, changes, writer)
  expect((await textsOf({ userId: 'ada' })).toSorted()).toEqual(['Likes coffee.', 'Lives in Oslo.'])
  expect(await textsOf({ userId: 'bob' })).toEqual(['Bob sails.'])
  expect(await textsOf({ agentId: 'desk' })).toHaveLength(2)
})

test('a clear takes what the user had, keeps what comes with it and leaves other users alone', async () => {
  await remember('Likes tea.')
  await remember('Bob sails.', { userId: 'bob' })
  const writer = { userId: 'ada', agentId: 'desk', limit: 100 }
  await changeMemories(database.db, [{ type: 'clear' }, add('new', 'Wants to be nobody.')], writer)
  expect((await textsOf()).toSorted()).toEqual(['Bob sails.', 'Wants to be nobody.'])
})

test('the end of a run stores what it remembers and its summary, once and only while it is its own', async () => {
  const { db } = database
  const run = newRun({ userId: 'ada' })
  await storeRun(db, run)
  const summary = { summary: 'Tea.', topics: ['tea'], updatedAt: '2026-11-23T14:00:00.000Z' }
  const end = runEnd(run, { memoryChanges: [add('m', 'Likes tea.')], summary })
  expect(await finishRun(db, { ...end, attempt: 2 })).toMatchObject({ finished: false })
  expect(await textsOf()).toEqual([])
  expect(await finishRun(db, end)).toMatchObject({ finished: true })
  expect(await finishRun(db, end)).toMatchObject({ finished: false })
  expect(await listMemories(db, PAGE)).toMatchObject({
    memories: [{ memoryId: 'm', userId: 'ada', agentId: 'assistant', memory: 'Likes tea.', topics: ['t'] }],
  })
  const stored = { summary: 'Tea.', topics: ['tea'], updated_at: '2026-11-23T14:00:00.000Z' }
  expect(await findSession(db, run.sessionId)).toMatchObject({ summary: stored })
})

test('the end of a run without a user remembers nothing', async () => {
  const run = newRun()
  await storeRun(database.db, run)
  expect(
    await finishRun(database.db, runEnd(run, { memoryChanges: [add('m', 'x'), { type: 'clear' }] })),
  ).toMatchObject({
    finished: true,
  })
  expect(await textsOf()).toEqual([])
})

test('those that changed last are recalled first, with how many there are', async () => {
  const first = await remember('One.')
  await remember('Two.')
  await remember('Three.')
  await updateMemory(database.db, first, { memory: 'One again.' }, 'ada')
  const { memories, total } = await recallMemories(database.db, 'ada', 2)
  expect(memories.map(({ memory }) => memory)).toEqual(['One again.', 'Three.'])
  expect(total).toBe(3)
  expect(await recallMemories(database.db, 'nobody', 2)).toEqual({ memories: [], total: 0 })
})

test('topics and users are counted', async () => {
  await remember('One.', { topics: ['b', 'a'] })
  await remember('Two.', { topics: ['a'] })
  await remember('Three.', { userId: 'bob', topics: ['c'] })
  expect(await listTopics(database.db)).toEqual(['a', 'b', 'c'])
  expect(await listTopics(database.db, 'ada')).toEqual(['a', 'b'])
  const { stats, total } = await listMemoryStats(database.db, PAGE)
  expect(stats).toMatchObject([
    { userId: 'bob', total: 1 },
    { userId: 'ada', total: 2 },
  ])
  expect(total).toBe(2)
  expect(await listMemoryStats(database.db, { limit: 1, page: 5 })).toEqual({ stats: [], total: 2 })
})

test('memories are replaced together, but for those that changed meanwhile', async () => {
  const { db } = database
  const tea = await remember('Likes tea.')
  await remember('Likes rum.')
  const { memories, readAt } = await readMemories(db, 'ada')
  await updateMemory(db, tea, { memory: 'Likes green tea.' }, 'ada')
  await remember('Sails.')
  const after = [{ memoryId: randomUUID(), memory: 'Likes drinks.', topics: ['drinks'], agentId: null, teamId: null }]
  const put = await replaceMemories(db, { userId: 'ada', before: memories.map((one) => one.memoryId), readAt, after })
  expect(put).toMatchObject([{ memory: 'Likes drinks.' }])
  expect((await textsOf()).toSorted()).toEqual(['Likes drinks.', 'Likes green tea.', 'Sails.'])
})
