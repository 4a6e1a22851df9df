import { expect, test } from 'vitest'
import { openDatabase } from '../storage/database.ts'
import { systemClock } from '../base/clock.ts'
import { openKnowledgeStore } from '../storage/knowledge/store.ts'
import { openTestDatabase } from '../storage/testing/database.ts'
import { countChunks, grantSchema } from '../storage/testing/knowledge.ts'
import { createTestRole } from '../storage/testing/role.ts'
import { BASE, countingEmbedder, embeddersOf, openTestKnowledge } from './testing/knowledge.ts'

test('keeps chunks in another database than contents, and forgets them together', async () => {
  await using main = await openTestDatabase()
  await using other = await openTestDatabase({ migrated: false })
  const store = await openKnowledgeStore(other, 'english')
  const embedder = countingEmbedder()
  await using knowledge = await openTestKnowledge({ database: main, store }, { embedders: embeddersOf(embedder) })
  const given = { kind: 'text', text: 'Apples are red.\nPears are green.' } as const
  const { id } = await knowledge.contents.add(BASE, { given })
  await knowledge.until(async () => (await knowledge.contents.get(BASE, id)).status === 'completed')
  expect((await knowledge.search({ knowledgeId: 'base', query: 'Apples are red.' })).hits).not.toEqual([])
  expect(await countChunks(other.db)).toBe(2)
  await knowledge.contents.remove(BASE, id)
  expect(await countChunks(other.db)).toBe(0)
})

test('goes by words where the extension is missing and may not be made, and says so', async () => {
  await using main = await openTestDatabase()
  await using other = await openTestDatabase({ migrated: false })
  if (other.options.kind !== 'postgres') throw new TypeError('this test needs PostgreSQL')
  await using role = await createTestRole(other, other.options.url)
  await grantSchema(other.db, role.name)
  const { directUrl: _, ...options } = other.options
  await using database = await openDatabase({ ...options, url: role.url }, { clock: systemClock })
  const store = await openKnowledgeStore(database, 'english')
  expect(store.problem).toMatch(/pgvector is not in this database and cannot be made by this user/)
  await using knowledge = await openTestKnowledge(
    { database: main, store },
    { embedders: embeddersOf(countingEmbedder()) },
  )
  const { id } = await knowledge.contents.add(BASE, { given: { kind: 'text', text: 'Apples are red.' } })
  await knowledge.until(async () => (await knowledge.contents.get(BASE, id)).status === 'completed')
  expect((await knowledge.search({ knowledgeId: 'base', query: 'apple' })).hits).toMatchObject([
    { text: 'Apples are red.' },
  ])
  expect(knowledge.whyNoVectors(BASE)).toBe(store.problem)
  expect((await knowledge.contents.get(BASE, id)).embedder).toBeNull()
})

test('says what to do when the schema may not be made, or the language is not known', async () => {
  await using main = await openTestDatabase({ migrated: false })
  await expect(openKnowledgeStore(main, 'klingon')).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await using other = await openTestDatabase({ migrated: false })
  if (other.options.kind !== 'postgres') throw new TypeError('this test needs PostgreSQL')
  await using role = await createTestRole(other, other.options.url)
  const { directUrl: _, ...options } = other.options
  await using database = await openDatabase({ ...options, url: role.url }, { clock: systemClock })
  await expect(openKnowledgeStore(database, 'english')).rejects.toThrow('CREATE SCHEMA ai AUTHORIZATION')
})
