import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Embedder } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import type { KnowledgeInfo } from '../base/knowledge.ts'
import { claimSync, endSync } from '../storage/knowledge/jobs.ts'
import { type KnowledgeStore, openKnowledgeStore } from '../storage/knowledge/store.ts'
import { openTestDatabase, type TestDatabase } from '../storage/testing/database.ts'
import {
  clearKnowledge,
  countChunks,
  countLeasedJobs,
  countUploadParts,
  expireJobs,
  listTries,
} from '../storage/testing/knowledge.ts'
import type { Knowledge } from './knowledge.ts'
import type { Folder } from './sync.ts'
import { BASE, countingEmbedder, embeddersOf, lineReader, openFolder, openTestKnowledge } from './testing/knowledge.ts'

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

const addText = (knowledge: Knowledge, text: string, rest: { name?: string } = {}) =>
  knowledge.contents.add(BASE, { given: { kind: 'text', text }, ...rest })

async function statusOf(knowledge: Knowledge, id: string): Promise<string> {
  return (await knowledge.contents.get(BASE, id)).status
}

const find = (knowledge: Knowledge, query: string) => knowledge.search({ knowledgeId: 'base', query })
const search = async (knowledge: Knowledge, query: string) => (await find(knowledge, query)).hits

test('reads what is added and finds it; the same again is the same content', async () => {
  const embedder = countingEmbedder()
  await using knowledge = await openTestKnowledge(place, { embedders: embeddersOf(embedder) })
  const added = await addText(knowledge, 'Apples are red.\nPears are green.')
  expect([added.status, added.name]).toEqual(['processing', 'Apples are red.'])
  await knowledge.until(async () => (await statusOf(knowledge, added.id)) === 'completed')
  expect(await knowledge.contents.get(BASE, added.id)).toMatchObject({
    chunkCount: 2,
    embedder: 'fake:vowels',
    statusMessage: '',
    size: 32,
  })
  expect((await search(knowledge, 'red apple'))[0]).toMatchObject({ text: 'Apples are red.', contentId: added.id })
  const again = await addText(knowledge, 'Apples are red.\nPears are green.')
  expect([again.id, again.status]).toEqual([added.id, 'completed'])
  expect((await addText(knowledge, 'Apples are red.', { name: 'other' })).id).not.toBe(added.id)
  await knowledge.until(() => knowledge.outcomes.length === 2)
  // A text that has a vector is not embedded again, in whatever document it stands.
  expect(embedder.asked).toEqual(['Apples are red.', 'Pears are green.'])
})

test('searches by words where there is no embedder, and says why', async () => {
  await using knowledge = await openTestKnowledge(place)
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  expect(await search(knowledge, 'apple')).toHaveLength(1)
  expect(knowledge.searchTypes(BASE)).toEqual(['keyword'])
  expect(knowledge.whyNoVectors(BASE)).toBe('no embedder is configured')
  const byVector = knowledge.search({ knowledgeId: 'base', query: 'apple', searchType: 'vector' })
  await expect(byVector).rejects.toThrow('cannot be searched by vector: no embedder is configured')
})

test('a search that finds nothing tells how many documents are still being read', async () => {
  const stuck = Promise.withResolvers<void>()
  const reader = lineReader((line) => (line === 'Apples are red.' ? undefined : stuck.promise))
  await using knowledge = await openTestKnowledge(place, { reader })
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  expect(await find(knowledge, 'plum')).toEqual({ hits: [], notes: [] })
  await addText(knowledge, 'Plums are blue.')
  expect((await find(knowledge, 'plum')).notes).toEqual([
    '1 document of the knowledge base is still being read: the same search may find more in a moment',
  ])
  await addText(knowledge, 'Pears are green.')
  expect((await find(knowledge, 'plum')).notes[0]).toMatch(/^2 documents of the knowledge base are still being read/)
  stuck.resolve()
})

