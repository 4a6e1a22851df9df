import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiError, createClient } from '@agentos/wire/client'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { RemoteSource } from '../../base/document.ts'
import { BASE, lineReader, openTestKnowledge, type TestKnowledge } from '../../knowledge/testing/knowledge.ts'
import { type KnowledgeStore, openKnowledgeStore } from '../../storage/knowledge/store.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { clearKnowledge } from '../../storage/testing/knowledge.ts'
import { createTestApp, type TestApp } from '../testing/test-app.ts'

const BUCKET: RemoteSource = {
  id: 'bucket',
  name: 'A bucket',
  type: 's3',
  prefix: 'docs/',
  metadata: undefined,
  list: async (prefix, { cursor }) => ({
    folders: cursor === undefined ? [{ prefix: `${prefix}old/`, name: 'old' }] : [],
    files: [{ key: `${prefix}${cursor ?? 'a'}.txt`, name: 'a.txt', size: 5, lastModified: 0, contentType: null }],
    cursor: cursor === undefined ? 'b' : undefined,
  }),
  read: async () => ({ filename: 'a.txt', mimeType: 'text/plain', body: textBody('From afar.') }),
}

async function* textBody(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

/** Documents that begin with `Slow` wait for it. */
const slow = Promise.withResolvers<void>()

let database: TestDatabase
let store: KnowledgeStore
let directory: string
let knowledge: TestKnowledge
let server: TestApp
let url: string
let client: ReturnType<typeof createClient>

beforeAll(async () => {
  database = await openTestDatabase()
  store = await openKnowledgeStore(database, 'english')
  directory = await mkdtemp(join(tmpdir(), 'agentos-uploads-'))
  knowledge = await openTestKnowledge(
    { database, store },
    {
      reader: lineReader((line) => (line.startsWith('Slow') ? slow.promise : undefined)),
      remotes: [BUCKET],
      abilities: {
        readers: [{ id: 'text', name: 'TextReader', description: '', chunkers: ['SemanticChunker'], contentTypes: [] }],
        chunkers: [
          { key: 'SemanticChunker', name: 'SemanticChunker', description: '', needs: 'embed' },
          { key: 'AgenticChunker', name: 'AgenticChunker', description: '', needs: 'complete' },
        ],
        readersForType: { '.txt': ['text'] },
        hasModel: false,
      },
    },
  )
  server = await createTestApp({ database, knowledge, settings: { uploadDirectory: directory } })
  url = await server.listen()
  client = createClient({ baseUrl: url })
}, 120_000)
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await knowledge?.close()
  await database?.close()
  await rm(directory, { recursive: true, force: true })
})
beforeEach(async () => {
  await clearKnowledge(database.db)
})

const isRead = (id: string) => knowledge.until(async () => (await client.knowledge.status(id)).status === 'completed')

test('takes a file, reads it and finds it; nothing of the upload stays on disk', async () => {
  const file = new File(['Apples are red.\nPears are green.'], 'fruit.txt', { type: 'text/plain' })
  const added = await client.knowledge.upload(file, { metadata: '{"kind":"fruit"}', description: 'About fruit' })
  expect(added).toMatchObject({
    name: 'fruit.txt',
    description: 'About fruit',
    type: 'text/plain',
    size: '32',
    metadata: { kind: 'fruit' },
    status: 'processing',
    linked_to: null,
    access_count: null,
  })
  await isRead(added.id)
  const { data, meta } = await client.knowledge.search({ query: 'red apple', filters: { kind: 'fruit' } })
  expect(data).toMatchObject([
    {
      content: 'Apples are red.',
      name: 'fruit.txt',
      content_id: added.id,
      content_origin: 'fruit.txt',
      meta_data: { kind: 'fruit' },
      reranking_score: null,
      usage: null,
    },
  ])
  expect(meta).toMatchObject({ page: 1, limit: 20, total_count: 1 })
  expect(await readdir(directory)).toEqual([])
  expect(await client.knowledge.get(added.id)).toMatchObject({ status: 'completed', size: '32' })
})

test('a search that finds nothing says what is still being read; others say nothing', async () => {
  const { id } = await client.knowledge.add({ text_content: 'Slow plums are blue.' })
  const early = await client.knowledge.search({ query: 'plums' })
  expect(early).toMatchObject({ data: [], notes: [expect.stringMatching(/^1 document .* is still being read/)] })
  slow.resolve()
  await isRead(id)
  const found = await client.knowledge.search({ query: 'plums' })
  expect([found.data.length, 'notes' in found]).toEqual([1, false])
  expect('notes' in (await client.knowledge.search({ query: 'cherries' }))).toBe(false)
})

test('takes texts and remote files; lists a page of them in order', async () => {
  const text = await client.knowledge.add({ text_content: 'Plums are blue.', name: 'b' })
  const remote = await client.knowledge.addRemote({ config_id: 'bucket', path: 'docs/a.txt', name: 'a' })
  expect([text.type, remote.type]).toEqual(['manual', null])
  await isRead(text.id)
  await isRead(remote.id)
  expect((await client.knowledge.search({ query: 'afar' })).data).toMatchObject([{ content: 'From afar.' }])
  const page = await client.knowledge.list({ sort_by: 'name', sort_order: 'asc', limit: 1 })
  expect([page.data.map(({ name }) => name), page.meta.total_count, page.meta.total_pages]).toEqual([['a'], 2, 2])
  const last = await client.knowledge.list({ sort_by: 'unknown', limit: 1, page: 2 })
  expect(last.data.map(({ name }) => name)).toEqual(['b'])
})

