import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { beginWriting, publishChunks, writeChunks } from '../storage/knowledge/chunks.ts'
import { type KnowledgeStore, openKnowledgeStore } from '../storage/knowledge/store.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import { clearKnowledge, countDeletions, listTries } from '../storage/testing/knowledge.ts'
import type { Knowledge } from './knowledge.ts'
import { BASE, openTestKnowledge } from './testing/knowledge.ts'

let database: TestDatabase
let store: KnowledgeStore
let place: { readonly database: TestDatabase; readonly store: KnowledgeStore }

beforeAll(async () => {
  database = await openTestDatabase()
  store = await openKnowledgeStore(database, 'english')
  place = { database, store }
}, 120_000)
afterAll(() => database.close())
beforeEach(async () => {
  await clearKnowledge(database.db)
})

const addText = (knowledge: Knowledge, text: string) => knowledge.contents.add(BASE, { given: { kind: 'text', text } })

const search = async (knowledge: Knowledge, query: string) =>
  (await knowledge.search({ knowledgeId: 'base', query })).hits

describe('what is left of a content that was deleted', () => {
  const looking = { orphans: { firstMs: 0, everyMs: 20, minutes: 0 } }

  test('is removed, where a replica died before it did; all else stays', async () => {
    const reading = await openTestKnowledge(place)
    const kept = await addText(reading, 'Apples are red.')
    const gone = await addText(reading, 'Pears are green.')
    await reading.until(() => reading.outcomes.length === 2)
    await reading.contents.remove(BASE, gone.id)
    await reading.close()
    await leaveDocument(gone.id)
    // Of another server, whose chunks are in the same database.
    await leaveDocument('elsewhere')
    await using knowledge = await openTestKnowledge(place, { options: looking })
    await knowledge.until(async () => (await countDeletions(database.db)) === 0)
    expect((await search(knowledge, 'left')).map(({ contentId }) => contentId)).toEqual(['elsewhere'])
    expect(await search(knowledge, 'apple')).toMatchObject([{ contentId: kept.id }])
  })

  test('is not what was added again since', async () => {
    const reading = await openTestKnowledge(place)
    const { id } = await addText(reading, 'Apples are red.')
    await reading.until(() => reading.outcomes.length === 1)
    await reading.contents.remove(BASE, id)
    await addText(reading, 'Apples are red.')
    await reading.until(() => reading.outcomes.length === 2)
    await reading.close()
    await using knowledge = await openTestKnowledge(place, { options: looking })
    await knowledge.until(async () => (await countDeletions(database.db)) === 0)
    expect(await search(knowledge, 'apple')).toMatchObject([{ contentId: id }])
  })

  test('is looked for once nobody can write it any more', async () => {
    const options = { orphans: { ...looking.orphans, minutes: 1 } }
    await using knowledge = await openTestKnowledge(place, { options })
    const { id } = await addText(knowledge, 'Apples are red.')
    await knowledge.until(() => knowledge.outcomes.length === 1)
    await knowledge.contents.remove(BASE, id)
    await leaveDocument(id)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect([await countDeletions(database.db), (await search(knowledge, 'left')).length]).toEqual([1, 1])
  })
})

test('what was left of a content is not taken for it when it is added again', async () => {
  await using knowledge = await openTestKnowledge(place)
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await knowledge.contents.get(BASE, id)).status === 'completed')
  await knowledge.contents.remove(BASE, id)
  await leaveDocument(id, 9)
  expect(await search(knowledge, 'left')).toHaveLength(1)
  expect((await addText(knowledge, 'Apples are red.')).id).toBe(id)
  await knowledge.until(async () => (await knowledge.contents.get(BASE, id)).status === 'completed')
  expect(await search(knowledge, 'apple')).toMatchObject([{ contentId: id, text: 'Apples are red.' }])
  expect(await search(knowledge, 'left')).toEqual([])
  expect(await listTries(database.db)).toEqual([1])
})

/** As a job leaves it: written and to be found. */
async function leaveDocument(contentId: string, attempt = 1): Promise<void> {
  const writing = { contentId, version: 1, attempt }
  const facts = { knowledgeId: 'base', name: 'Left', origin: null, size: null, metadata: {} }
  await beginWriting(database.db, writing, facts)
  const chunk = { index: 0, text: 'This was left over.', metadata: {}, hash: 'h', vector: null }
  await writeChunks(store, writing, null, [chunk])
  await publishChunks(store, writing, 1)
}