test('a search that finds nothing says that the files of the revision are still looked for', async () => {
  await using folder = await openFolder({ 'docs/a.md': 'Apples are red.' })
  const base: KnowledgeInfo = { ...BASE, sources: ['docs/**'] }
  const at = (): Folder => ({ revision: 'one', directory: folder.directory, retain: () => () => {} })
  await claimSync(database.db, 'base', { digest: 'one', owner: 'another replica', leaseMs: 60_000 })
  await using knowledge = await openTestKnowledge(place, { defined: () => [base], folder: at })
  const { notes } = await find(knowledge, 'apple')
  expect(notes).toEqual(['The files of the knowledge base are still being looked for: try again in a moment'])
  await endSync(database.db, 'base', 'another replica', undefined)
  await knowledge.until(async () => (await search(knowledge, 'apple')).length === 1)
  expect(await find(knowledge, 'plum')).toEqual({ hits: [], notes: [] })
})

test('falls back on words while the embedder is away, unless vectors were asked for', async () => {
  const embedder = countingEmbedder()
  await using knowledge = await openTestKnowledge(place, { embedders: embeddersOf(embedder) })
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  embedder.before = () => {
    throw new AgentOSError('MODEL_UNAVAILABLE', 'the provider is away')
  }
  const { hits, notes } = await find(knowledge, 'apple')
  expect([hits.length, notes]).toEqual([1, ['It was searched by words only: the provider is away']])
  const byVector = knowledge.search({ knowledgeId: 'base', query: 'apple', searchType: 'vector' })
  await expect(byVector).rejects.toThrow('the provider is away')
})

test('an embedder that hangs costs a few searches their time, and the next ones nothing', async () => {
  const embedder = countingEmbedder()
  let questions = 0
  const hanging: Embedder = {
    ...embedder,
    embed: async (texts, signal, purpose) => {
      if (purpose !== 'query') return embedder.embed(texts, signal)
      questions++
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    },
  }
  const moves: [string, boolean][] = []
  await using knowledge = await openTestKnowledge(place, {
    embedders: embeddersOf(hanging),
    options: { questionMs: 50 },
    onEmbedder: (...move) => void moves.push(move),
  })
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  for (let time = 0; time < 6; time++) {
    const { hits, notes } = await find(knowledge, 'apple')
    expect(hits).toHaveLength(1)
    expect(notes).toEqual(['It was searched by words only: Embedder fake:vowels did not answer within 50 ms'])
  }
  expect([questions, moves]).toEqual([3, [['fake:vowels', true]]])
  const byVector = knowledge.search({ knowledgeId: 'base', query: 'apple', searchType: 'vector' })
  await expect(byVector).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' })
  // What comes to be read is embedded all the same, and shows that it answers.
  await addText(knowledge, 'Pears are green.')
  await knowledge.until(() => moves.length === 2)
  expect(moves[1]).toEqual(['fake:vowels', false])
})