test('changes, reads anew and deletes', async () => {
  const { id } = await client.knowledge.add({ text_content: 'Plums are blue.' })
  await isRead(id)
  expect(await client.knowledge.update(id, { name: 'Plums', metadata: '{"a":1}' })).toMatchObject({
    name: 'Plums',
    metadata: { a: 1 },
    status: 'completed',
  })
  expect(await client.knowledge.update(id, { reader_id: 'TextReader' })).toMatchObject({ status: 'processing' })
  await isRead(id)
  expect(await client.knowledge.refresh(id)).toMatchObject({ status: 'processing' })
  await isRead(id)
  expect(await client.knowledge.config()).toMatchObject({ filters: ['a'] })
  expect(await client.knowledge.delete(id)).toEqual({ id })
  expect((await client.knowledge.search({ query: 'plums' })).data).toEqual([])
  await client.knowledge.add({ text_content: 'Pears are green.' })
  expect(await client.knowledge.deleteAll()).toBe('success')
  expect((await client.knowledge.list()).data).toEqual([])
})

test('says what can be read, and how it is searched', async () => {
  const config = await client.knowledge.config()
  expect(config).toMatchObject({
    readers: { text: { chunkers: [] } },
    readersForType: { '.txt': ['text'] },
    chunkers: {},
    vector_dbs: [{ search_types: ['keyword'], description: 'no embedder is configured' }],
    remote_content_sources: [{ id: 'bucket', type: 's3', prefix: 'docs/' }],
    unavailable_chunkers: {
      SemanticChunker: { reason: 'It needs an embedder, and none is configured' },
      AgenticChunker: { reason: 'It needs a model, and AGENTOS_DEFAULT_MODEL names none' },
    },
  })
  expect(await client.knowledge.sources('base')).toMatchObject([{ id: 'bucket', name: 'A bucket', metadata: null }])
  const first = await client.knowledge.sourceFiles('base', 'bucket')
  expect(first).toMatchObject({
    prefix: 'docs/',
    folders: [{ prefix: 'docs/old/', name: 'old', is_empty: false }],
    files: [{ key: 'docs/a.txt', size: 5, last_modified: '1970-01-01T00:00:00Z' }],
  })
  const second = await client.knowledge.sourceFiles('base', 'bucket', { page: 2, prefix: 'x/' })
  expect(second).toMatchObject({ prefix: 'x/', folders: [], files: [{ key: 'x/b.txt' }] })
})

const text = { text_content: 'x y z' }

test.each([
  [{}, 400, 'Provide a file, text_content, or URL'],
  [{ text_content: ' ' }, 422, 'empty'],
  [{ url: 'ftp://example.org/a' }, 400, 'not an address of the web'],
  [{ url: '["http://a","http://b"]' }, 400, 'single non-empty string'],
  [{ ...text, reader_id: 'docling' }, 400, 'Invalid reader_id: docling; there are website'],
  [{ ...text, chunker: 'Slicer' }, 400, 'Invalid chunker: Slicer'],
  [{ ...text, chunk_size: 'many' }, 422, ''],
  [{ ...text, metadata: '{"a":"\\u0000"}' }, 400, 'metadata'],
])('refuses %j before anything is stored', async (form, status, detail) => {
  const answer = await fetch(`${url}/knowledge/content`, { method: 'POST', body: new URLSearchParams(form) })
  expect([answer.status, JSON.stringify(await answer.json())]).toEqual([status, expect.stringContaining(detail)])
  expect((await client.knowledge.list()).meta.total_count).toBe(0)
})

test('metadata that is no object becomes a value; a patch wants an object', async () => {
  const { id, metadata } = await client.knowledge.add({ ...text, metadata: 'draft' })
  expect(metadata).toEqual({ value: 'draft' })
  await expect(client.knowledge.update(id, { metadata: '[1]' })).rejects.toMatchObject({ status: 400 })
})

test('a file that is too large is refused, and nothing of it stays', async () => {
  const file = new File([new Uint8Array(1024 * 1024 + 1)], 'big.bin')
  await expect(client.knowledge.upload(file)).rejects.toMatchObject({ status: 413 })
  expect(await readdir(directory)).toEqual([])
})

async function statusesOf(answers: readonly Promise<unknown>[]): Promise<unknown[]> {
  return (await Promise.allSettled(answers)).map((answer) =>
    answer.status === 'rejected' && answer.reason instanceof ApiError ? answer.reason.status : answer.status,
  )
}

test('what is not there is 404, another database too; filters and kinds of searches that cannot be are 400', async () => {
  const missing = [
    client.knowledge.get('x'),
    client.knowledge.status('x'),
    client.knowledge.update('x', { name: 'y' }),
    client.knowledge.refresh('x'),
    client.knowledge.delete('x'),
    client.knowledge.list({ knowledge_id: 'other' }),
    client.knowledge.list({ db_id: 'other' }),
    client.knowledge.sources('other'),
    client.knowledge.sourceFiles(BASE.id, 'other'),
  ]
  expect(await statusesOf(missing)).toEqual(missing.map(() => 404))
  const wrong = [
    client.knowledge.search({ query: 'x', filters: { op: 'LIKE', key: 'a', value: 1 } }),
    client.knowledge.search({ query: 'x', search_type: 'vector' }),
    client.knowledge.search({ query: 'x', vector_db_ids: ['other'] }),
    client.knowledge.addRemote({ config_id: 'other', path: 'a' }),
    client.knowledge.addRemote({ config_id: 'bucket', path: 'docs/' }),
  ]
  expect(await statusesOf(wrong)).toEqual(wrong.map(() => 400))
  expect((await client.knowledge.search({ query: ' ' })).data).toEqual([])
})
