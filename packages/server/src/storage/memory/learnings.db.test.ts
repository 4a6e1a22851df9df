import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  createLearning,
  deleteLearning,
  deleteUserLearnings,
  findLearning,
  listLearnings,
  listLearningUsers,
  type NewLearning,
  saveLearned,
  searchLearned,
  updateLearning,
} from './learnings.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database?.close())
beforeEach(() => database.db.deleteFrom('agentos_learnings').execute())

const PAGE = { limit: 20, page: 1 }
const NOTHING = {
  namespace: null,
  userId: null,
  agentId: null,
  teamId: null,
  sessionId: null,
  entityId: null,
  entityType: null,
  metadata: null,
}

function learn(learningId: string, given: Partial<NewLearning> = {}) {
  const learning = { ...NOTHING, learningId, learningType: 'decision_log', content: { text: learningId }, ...given }
  return createLearning(database.db, learning)
}

test('a learning is made once, read, changed and deleted', async () => {
  const { db } = database
  expect(await learn('one', { userId: 'ada', metadata: { by: 'us' } })).toMatchObject({ learningId: 'one' })
  expect(await learn('one')).toBeUndefined()
  expect(await updateLearning(db, 'one', { content: { text: 'new' } })).toMatchObject({
    content: { text: 'new' },
    metadata: { by: 'us' },
  })
  expect(await updateLearning(db, 'one', { metadata: null })).toMatchObject({
    content: { text: 'new' },
    metadata: null,
  })
  expect(await updateLearning(db, 'none', { metadata: null })).toBeUndefined()
  expect(await deleteLearning(db, 'one')).toBe(true)
  expect(await deleteLearning(db, 'one')).toBe(false)
  expect(await findLearning(db, 'one')).toBeUndefined()
})

test('a list is filtered by everything that a learning is about', async () => {
  await learn('one', { userId: 'ada', sessionId: 's', entityId: 'e', entityType: 'person' })
  await learn('two', { learningType: 'user_profile', userId: 'ada', agentId: 'desk', namespace: 'user' })
  await learn('three', { teamId: 'crew' })
  const idsOf = async (filter: object) => {
    const { learnings, total } = await listLearnings(database.db, { ...PAGE, ...filter })
    expect(total).toBe(learnings.length)
    return learnings.map(({ learningId }) => learningId)
  }
  expect(await idsOf({})).toEqual(['three', 'two', 'one'])
  expect(await idsOf({ userId: 'ada', sortBy: 'created_at', sortOrder: 'asc' })).toEqual(['one', 'two'])
  expect(await idsOf({ entityId: 'e', entityType: 'person', sessionId: 's' })).toEqual(['one'])
  expect(await idsOf({ learningType: 'user_profile', agentId: 'desk', namespace: 'user' })).toEqual(['two'])
  expect(await idsOf({ teamId: 'crew' })).toEqual(['three'])
})

test('users are listed and forgotten, one type at a time or altogether', async () => {
  const { db } = database
  await learn('one', { userId: 'ada' })
  await learn('two', { userId: 'ada', learningType: 'user_profile' })
  await learn('three', { userId: 'bob' })
  await learn('four')
  expect(await listLearningUsers(db, PAGE)).toMatchObject({ users: [{ userId: 'bob' }, { userId: 'ada' }], total: 2 })
  expect(await listLearningUsers(db, { ...PAGE, page: 7 })).toEqual({ users: [], total: 2 })
  expect(await deleteUserLearnings(db, 'ada', 'user_profile')).toBe(1)
  expect(await deleteUserLearnings(db, 'ada')).toBe(1)
  expect(await listLearnings(db, PAGE)).toMatchObject({ total: 2 })
})

test('what was learned is found by its words, whatever else they hold', async () => {
  const learned = { learningType: 'learned_knowledge', namespace: 'global' }
  await learn('costs', { ...learned, content: { title: 'Cloud costs', learning: 'Watch the egress & the disks.' } })
  await learn('limits', { ...learned, content: { title: 'API limits', learning: 'Cloud APIs answer 429.' } })
  await learn('other', { ...learned, namespace: 'ours', content: { title: 'Cloud costs' } })
  await learn('log', { namespace: 'global', content: { title: 'Cloud costs' } })
  const find = async (query: string) =>
    (await searchLearned(database.db, { namespace: 'global', userId: null }, { query, limit: 5 })).map(
      ({ learningId }) => learningId,
    )
  expect(await find('CLOUD egress')).toEqual(['costs', 'limits'])
  expect(await find("limits' | !:* & (")).toEqual(['limits'])
  expect(await find('& | !')).toEqual([])
})

test('what an agent learns is kept once for each id, and in the namespace of a user for that user alone', async () => {
  const { db } = database
  const content = { title: 'Tea', learning: 'Warm the pot.' }
  const ada = { namespace: 'user', userId: 'ada' }
  const tea = { learningId: 'tea', agentId: 'desk', content }
  expect(await saveLearned(db, ada, tea)).toBe(true)
  expect(await saveLearned(db, ada, { ...tea, content: { title: 'Tea', learning: 'Warm the cups.' } })).toBe(true)
  const find = async (userId: string) =>
    (await searchLearned(db, { namespace: 'user', userId }, { query: 'warm', limit: 5 })).map((one) => one.content)
  expect(await find('ada')).toEqual([{ title: 'Tea', learning: 'Warm the cups.' }])
  expect(await find('bob')).toEqual([])
})
