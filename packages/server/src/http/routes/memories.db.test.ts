import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClient } from '@agentos/wire/client'
import { AgentOSError } from '../../base/errors.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

let database: TestDatabase
let server: TestApp
let client: ReturnType<typeof createClient>
const joins: (readonly [memories: readonly string[], model: string | undefined])[] = []
let answer: (memories: readonly string[]) => string = (memories) => memories.join(' ')

beforeAll(async () => {
  database = await openTestDatabase()
  const join = async (memories: readonly string[], model: string | undefined) => {
    joins.push([memories, model])
    return answer(memories)
  }
  server = await createTestApp({ database, memory: { limit: 5, join } })
  client = createClient({ baseUrl: await server.listen() })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await database?.close()
})
beforeEach(async () => {
  joins.length = 0
  answer = (memories) => memories.join(' ')
  await database.db.deleteFrom('agentos_memories').execute()
})

const remember = (memory: string, user_id = 'ada', topics: string[] = []) =>
  client.memories.create({ memory, user_id, topics })
const failsWith = (status: number, detail: string, error_id: string) =>
  expect.objectContaining({ status, body: expect.objectContaining({ detail, error_id }) })

test('a memory is made, read, changed and forgotten', async () => {
  const made = await remember('Likes tea.', 'ada', ['drinks'])
  expect(made).toEqual({
    memory_id: expect.any(String),
    memory: 'Likes tea.',
    topics: ['drinks'],
    agent_id: null,
    team_id: null,
    user_id: 'ada',
    updated_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]+Z$/),
  })
  const id = made.memory_id
  expect(await client.memories.get(id)).toEqual(made)
  const changed = await client.memories.update(id, { memory: 'Likes coffee.', user_id: 'ada' })
  expect(changed).toMatchObject({ memory: 'Likes coffee.', topics: ['drinks'] })
  expect(await client.memories.update(id, { memory: 'Likes coffee.', user_id: 'ada', topics: [] })).toMatchObject({
    topics: [],
  })
  await client.memories.delete(id)
  await client.memories.delete(id)
  await expect(client.memories.get(id)).rejects.toEqual(
    failsWith(404, `Memory with ID ${id} not found`, 'MEMORY_NOT_FOUND'),
  )
})

test('memories of another user are neither read nor changed nor forgotten', async () => {
  const { memory_id: id } = await remember('Likes tea.')
  await expect(client.memories.get(id, { user_id: 'bob' })).rejects.toMatchObject({ status: 404 })
  await expect(client.memories.update(id, { memory: 'Mine.', user_id: 'bob' })).rejects.toMatchObject({ status: 404 })
  await client.memories.delete(id, { user_id: 'bob' })
  await client.memories.deleteMany({ memory_ids: [id], user_id: 'bob' })
  expect(await client.memories.get(id)).toMatchObject({ memory: 'Likes tea.' })
  await client.memories.deleteMany({ memory_ids: [id, 'unknown'] })
  expect((await client.memories.list()).data).toEqual([])
})

test('a change makes no memory that was not there', async () => {
  await expect(client.memories.update('new', { memory: 'x', user_id: 'ada' })).rejects.toMatchObject({ status: 404 })
})

test('lists are pages, filtered by user, text and topics, however these are sent', async () => {
  await remember('Likes tea.', 'ada', ['drinks', 'taste'])
  await remember('Likes soup.', 'ada', ['food', 'taste'])
  await remember('Sails.', 'bob', ['hobbies'])
  const page = await client.memories.list({ user_id: 'ada', limit: 1 })
  expect(page.data.map(({ memory }) => memory)).toEqual(['Likes soup.'])
  expect(page.meta).toMatchObject({ page: 1, limit: 1, total_pages: 2, total_count: 2 })
  const textsOf = async (query: Parameters<typeof client.memories.list>[0]) =>
    (await client.memories.list(query)).data.map(({ memory }) => memory)
  expect(await textsOf({ topics: ['taste,drinks'] })).toEqual(['Likes tea.'])
  expect(await textsOf({ topics: ['taste', 'food'] })).toEqual(['Likes soup.'])
  expect(await textsOf({ search_content: 'SOUP' })).toEqual(['Likes soup.'])
  expect(await textsOf({ sort_by: 'nonsense', sort_order: 'asc' })).toEqual(['Likes tea.', 'Likes soup.', 'Sails.'])
  expect(await client.memories.topics()).toEqual(['drinks', 'food', 'hobbies', 'taste'])
  expect(await client.memories.topics({ user_id: 'bob' })).toEqual(['hobbies'])
  const stats = await client.memories.stats({ limit: 1 })
  expect(stats).toMatchObject({ data: [{ user_id: 'bob', total_memories: 1 }], meta: { total_count: 2 } })
})

