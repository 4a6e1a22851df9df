import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Json } from '../../base/json.ts'
import { toCondition } from '../../base/knowledge-filter.ts'
import {
  abandonWriting,
  beginWriting,
  deleteDocuments,
  findVectors,
  listUnembedded,
  publishChunks,
  setVectors,
  vectorText,
  writeChunks,
} from './chunks.ts'
import { hasMoreVectors, indexedDimensions, makeVectorIndex } from './vector-index.ts'
import { EXACT_CHUNKS, searchChunks } from './search.ts'
import { type KnowledgeStore, openKnowledgeStore } from './store.ts'
import { openTestDatabase, type TestDatabase } from '../testing/database.ts'

const FACTS = { knowledgeId: 'base', origin: null, size: null }
const EMBEDDER = 'fake:words'

type Given = {
  readonly text: string
  readonly vector?: readonly number[]
  readonly metadata?: Readonly<Record<string, Json>>
}

let database: TestDatabase
let store: KnowledgeStore

beforeAll(async () => {
  database = await openTestDatabase()
  store = await openKnowledgeStore(database, 'english')
}, 120_000)
afterAll(() => database.close())

/** Writes and publishes a document. */
async function add(
  store: KnowledgeStore,
  contentId: string,
  chunks: readonly Given[],
  facts: {
    readonly knowledgeId?: string
    readonly metadata?: Readonly<Record<string, Json>>
    readonly version?: number
  } = {},
): Promise<void> {
  const version = facts.version ?? 1
  const writing = { contentId, version, attempt: version }
  const about = { ...FACTS, name: contentId, metadata: {}, ...facts }
  expect(await beginWriting(store.database.db, writing, about)).toEqual({ published: undefined })
  const rows = chunks.map(({ text, vector, metadata = {} }, index) => ({
    index,
    text,
    metadata,
    hash: text,
    vector: vector === undefined ? null : vectorText(new Float32Array(vector)),
  }))
  expect(await writeChunks(store, writing, EMBEDDER, rows)).toBe(true)
  expect(await publishChunks(store, writing, chunks.length)).toBe(true)
}

function search(store: KnowledgeStore, query: string, options: Partial<Parameters<typeof searchChunks>[1]> = {}) {
  return searchChunks(store, { knowledgeId: 'base', query, type: 'keyword', limit: 10, ...options })
}

const by = (values: readonly number[]) => ({ embedder: EMBEDDER, values: new Float32Array(values) })
const texts = (hits: readonly { readonly text: string }[]) => hits.map(({ text }) => text)

beforeEach(async () => {
  await sql`truncate ai.agentos_documents cascade`.execute(database.db)
})

test('finds words by their stems, those with all of them first', async () => {
  await add(store, 'a', [
    { text: 'Refunds are paid within a week.', metadata: { page: 3 } },
    { text: 'A refund of shoes needs the box.' },
    { text: 'Nothing about it.' },
  ])
  const hits = await search(store, 'refunding a shoe')
  expect(texts(hits)).toEqual(['A refund of shoes needs the box.', 'Refunds are paid within a week.'])
  expect(hits[1]).toMatchObject({ id: 'a:0', contentId: 'a', name: 'a', metadata: { page: 3 } })
  expect(await search(store, 'the')).toEqual([])
  expect(texts(await search(store, '"the box" -week'))[0]).toBe('A refund of shoes needs the box.')
})

test('finds the nearest vectors, of this base and this embedder only', async () => {
  await add(store, 'a', [
    { text: 'north', vector: [0, 1, 0] },
    { text: 'east', vector: [1, 0, 0] },
    { text: 'north-east', vector: [1, 1, 0] },
  ])
  await add(store, 'b', [{ text: 'elsewhere', vector: [0, 1, 0] }], { knowledgeId: 'other' })
  const near = { type: 'vector', vector: by([0.1, 1, 0]), limit: 2 } as const
  const hits = await search(store, 'up', near)
  expect(texts(hits)).toEqual(['north', 'north-east'])
  expect(hits[0]?.score).toBeCloseTo(0.995, 3)
  expect(await search(store, 'up', { ...near, vector: { ...near.vector, embedder: 'fake:other' } })).toEqual([])
  // Another length under the same name: nothing that could be compared.
  expect(await search(store, 'up', { ...near, vector: by([1, 0]) })).toEqual([])
})

test('joins the ranks of both ways', async () => {
  await add(store, 'a', [
    { text: 'apple pie', vector: [0, 1] },
    { text: 'apple tree', vector: [1, 0] },
    { text: 'pear', vector: [0.9, 0.1] },
    { text: 'stone', vector: [-1, 0] },
  ])
  const hits = await search(store, 'apple', { type: 'hybrid', vector: by([1, 0]), limit: 3 })
  // Second by words and first by vector; then first and third; then second by vector alone.
  expect(texts(hits)).toEqual(['apple tree', 'apple pie', 'pear'])
  expect(hits[0]?.score).toBeGreaterThan(hits[1]?.score ?? 1)
})

