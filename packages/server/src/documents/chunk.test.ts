import { expect, test } from 'vitest'
import type { DocumentRequest } from '../base/document.ts'
import { AgentOSError } from '../base/errors.ts'
import { describeChunkers, describeReaders, readersForType } from './describe.ts'
import { checkRequest, planChunks } from './options.ts'
import { failureOf, readAll, upload } from './testing/read.ts'

const CATS = 'Cats sleep for most of the day. Cats purr when they are content. '
const TAXES = 'Taxes are due at the end of the year. Taxes pay for roads and for schools. '

test('SemanticChunker cuts where the meaning changes, and at the size', async () => {
  const embed = async (texts: readonly string[]) =>
    texts.map((text) => Float32Array.of(text.includes('Cats') ? 1 : 0, 0.1, text.includes('Taxes') ? 1 : 0))
  const read = async (chunkSize: number) => {
    const chunks = await readAll(
      { ...upload('a.txt', CATS + TAXES + CATS), chunker: 'SemanticChunker', chunkSize },
      { ports: { embed } },
    )
    return chunks.map(({ text }) => text)
  }
  expect(await read(5000)).toEqual([CATS.trim(), TAXES.trim(), CATS.trim()])
  expect(await read(60)).toHaveLength(6)
})

test('SemanticChunker embeds a long text in several calls and loses nothing of it', async () => {
  const calls: number[] = []
  const embed = async (texts: readonly string[]) => {
    calls.push(texts.length)
    return texts.map((_, index) => Float32Array.of(index % 7 === 0 ? 1 : 0, 1))
  }
  const text = Array.from({ length: 300 }, (_, index) => `This is sentence number ${index}.`).join(' ')
  const chunks = await readAll({ ...upload('a.txt', text), chunker: 'SemanticChunker' }, { ports: { embed } })
  expect(calls).toEqual([128, 128, 44])
  expect(chunks.map((chunk) => chunk.text).join(' ')).toBe(text)
})

test('AgenticChunker cuts where the model says, and where it would itself when the model says nothing of use', async () => {
  const answers = ['32', 'after the second sentence', '-4', '99999']
  const complete = async () => answers.shift() ?? ''
  const chunks = await readAll(
    { ...upload('a.txt', CATS.repeat(4)), chunker: 'AgenticChunker', chunkSize: 70 },
    { ports: { complete } },
  )
  expect(chunks[0]?.text).toBe('Cats sleep for most of the day.')
  expect(chunks.map(({ text }) => text).join(' ')).toBe(CATS.repeat(4).trim())
  for (const { text } of chunks) expect(text.length).toBeLessThanOrEqual(70)
})

test('tells a failure of the embedder by its own code', async () => {
  const embed = async () => {
    throw new AgentOSError('MODEL_RATE_LIMITED', 'too many requests')
  }
  const reading = readAll({ ...upload('a.txt', CATS), chunker: 'SemanticChunker' }, { ports: { embed } })
  expect(await failureOf(reading)).toBe('MODEL_RATE_LIMITED: too many requests')
})

test.each<[string, Partial<DocumentRequest>]>([
  ['chunk_size must be 16 to 100000, got 15', { chunkSize: 15 }],
  ['chunk_size must be 16 to 100000, got 20.5', { chunkSize: 20.5 }],
  ['chunk_overlap must be 0 to less than chunk_size (100), got 100', { chunkSize: 100, chunkOverlap: 100 }],
  ['chunk_overlap must be 0 to less than chunk_size (5000), got -1', { chunkOverlap: -1 }],
  ['SemanticChunker needs an embedder, and none is configured', { chunker: 'SemanticChunker' }],
  ['AgenticChunker needs a model, and none is configured for it', { chunker: 'AgenticChunker' }],
  ['Reader "website" needs a url, not a file or a text', { reader: 'website' }],
  [
    'Reader "field_labeled_csv" cannot be used with RowChunker; it takes none',
    { reader: 'field_labeled_csv', chunker: 'RowChunker' },
  ],
  [
    'Reader "csv" cannot be used with SemanticChunker; it takes RowChunker,',
    { reader: 'csv', chunker: 'SemanticChunker' },
  ],
])('refuses a request: %s', (message, given) => {
  expect(() => checkRequest({ ...upload('a.txt', 'x'), ...given }, {})).toThrow(message)
})

test('fills in what the reader and the chunker are used with', () => {
  expect(planChunks(upload('a', ''), 'markdown')).toEqual({ chunker: 'MarkdownChunker', size: 5000, overlap: 0 })
  expect(planChunks(upload('a', ''), 'excel')).toEqual({ chunker: 'RowChunker', size: 5000, overlap: 0 })
  expect(planChunks({ ...upload('a', ''), chunker: 'CodeChunker' }, 'text')).toEqual({
    chunker: 'CodeChunker',
    size: 2048,
    overlap: 0,
  })
})

test('every reader takes chunkers that there are, and every type has a reader', () => {
  const keys = describeChunkers().map(({ key }) => key)
  for (const { chunkers } of describeReaders()) for (const chunker of chunkers) expect(keys).toContain(chunker)
  const types = readersForType()
  expect(types['url']?.[0]).toBe('website')
  expect(types['.csv']).toEqual(['csv', 'field_labeled_csv'])
  expect(types['.pdf']).toEqual(['pdf'])
})
