import { mkdtempDisposable, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import type { Chunk, DocumentPorts, DocumentReader, DocumentRequest } from '../base/document.ts'
import { createDocumentReader, type DocumentReaderOptions } from './reader.ts'
import { makePdf, makeXlsx } from './testing/files.ts'
import { failureOf, upload } from './testing/read.ts'
import { openWeb } from './testing/web.ts'

const NEVER = new AbortController().signal

function openReader(options: Partial<DocumentReaderOptions> = {}): DocumentReader & AsyncDisposable {
  const reader = createDocumentReader({
    entry: new URL('../documents-worker.ts', import.meta.url),
    clock: systemClock,
    threads: 1,
    heapMb: 128,
    idleMs: 200,
    privateUrls: true,
    pauseMs: 0,
    ...options,
  })
  return { ...reader, [Symbol.asyncDispose]: reader.close }
}

async function readAll(reader: DocumentReader, request: DocumentRequest, signal = NEVER, ports: DocumentPorts = {}) {
  const chunks: Chunk[] = []
  for await (const batch of reader.read(request, signal, ports)) chunks.push(...batch)
  return chunks
}

const rows = (count: number) => Array.from({ length: count }, (_, index) => `row ${index}`).join('\n')

test('reads documents of every source in a thread, one after the other', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'documents-'))
  await using web = await openWeb({ '/a': '<p>a page</p>' })
  await using reader = openReader()
  const path = join(folder.path, 'spooled')
  await writeFile(path, makePdf(['a file']))
  expect(await readAll(reader, upload('a.csv', rows(1000)))).toHaveLength(1000)
  expect(await readAll(reader, { source: { kind: 'file', path, filename: 'a.pdf' } })).toMatchObject([
    { text: 'a file' },
  ])
  expect(await readAll(reader, { source: { kind: 'url', url: `${web.origin}/a` } })).toMatchObject([{ text: 'a page' }])
  expect(await readAll(reader, { source: { kind: 'text', text: 'a text' } })).toMatchObject([{ text: 'a text' }])
})

test('reads as many documents at once as it has threads, the others in their turn', async () => {
  const open: (() => void)[] = []
  await using web = await openWeb(
    Object.fromEntries(
      ['/0', '/1', '/2', '/3'].map((path) => [
        path,
        (_request, response) => open.push(() => response.setHeader('content-type', 'text/plain').end(path)),
      ]),
    ),
  )
  await using reader = openReader({ threads: 2 })
  const reading = ['/0', '/1', '/2', '/3'].map((path) =>
    readAll(reader, { source: { kind: 'url', url: web.origin + path } }),
  )
  await expect.poll(() => open.length, { timeout: 10_000 }).toBe(2)
  await delay(100)
  expect(web.asked).toEqual(expect.arrayContaining(['/0', '/1']))
  expect(web.asked).toHaveLength(2)
  for (const answer of open.splice(0)) answer()
  await expect.poll(() => open.length, { timeout: 10_000 }).toBe(2)
  for (const answer of open.splice(0)) answer()
  expect((await Promise.all(reading)).map(([chunk]) => chunk?.text)).toEqual(['/0', '/1', '/2', '/3'])
})

test('reads ahead of whoever takes the chunks by a few batches and no further', async () => {
  await using reader = openReader()
  const embedded: number[] = []
  const text = Array.from({ length: 20_000 }, (_, index) => `This is sentence number ${index}.`).join(' ')
  const ports = {
    embed: async (texts: readonly string[]) => {
      embedded.push(texts.length)
      return texts.map(() => Float32Array.of(1))
    },
  }
  const request = { ...upload('a.txt', text), chunker: 'SemanticChunker', chunkSize: 40 } as const
  const batches = reader.read(request, NEVER, ports)[Symbol.asyncIterator]()
  expect((await batches.next()).value).toHaveLength(64)
  await delay(500)
  expect(embedded.length).toBeLessThan(10)
  await batches.return?.()
})

test('does not count the time that the chunks wait to be taken', async () => {
  await using reader = openReader({ limits: { timeMs: 1500 } })
  let chunks = 0
  for await (const batch of reader.read(upload('a.csv', rows(1000)), NEVER)) {
    chunks += batch.length
    await delay(200)
  }
  expect(chunks).toBe(1000)
})