test('shows one version of a document, whole: the old one until the new one is published', async () => {
  await add(store, 'a', [{ text: 'old apple' }, { text: 'older apple' }])
  const writing = { contentId: 'a', version: 2, attempt: 2 }
  await beginWriting(store.database.db, writing, { ...FACTS, name: 'new name', metadata: {} })
  await writeChunks(store, writing, EMBEDDER, [{ index: 0, text: 'new apple', metadata: {}, hash: 'n', vector: null }])
  expect(texts(await search(store, 'apple')).toSorted()).toEqual(['old apple', 'older apple'])
  expect(await publishChunks(store, writing, 1)).toBe(true)
  expect(await search(store, 'apple')).toMatchObject([{ text: 'new apple', name: 'new name' }])
  const { rows } = await sql`select from ai.agentos_chunks`.execute(store.database.db)
  expect(rows).toHaveLength(1)
})

test('writes of an attempt that was overtaken do not count, nor those of a document that is gone', async () => {
  const first = { contentId: 'a', version: 1, attempt: 1 }
  const second = { contentId: 'a', version: 1, attempt: 2 }
  const about = { ...FACTS, name: 'a', metadata: {} }
  const chunk = { index: 0, text: 'apple', metadata: {}, hash: 'h', vector: null }
  await beginWriting(store.database.db, first, about)
  await beginWriting(store.database.db, second, about)
  expect(await beginWriting(store.database.db, first, about)).toBeUndefined()
  expect(await writeChunks(store, first, null, [chunk])).toBe(false)
  expect(await publishChunks(store, first, 1)).toBe(false)
  expect(await writeChunks(store, second, null, [chunk])).toBe(true)
  await deleteDocuments(store, 'other', ['a'])
  expect(await publishChunks(store, second, 1)).toBe(true)
  expect(await beginWriting(store.database.db, { ...second, attempt: 3 }, about)).toEqual({ published: 1 })
  await deleteDocuments(store, 'base', ['a'])
  expect(await writeChunks(store, { ...second, attempt: 3 }, null, [chunk])).toBe(false)
  expect(await search(store, 'apple')).toEqual([])
})

test('what an attempt that failed has written is gone, what was published before stays', async () => {
  await add(store, 'a', [{ text: 'old apple' }])
  const writing = { contentId: 'a', version: 2, attempt: 2 }
  await beginWriting(store.database.db, writing, { ...FACTS, name: 'a', metadata: {} })
  await writeChunks(store, writing, null, [{ index: 0, text: 'new apple', metadata: {}, hash: 'n', vector: null }])
  await abandonWriting(store, writing)
  expect(texts(await search(store, 'apple'))).toEqual(['old apple'])
  expect(await writeChunks(store, writing, null, [])).toBe(false)
})

test('vectors are found again by their text, and chunks that have none of an embedder are listed', async () => {
  await add(store, 'a', [{ text: 'x', vector: [1, 2] }, { text: 'y' }])
  expect(await findVectors(store, EMBEDDER, ['x', 'y', 'z'])).toEqual(new Map([['x', '[1,2]']]))
  expect(await findVectors(store, 'fake:other', ['x'])).toEqual(new Map())
  const missing = await listUnembedded(store, 'a', EMBEDDER, { after: -1, limit: 10 })
  expect(missing).toMatchObject([{ index: 1, text: 'y' }])
  await setVectors(
    store,
    'a',
    EMBEDDER,
    missing.map((chunk) => ({ ...chunk, vector: '[0,1]' })),
  )
  expect(await listUnembedded(store, 'a', EMBEDDER, { after: -1, limit: 10 })).toEqual([])
  expect(texts(await search(store, '?', { type: 'vector', vector: by([0, 1]), limit: 1 }))).toEqual(['y'])
})