test('a passing failure is tried again, another one is told; what was found before stays', async () => {
  const embedder = countingEmbedder()
  await using knowledge = await openTestKnowledge(place, { embedders: embeddersOf(embedder) })
  let failures = 2
  embedder.before = () => {
    if (failures-- > 0) throw new AgentOSError('MODEL_RATE_LIMITED', 'slow down')
  }
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  expect(knowledge.outcomes).toEqual(['retried', 'retried', 'completed'])
  failures = 100
  await knowledge.contents.refresh(BASE, id)
  await addText(knowledge, 'Plums are blue.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  // Its text has a vector already; the other one has spent its tries.
  await knowledge.until(() => knowledge.outcomes.includes('failed'))
  const { contents } = await knowledge.list({
    knowledgeId: 'base',
    limit: 10,
    page: 1,
    sortBy: 'name',
    sortOrder: 'desc',
  })
  expect(contents[0]).toMatchObject({ status: 'failed', statusMessage: 'slow down' })
  embedder.before = () => {}
  expect(await search(knowledge, 'apple')).not.toEqual([])
  // Added again, it is tried again.
  await addText(knowledge, 'Plums are blue.')
  await knowledge.until(async () => (await search(knowledge, 'plum')).some(({ text }) => text === 'Plums are blue.'))
})

test('goes on after its replica died, without embedding again what is embedded', async () => {
  const embedder = countingEmbedder()
  const embedders = embeddersOf(embedder)
  const lines = Array.from({ length: 150 }, (_, line) => `line ${line}`)
  const stuck = Promise.withResolvers<void>()
  const reader = lineReader((line) => (line === 'line 140' ? stuck.promise : undefined))
  // Its lease is never renewed, as if it had been killed.
  await using first = await openTestKnowledge(place, { embedders, reader, options: { leaseMs: 1_000_000, jobs: 1 } })
  const { id } = await addText(first, lines.join('\n'))
  await first.until(() => embedder.asked.length === 128)
  expect((await first.contents.get(BASE, id)).statusMessage).toMatch(/chunks so far/)
  expect(await search(first, 'line')).toEqual([])
  await expireJobs(database.db)
  await using second = await openTestKnowledge(place, { embedders })
  await second.until(async () => (await statusOf(second, id)) === 'completed')
  expect(embedder.asked).toEqual(lines)
  stuck.resolve()
  await first.until(
    async () =>
      (await first.list({ knowledgeId: 'base', limit: 1, page: 1, sortBy: 'name', sortOrder: 'asc' })).total === 1,
  )
  expect(await second.contents.get(BASE, id)).toMatchObject({ status: 'completed', chunkCount: 150 })
})

test('gives back what it reads when it stops, at once', async () => {
  const stuck = Promise.withResolvers<void>()
  const reader = lineReader(() => stuck.promise)
  const first = await openTestKnowledge(place, { reader })
  const { id } = await addText(first, 'Apples are red.')
  await first.until(async () => (await countLeasedJobs(database.db)) === 1)
  const closed = first.close()
  stuck.resolve()
  await closed
  await using second = await openTestKnowledge(place)
  await second.until(async () => (await statusOf(second, id)) === 'completed')
  expect(await listTries(database.db)).toEqual([1])
})

test('twenty contents and two replicas: each content is read once', async () => {
  await using first = await openTestKnowledge(place)
  await using second = await openTestKnowledge(place)
  for (let text = 0; text < 20; text++) await addText(first, `text ${text}`)
  await first.until(() => first.outcomes.length + second.outcomes.length >= 20)
  expect([...first.outcomes, ...second.outcomes]).toEqual(Array(20).fill('completed'))
})

test('tells how its bases do: their documents, their embedders, and why they are searched by words', async () => {
  const embedder = countingEmbedder()
  const bases: KnowledgeInfo[] = [
    BASE,
    { ...BASE, id: 'words', searchType: 'keyword' },
    { ...BASE, id: 'keyless', embedder: 'fake:keyless' },
  ]
  const problem = (name: string) => (name === 'fake:keyless' ? 'fake needs FAKE_KEY, which is not set' : undefined)
  const stuck = Promise.withResolvers<void>()
  const reader = lineReader((line) => {
    if (line.startsWith('bad')) throw new AgentOSError('DOCUMENT_CORRUPT', 'it is damaged')
    return line === 'slow' ? stuck.promise : undefined
  })
  await using knowledge = await openTestKnowledge(place, {
    embedders: { ...embeddersOf(embedder), problem },
    defined: () => bases,
    reader,
  })
  const [, words, keyless] = await knowledge.describe()
  const nothing = { completed: 0, processing: 0, failed: 0, chunks: 0 }
  const idle = { name: 'fake:vowels', answers: null, problem: null }
  expect(words).toEqual({ id: 'words', counts: nothing, embedder: idle, wordsOnly: 'its searchType is keyword' })
  const why = 'fake needs FAKE_KEY, which is not set'
  const unusable = { name: 'fake:keyless', answers: null, problem: why }
  expect(keyless).toEqual({ id: 'keyless', counts: nothing, embedder: unusable, wordsOnly: why })

  await addText(knowledge, 'Apples are red.\nPears are green.')
  await addText(knowledge, 'bad')
  await addText(knowledge, 'bad too')
  await knowledge.until(() => knowledge.outcomes.length === 3)
  await addText(knowledge, 'slow')
  expect((await knowledge.describe())[0]).toEqual({
    id: 'base',
    counts: { completed: 1, processing: 1, failed: 2, chunks: 2 },
    embedder: { name: 'fake:vowels', answers: true, problem: null },
    wordsOnly: null,
  })
  embedder.before = () => {
    throw new AgentOSError('MODEL_UNAVAILABLE', 'the provider is away')
  }
  for (let time = 0; time < 3; time++) await find(knowledge, 'apple')
  const away = 'the provider is away'
  expect((await knowledge.describe())[0]).toMatchObject({
    embedder: { answers: false, problem: away },
    wordsOnly: away,
  })
  expect([knowledge.whyNoAnswer(BASE), knowledge.whyNoVectors(BASE)]).toEqual([away, undefined])
  stuck.resolve()
})

test('a content that is deleted while it is read leaves nothing', async () => {
  const stuck = Promise.withResolvers<void>()
  const reader = lineReader((line) => (line === 'line 100' ? stuck.promise : undefined))
  await using knowledge = await openTestKnowledge(place, { reader })
  const { id } = await addText(knowledge, Array.from({ length: 120 }, (_, line) => `line ${line}`).join('\n'))
  await knowledge.until(async () => (await countChunks(database.db)) > 0)
  await knowledge.contents.remove(BASE, id)
  stuck.resolve()
  await knowledge.until(async () => (await countChunks(database.db)) === 0)
  await expect(knowledge.contents.get(BASE, id)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  await expect(knowledge.contents.remove(BASE, id)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
})

test('an empty text and an empty file are refused before anything is stored', async () => {
  await using knowledge = await openTestKnowledge(place)
  await expect(addText(knowledge, '  \n ')).rejects.toMatchObject({ code: 'DOCUMENT_EMPTY' })
  const upload = { field: 'file', filename: 'a.txt', mimeType: undefined, path: '/nowhere', bytes: 0, sha256: '' }
  const empty = knowledge.contents.add(BASE, { given: { kind: 'file', upload } })
  await expect(empty).rejects.toMatchObject({ code: 'DOCUMENT_EMPTY' })
  const remote = { kind: 'remote', sourceId: 'bucket', key: 'a.txt' } as const
  await expect(knowledge.contents.add(BASE, { given: remote })).rejects.toThrow('Unknown content source: bucket')
  for (const url of ['ftp://example.org', 'example.org', 'file:///etc/passwd']) {
    const bad = knowledge.contents.add(BASE, { given: { kind: 'url', url } })
    await expect(bad).rejects.toMatchObject({ code: 'INVALID_REQUEST' })
  }
})

test('without uploads that are kept, nothing can be read again, and little is stored', async () => {
  await using knowledge = await openTestKnowledge(place, { options: { keepUploads: false } })
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await countUploadParts(database.db)) === 0)
  await expect(knowledge.contents.refresh(BASE, id)).rejects.toMatchObject({ code: 'CONTENT_NOT_KEPT' })
  await expect(knowledge.contents.describe(BASE, id, { reader: 'markdown' })).rejects.toMatchObject({
    code: 'CONTENT_NOT_KEPT',
  })
})

test('what is said of a content shows in searches at once', async () => {
  await using knowledge = await openTestKnowledge(place)
  const { id } = await addText(knowledge, 'Apples are red.')
  await knowledge.until(async () => (await statusOf(knowledge, id)) === 'completed')
  await knowledge.contents.describe(BASE, id, { name: 'Fruit', metadata: { kind: 'fruit' } })
  const { hits } = await knowledge.search({ knowledgeId: 'base', query: 'apple', filters: [{ kind: 'fruit' }] })
  expect(hits).toMatchObject([{ name: 'Fruit', metadata: { kind: 'fruit' } }])
  expect(await knowledge.metadataKeys(BASE)).toEqual(['kind'])
})

test('embeds contents anew when the embedder changes; words find them all the while', async () => {
  await using folder = await openFolder({})
  const at = (revision: string): Folder => ({ revision, directory: folder.directory, retain: () => () => {} })
  await using before = await openTestKnowledge(place, { embedders: embeddersOf(countingEmbedder('fake:old')) })
  const { id } = await addText(before, 'Apples are red.\nPears are green.')
  await before.until(async () => (await statusOf(before, id)) === 'completed')
  await before.close()
  const gate = Promise.withResolvers<void>()
  const embedder = countingEmbedder('fake:new')
  embedder.before = (texts) => (texts.length > 1 ? gate.promise : undefined)
  await using after = await openTestKnowledge(place, {
    embedders: embeddersOf(embedder),
    folder: () => at('one'),
  })
  await after.until(
    async () => (await after.contents.get(BASE, id)).statusMessage !== '' || embedder.asked.length === 0,
  )
  expect(await search(after, 'apple')).toMatchObject([{ text: 'Apples are red.' }])
  expect(await statusOf(after, id)).toBe('completed')
  gate.resolve()
  await after.until(async () => (await after.contents.get(BASE, id)).embedder === 'fake:new')
  const { hits } = await after.search({ knowledgeId: 'base', query: 'Apples are red.', searchType: 'vector' })
  expect(hits.map(({ text }) => text)).toEqual(['Apples are red.', 'Pears are green.'])
})

test('files of the folder follow the revision: added, changed, removed, once across replicas', async () => {
  await using folder = await openFolder({
    'docs/a.md': 'Apples are red.',
    'docs/deep/b.md': 'Pears.',
    'c.md': 'Plums.',
  })
  const base: KnowledgeInfo = { ...BASE, sources: ['docs/**'], metadata: { from: 'folder' } }
  let revision = 'one'
  const at = (): Folder => ({ revision, directory: folder.directory, retain: () => () => {} })
  const parts = { defined: () => [base], folder: at }
  await using first = await openTestKnowledge(place, parts)
  await using second = await openTestKnowledge(place, parts)
  const outcomes = () => first.outcomes.length + second.outcomes.length
  await first.until(() => outcomes() === 2)
  expect(await search(first, 'apple')).toMatchObject([
    { name: 'a.md', origin: 'docs/a.md', metadata: { from: 'folder' } },
  ])
  expect(await search(first, 'plum')).toEqual([])
  const [found] = await search(first, 'apple')
  await expect(first.contents.refresh(base, found?.contentId ?? '')).rejects.toThrow('belongs to the agents folder')
  await folder.write('docs/a.md', 'Apples are green.')
  await folder.write('docs/c.md', 'Cherries.')
  await folder.remove('docs/deep/b.md')
  revision = 'two'
  await first.until(() => outcomes() === 4)
  expect(await search(first, 'apple')).toMatchObject([{ text: 'Apples are green.', contentId: found?.contentId }])
  await first.until(async () => (await search(first, 'pear')).length === 0)
  expect(await search(first, 'cherry')).toHaveLength(1)
  // The same content under another name: nothing to read.
  revision = 'three'
  await new Promise((resolve) => setTimeout(resolve, 500))
  expect(outcomes()).toBe(4)
})

test('several bases take turns, and each finds its own', async () => {
  const other: KnowledgeInfo = { ...BASE, id: 'other' }
  const read: string[] = []
  const two = Promise.withResolvers<void>()
  // The first is not done before the second is there.
  const reader = lineReader((line) => {
    if (read.push(line) === 2) two.resolve()
    return two.promise
  })
  const idle = await openTestKnowledge(place, { options: { jobs: 0 }, defined: () => [BASE, other] })
  for (const text of ['one', 'two', 'three']) await addText(idle, text)
  await idle.contents.add(other, { given: { kind: 'text', text: 'elsewhere' } })
  await idle.close()
  await using knowledge = await openTestKnowledge(place, { reader, defined: () => [BASE, other], options: { jobs: 2 } })
  await knowledge.until(() => knowledge.outcomes.length === 4)
  expect(read.slice(0, 2).toSorted()).toEqual(['elsewhere', 'one'])
  expect((await knowledge.search({ knowledgeId: 'other', query: 'elsewhere' })).hits).toHaveLength(1)
  expect(await search(knowledge, 'elsewhere')).toEqual([])
  expect(() => knowledge.bases.find()).toThrow('name one as knowledge_id: base, other')
  expect(() => knowledge.bases.find('third')).toThrow("Knowledge base 'third' not found")
})