test('fails a document that takes too long, and reads the next one in a new thread', async () => {
  await using web = await openWeb({ '/': () => {} })
  await using reader = openReader({ limits: { timeMs: 300 } })
  expect(await failureOf(readAll(reader, { source: { kind: 'url', url: web.origin } }))).toBe(
    'DOCUMENT_TIMEOUT: Reading the document took longer than 300 ms',
  )
  expect(await readAll(reader, { ...upload('a.txt', 'next'), limits: { timeMs: 10_000 } })).toHaveLength(1)
})

test('fails a document that needs too much memory, and only that', async () => {
  await using reader = openReader({ heapMb: 32 })
  const cells = Array.from({ length: 400_000 }, (_, index) => `<row><c><v>${index}.5</v></c></row>`).join('')
  expect(await failureOf(readAll(reader, upload('a.xlsx', makeXlsx([{ name: 'a', rows: cells }]))))).toBe(
    'DOCUMENT_TOO_LARGE: The document needs more than 32 MiB of memory to be read (AGENTOS_DOCUMENT_HEAP_MB)',
  )
  expect(await readAll(reader, upload('a.txt', 'next'))).toHaveLength(1)
}, 60_000)

test('ends with the reason of the signal, while it reads and while it waits for its turn', async () => {
  await using web = await openWeb({ '/': () => {} })
  await using reader = openReader()
  const url = { source: { kind: 'url', url: web.origin } } as const
  const first = new AbortController()
  const second = new AbortController()
  const reading = readAll(reader, url, first.signal)
  const waiting = readAll(reader, url, second.signal)
  const reason = new Error('the content was deleted')
  second.abort(reason)
  await expect(waiting).rejects.toBe(reason)
  first.abort(reason)
  await expect(reading).rejects.toBe(reason)
  await expect(readAll(reader, url, first.signal)).rejects.toBe(reason)
  expect(await readAll(reader, upload('a.txt', 'next'))).toHaveLength(1)
})

test('leaves the thread to others when its chunks are not taken to the end', async () => {
  await using reader = openReader()
  for await (const batch of reader.read(upload('a.csv', rows(100_000)), NEVER)) {
    expect(batch).toHaveLength(64)
    break
  }
  expect(await readAll(reader, upload('a.txt', 'next'))).toHaveLength(1)
})

test('fails what it is reading when it is closed, and takes nothing more', async () => {
  await using web = await openWeb({ '/': () => {} })
  const reader = openReader()
  const failures = [1, 2].map(() => failureOf(readAll(reader, { source: { kind: 'url', url: web.origin } })))
  await expect.poll(() => web.asked, { timeout: 10_000 }).toEqual(['/'])
  await reader.close()
  expect(await Promise.all(failures)).toEqual([
    expect.stringMatching(/^DOCUMENT_READER_STOPPED: /),
    expect.stringMatching(/^DOCUMENT_READER_STOPPED: /),
  ])
  expect(await failureOf(readAll(reader, upload('a.txt', 'x')))).toMatch(/^DOCUMENT_READER_STOPPED: /)
})

test('ends its threads when there is nothing to read, and starts them again', async () => {
  await using reader = openReader({ idleMs: 50 })
  const count = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length
  const before = count()
  await readAll(reader, upload('a.txt', 'x'))
  expect(count()).toBeGreaterThan(before)
  await expect.poll(count, { timeout: 10_000 }).toBe(before)
  expect(await readAll(reader, upload('a.txt', 'next'))).toHaveLength(1)
})

test('its thread sees no environment of the server', async () => {
  const code = 'parentPort.postMessage({ type: "failed", code: "INTERNAL", message: JSON.stringify(process.env) })'
  const entry = new URL(
    `data:text/javascript,import{parentPort}from"node:worker_threads";parentPort.on("message",()=>${code})`,
  )
  await using reader = openReader({ entry })
  expect(await failureOf(readAll(reader, upload('a.txt', 'x')))).toBe('INTERNAL: {}')
})