const FILTERS: readonly [filter: object, found: readonly string[]][] = [
  [{ color: 'red' }, ['a']],
  [{ op: 'EQ', key: 'year', value: 2024 }, ['a']],
  [{ op: 'EQ', key: 'year', value: '2024' }, ['a']],
  [{ op: 'EQ', key: 'tags', value: 'x' }, ['a']],
  [{ op: 'NEQ', key: 'color', value: 'red' }, ['b', 'c']],
  [{ op: 'IN', key: 'color', values: ['red', 'blue'] }, ['a', 'b']],
  [{ op: 'GT', key: 'year', value: 2024 }, ['b']],
  [{ op: 'GTE', key: 'year', value: 2024 }, ['a', 'b']],
  [{ op: 'LT', key: 'year', value: 2025 }, ['a']],
  [{ op: 'LTE', key: 'date', value: '2026-01-31' }, ['a']],
  [{ op: 'CONTAINS', key: 'color', value: 'LU' }, ['b']],
  [{ op: 'STARTSWITH', key: 'color', value: 're' }, ['a']],
  [{ op: 'NOT', condition: { op: 'EQ', key: 'color', value: 'red' } }, ['b', 'c']],
  [{ op: 'AND', conditions: [{ color: 'red' }, { year: 2025 }] }, []],
  [{ op: 'OR', conditions: [{ color: 'red' }, { year: 2025 }] }, ['a', 'b']],
  [{ op: 'OR', conditions: [] }, []],
  [{}, ['a', 'b', 'c']],
  [{ page: 2 }, ['b']],
  [{ op: 'EQ', key: "x' or true --", value: 1 }, []],
  [{ op: 'EQ', key: 'nothing', value: null }, ['c']],
]

test('filters by any expression, whatever is searched by', async () => {
  await add(store, 'a', [{ text: 'apple a', vector: [1, 0], metadata: { page: 1 } }], {
    metadata: { color: 'red', year: 2024, tags: ['x', 'y'], date: '2026-01-02' },
  })
  await add(store, 'b', [{ text: 'apple b', vector: [1, 0], metadata: { page: 2 } }], {
    metadata: { color: 'blue', year: 2025 },
  })
  await add(store, 'c', [{ text: 'apple c', vector: [1, 0] }], { metadata: { year: 'unknown', nothing: null } })
  for (const [filter, expected] of FILTERS) {
    const condition = toCondition([filter as never])
    for (const type of ['keyword', 'vector', 'hybrid'] as const) {
      const hits = await search(store, 'apple', { type, vector: by([1, 0]), condition })
      expect([filter, type, hits.map(({ contentId }) => contentId).toSorted()]).toEqual([filter, type, expected])
    }
  }
})

test('no filter and no question breaks the statement, or anything else', async () => {
  await add(store, 'a', [{ text: 'apple', vector: [1, 0] }])
  const odd = fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => text.replaceAll('\0', ''))
  const operator = fc.constantFrom('EQ', 'NEQ', 'GT', 'LT', 'CONTAINS', 'STARTSWITH')
  await fc.assert(
    fc.asyncProperty(odd, odd, odd, operator, async (query, key, value, op) => {
      const condition = toCondition([{ op, key: `k${key}`, value }])
      await search(store, query, { type: 'hybrid', vector: by([1, 0]), condition })
    }),
    { numRuns: 50 },
  )
  expect(texts(await search(store, 'apple'))).toEqual(['apple'])
})

test('finds through the index what comparing all would find, filters included', async () => {
  const count = EXACT_CHUNKS + 500
  const chunks = Array.from({ length: count }, (_, index) => {
    const angle = (index / count) * Math.PI
    return { text: `chunk ${index}`, vector: [Math.cos(angle), Math.sin(angle), 0.01] }
  })
  await add(store, 'a', chunks, { metadata: { kind: 'many' } })
  await add(store, 'b', [{ text: 'rare', vector: [0, 1, 0.01] }], { metadata: { kind: 'rare' } })
  expect(await hasMoreVectors(store, EMBEDDER, EXACT_CHUNKS)).toBe(true)
  const query = { type: 'vector', vector: by([0.5, 0.5, 0]), limit: 5 } as const
  const before = texts(await search(store, '?', query))
  expect(await makeVectorIndex(store, 3)).toBe(true)
  expect(await indexedDimensions(store)).toEqual([3])
  expect(texts(await search(store, '?', query)).toSorted()).toEqual(before.toSorted())
  const rare = await search(store, '?', { ...query, condition: toCondition([{ kind: 'rare' }]) })
  expect(texts(rare)).toEqual(['rare'])
  const plan = await explain(store)
  expect(plan).toContain('agentos_chunks_hnsw_3')
})

/** The plan of a search by vectors through the index. */
async function explain(store: KnowledgeStore): Promise<string> {
  const { rows } = await sql<{ 'QUERY PLAN': string }>`
    explain select from ai.agentos_chunks c
    where c.knowledge_id = 'base' and c.embedder = ${EMBEDDER} and vector_dims(c.embedding) = 3
      and (select d.version = c.version from ai.agentos_documents d where d.content_id = c.content_id)
    order by (c.embedding::vector(3)) <=> '[1,0,0]'::vector(3) limit 5`.execute(store.database.db)
  return rows.map((row) => row['QUERY PLAN']).join('\n')
}
