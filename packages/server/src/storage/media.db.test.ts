import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Media } from '../base/media.ts'
import { forkRun } from './runs/fork-run.ts'
import { forkSession } from './sessions/fork-session.ts'
import {
  addMedia,
  CHUNK_BYTES,
  deleteUnusedContents,
  dropPassingMedia,
  findMedia,
  readContent,
  storeContent,
} from './media.ts'
import { createRun, finishRun } from './runs/runs.ts'
import { deleteSessions } from './sessions/sessions.ts'
import { openTestDatabase, type TestDatabase } from './testing/database.ts'
import { runEnd, newRun } from './testing/new-run.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await openTestDatabase()
})
afterAll(() => database.close())

const describeBytes = (content: Uint8Array) => ({
  hash: createHash('sha256').update(content).digest('hex'),
  bytes: content.length,
})
async function store(content: Uint8Array, pieces: Iterable<Uint8Array> = [content]): Promise<Media> {
  const stored = describeBytes(content)
  await storeContent(database.db, { ...stored, pieces })
  return { id: randomUUID(), kind: 'image', mimeType: 'image/png', name: 'a.png', stored }
}
async function read(hash: string): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readContent(database.db, hash)) chunks.push(chunk)
  return Buffer.concat(chunks)
}
async function begin(media: Media[], given: Parameters<typeof newRun>[0] = {}) {
  const run = newRun({ media, options: { media }, ...given })
  await createRun(database.db, run)
  return run
}
const countChunks = async (hash: string) =>
  (
    await sql<{ n: number }>`select count(*) as n from agentos_media_chunks where content_hash = ${hash}`.execute(
      database.db,
    )
  ).rows[0]?.n
const clean = () => deleteUnusedContents(database.db, { unusedMinutes: 0, batch: 100 })

test('bytes come back as they were, whatever pieces they came in', async () => {
  const content = randomBytes(2 * CHUNK_BYTES + 17)
  const pieces = [content.subarray(0, 1), content.subarray(1, CHUNK_BYTES + 5), content.subarray(CHUNK_BYTES + 5)]
  const { stored } = await store(content, pieces)
  expect(await read(stored!.hash)).toEqual(content)
  expect(await countChunks(stored!.hash)).toBe(3)
  expect(await read('no such hash')).toHaveLength(0)
})

test('of a part no more is read than it takes', async () => {
  const bytes = randomBytes(3 * CHUNK_BYTES + 10)
  const { stored } = await store(bytes)
  const lengthsOf = async (first: number, last: number) => {
    const pieces: Uint8Array[] = []
    for await (const piece of readContent(database.db, stored!.hash, { first, last })) pieces.push(piece)
    expect(Buffer.concat(pieces).equals(bytes.subarray(first, last + 1))).toBe(true)
    return pieces.map(({ length }) => length)
  }
  expect(await lengthsOf(0, 0)).toEqual([1])
  expect(await lengthsOf(CHUNK_BYTES - 1, CHUNK_BYTES)).toEqual([1, 1])
  expect(await lengthsOf(CHUNK_BYTES, 2 * CHUNK_BYTES - 1)).toEqual([CHUNK_BYTES])
  expect(await lengthsOf(100, 3 * CHUNK_BYTES)).toEqual([CHUNK_BYTES - 100, CHUNK_BYTES, CHUNK_BYTES, 1])
  expect(await lengthsOf(bytes.length - 1, bytes.length - 1)).toEqual([1])
})

test('bytes that several bring at once, or that were left half-way, stand there once and whole', async () => {
  const content = randomBytes(3 * CHUNK_BYTES)
  const { hash } = describeBytes(content)
  async function* breaksOff() {
    yield content.subarray(0, CHUNK_BYTES + 1)
    throw new Error('gone')
  }
  await expect(storeContent(database.db, { hash, bytes: content.length, pieces: breaksOff() })).rejects.toThrow('gone')
  await Promise.all([store(content), store(content), store(content)])
  expect(await read(hash)).toEqual(content)
})

test('what a run brings belongs to its session alone', async () => {
  const media = await store(randomBytes(10))
  const run = await begin([media])
  expect(await findMedia(database.db, run.sessionId, media.id)).toEqual({
    mediaId: media.id,
    hash: media.stored!.hash,
    bytes: 10,
    mimeType: 'image/png',
    name: 'a.png',
  })
  expect(await findMedia(database.db, 'another', media.id)).toBeUndefined()
  expect(await findMedia(database.db, run.sessionId, 'another')).toBeUndefined()
})

test('a fork of a run and a copy of a session have what their source has', async () => {
  const media = await store(randomBytes(10))
  const run = await begin([media])
  await finishRun(database.db, runEnd(run))
  const forked = await forkRun(database.db, {
    runId: randomUUID(),
    source: run.runId,
    messageIndex: 0,
    message: null,
    owner: null,
    leaseMs: 1000,
    revision: null,
    regenerated: false,
    replaceOriginal: false,
    streamed: false,
    background: true,
    priority: 0,
    maxAttempts: 3,
    links: [],
  })
  expect(forked?.run.options.media).toEqual([media])
  const copy = randomUUID()
  await forkSession(database.db, { sessionId: run.sessionId, newSessionId: copy, userId: null, newId: randomUUID })
  await deleteSessions(database.db, [run.sessionId])
  await clean()
  expect(await findMedia(database.db, copy, media.id)).toBeDefined()
  expect(await read(media.stored!.hash)).toHaveLength(10)
})

test('bytes go with the last run that refers to them', async () => {
  const content = randomBytes(10)
  const first = await begin([await store(content)])
  const second = await begin([await store(content)])
  const { hash } = describeBytes(content)
  await deleteSessions(database.db, [first.sessionId])
  await clean()
  expect(await read(hash)).toHaveLength(10)
  await deleteSessions(database.db, [second.sessionId])
  expect(await deleteUnusedContents(database.db, { unusedMinutes: 1, batch: 100 })).toBe(0)
  await clean()
  expect(await countChunks(hash)).toBe(0)
})

test('what a run was not to keep goes once it is over, and not before', async () => {
  const media = await store(randomBytes(10))
  const run = await begin([media], { keepMedia: false })
  const made = await store(randomBytes(11))
  expect(await addMedia(database.db, run.runId, made, false)).toBe(true)
  expect(await dropPassingMedia(database.db)).toBe(0)
  await finishRun(database.db, runEnd(run))
  expect(await dropPassingMedia(database.db)).toBe(2)
  expect(await findMedia(database.db, run.sessionId, media.id)).toBeUndefined()
})

test('a run that is gone refers to nothing', async () => {
  expect(await addMedia(database.db, randomUUID(), await store(randomBytes(3)), true)).toBe(false)
})