test('a memory needs a user, a text of at most 5000 characters, and room', async () => {
  const send = (body: object) =>
    server.app.inject({
      method: 'POST',
      url: '/memories',
      payload: body,
      headers: { 'content-type': 'application/json' },
    })
  expect((await send({ memory: 'x' })).json()).toMatchObject({ detail: 'User ID is required' })
  expect((await send({ memory: 'x' })).statusCode).toBe(400)
  expect((await send({ memory: '', user_id: 'ada' })).statusCode).toBe(422)
  expect((await send({ memory: 'x'.repeat(5001), user_id: 'ada' })).statusCode).toBe(422)
  for (let index = 0; index < 5; index++) await remember(`m${index}`)
  await expect(remember('one more')).rejects.toEqual(failsWith(409, 'User ada has 5 memories already', 'MEMORY_LIMIT'))
  expect(await remember('first', 'bob')).toMatchObject({ user_id: 'bob' })
})

test('another database or table is not found', async () => {
  const ask = async (query: string) => (await server.app.inject(`/memories?${query}`)).statusCode
  expect(await ask('db_id=agentos&table=agentos_memories')).toBe(200)
  expect(await ask('db_id=other')).toBe(404)
  expect(await ask('table=agentos_memories')).toBe(400)
})

test('many memories become one, in their place, with the topics of all and what it saves', async () => {
  await remember('Likes tea very much indeed.', 'ada', ['drinks'])
  await remember('Lives in the city of Oslo.', 'ada', ['home'])
  await remember('Sails.', 'bob')
  answer = () => 'Likes tea, lives in Oslo.'
  const preview = await client.memories.optimize({ user_id: 'ada', model: 'openai:gpt-5-mini', apply: false })
  expect(preview).toMatchObject({
    memories: [{ memory: 'Likes tea, lives in Oslo.', topics: ['drinks', 'home'], user_id: 'ada' }],
    memories_before: 2,
    memories_after: 1,
    tokens_before: 14,
    tokens_after: 7,
    tokens_saved: 7,
    reduction_percentage: 50,
  })
  expect(joins).toEqual([[['Likes tea very much indeed.', 'Lives in the city of Oslo.'], 'openai:gpt-5-mini']])
  expect((await client.memories.list({ user_id: 'ada' })).meta.total_count).toBe(2)
  await client.memories.optimize({ user_id: 'ada' })
  const left = (await client.memories.list()).data.map(({ memory }) => memory)
  expect(left.toSorted()).toEqual(['Likes tea, lives in Oslo.', 'Sails.'])
})

test('a single memory is left as it is, and nothing of nobody is not found', async () => {
  await remember('Likes tea.')
  expect(await client.memories.optimize({ user_id: 'ada' })).toMatchObject({ memories_after: 1, tokens_saved: 0 })
  expect(joins).toEqual([])
  await expect(client.memories.optimize({ user_id: 'nobody' })).rejects.toEqual(
    failsWith(404, 'No memories found for user nobody', 'MEMORY_NOT_FOUND'),
  )
})

test('a model that fails leaves the memories as they are', async () => {
  await remember('Likes tea.')
  await remember('Sails.')
  answer = () => {
    throw new AgentOSError('MODEL_BAD_ANSWER', 'demo:assistant made nothing of 2 memories')
  }
  await expect(client.memories.optimize({ user_id: 'ada' })).rejects.toMatchObject({ status: 502 })
  expect((await client.memories.list()).meta.total_count).toBe(2)
})
