import { createHash } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '@agentos/wire/client'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let database: TestDatabase
let server: TestApp
let client: ReturnType<typeof createClient>

beforeAll(async () => {
  database = await openTestDatabase()
  server = await createTestApp({ database })
  client = createClient({ baseUrl: await server.listen() })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await database?.close()
})
beforeEach(() => database.db.deleteFrom('agentos_learnings').execute())

test('a learning is made, read, changed and deleted', async () => {
  const made = await client.learnings.create({
    learning_type: 'decision_log',
    content: { what: 'tea' },
    user_id: 'ada',
  })
  expect(made).toEqual({
    learning_id: expect.any(String),
    learning_type: 'decision_log',
    namespace: null,
    user_id: 'ada',
    agent_id: null,
    team_id: null,
    session_id: null,
    entity_id: null,
    entity_type: null,
    content: { what: 'tea' },
    metadata: null,
    created_at: expect.any(Number),
    updated_at: expect.any(Number),
  })
  const id = made.learning_id
  expect(await client.learnings.update(id, { metadata: { by: 'us' } })).toMatchObject({
    content: { what: 'tea' },
    metadata: { by: 'us' },
  })
  expect(await client.learnings.update(id, {})).toMatchObject({ metadata: { by: 'us' } })
  expect(await client.learnings.get(id)).toMatchObject({ metadata: { by: 'us' } })
  await client.learnings.delete(id)
  const missing = { status: 404, body: { detail: 'Learning not found', error_id: 'LEARNING_NOT_FOUND' } }
  await expect(client.learnings.get(id)).rejects.toMatchObject(missing)
  await expect(client.learnings.update(id, { content: {} })).rejects.toMatchObject(missing)
  await expect(client.learnings.delete(id)).rejects.toMatchObject(missing)
})

const ADA = createHash('sha256').update('ada').digest('hex').slice(0, 16)
test.each([
  [{ learning_type: 'user_profile', user_id: 'ada' }, 'user_profile_ada', null],
  [{ learning_type: 'user_memory', user_id: 'ada' }, 'memories_ada', null],
  [{ learning_type: 'session_context', session_id: 's' }, 'session_context_s', null],
  [
    { learning_type: 'entity_memory', entity_id: 'acme', entity_type: 'company' },
    'entity_global_company_acme',
    'global',
  ],
  [
    { learning_type: 'entity_memory', entity_id: 'acme', entity_type: 'company', namespace: 'user', user_id: 'ada' },
    `entity_user_${ADA}_company_acme`,
    'user',
  ],
] as const)('%j has one record, whose id is %s', async (about, id, namespace) => {
  expect(await client.learnings.create({ ...about, content: {} })).toMatchObject({ learning_id: id, namespace })
  await expect(client.learnings.create({ ...about, content: {} })).rejects.toMatchObject({
    status: 409,
    body: { error_id: 'LEARNING_EXISTS', detail: expect.stringContaining(`PATCH /learnings/${id}`) },
  })
})

test.each([
  [{ learning_type: 'user_profile' }, "A learning of type 'user_profile' needs user_id"],
  [{ learning_type: 'session_context' }, "A learning of type 'session_context' needs session_id"],
  [{ learning_type: 'entity_memory', entity_type: 'company' }, "A learning of type 'entity_memory' needs entity_id"],
  [
    { learning_type: 'entity_memory', entity_type: 'a', entity_id: 'b', namespace: `user_${ADA}_c` },
    `namespace 'user_${ADA}_c' is reserved for the entities of a user`,
  ],
  [{ learning_type: 'x', metadata: { long: 'x'.repeat(100_000) } }, 'content and metadata have at most'],
])('%j is refused', async (about, detail) => {
  await expect(client.learnings.create({ ...about, content: {} })).rejects.toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining(detail) },
  })
})

test('learnings are listed by what they are about, and users with them', async () => {
  await client.learnings.create({ learning_type: 'decision_log', content: {}, user_id: 'ada', session_id: 's' })
  await client.learnings.create({ learning_type: 'user_profile', content: {}, user_id: 'bob' })
  const page = await client.learnings.list({ session_id: 's' })
  expect(page).toMatchObject({ data: [{ user_id: 'ada' }], meta: { page: 1, limit: 100, total_count: 1 } })
  expect((await client.learnings.list({ learning_type: 'user_profile' })).data).toMatchObject([{ user_id: 'bob' }])
  const users = await client.learnings.users()
  expect(users.data.map(({ user_id }) => user_id)).toEqual(['bob', 'ada'])
  await client.learnings.deleteUser('bob', { learning_type: 'decision_log' })
  expect((await client.learnings.users()).data).toHaveLength(2)
  await client.learnings.deleteUser('bob')
  expect((await client.learnings.users()).data).toEqual([
    { user_id: 'ada', last_learning_updated_at: expect.any(Number) },
  ])
  expect((await server.app.inject('/learnings?limit=1001')).statusCode).toBe(422)
})
