import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { readMultipart } from './form.ts'

async function openDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'agentos-spool-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

const TYPE = 'multipart/form-data; boundary=b'
const part = (disposition: string, text: string) =>
  `--b\r\ncontent-disposition: form-data; ${disposition}\r\ncontent-type: Text/Plain; charset=x\r\n\r\n${text}\r\n`
const file = (field: string, text: string) => part(`name="${field}"; filename="a.txt"`, text)

function receive(directory: string, body: string) {
  const files = { fields: ['file', 'files'], directory, fileBytes: 100, totalBytes: 150, count: 3 }
  return readMultipart(Readable.from([Buffer.from(body)]), TYPE, { fieldBytes: 50, files })
}

test('puts files on disk, with their size and hash, until they are discarded', async () => {
  await using directory = await openDirectory()
  const form = await receive(directory.path, `${part('name="name"', 'x')}${file('file', 'hello')}--b--`)
  expect(form.fields).toEqual({ name: 'x' })
  const [upload] = form.uploads
  expect(upload).toMatchObject({
    field: 'file',
    filename: 'a.txt',
    mimeType: 'text/plain',
    bytes: 5,
    sha256: createHash('sha256').update('hello').digest('hex'),
  })
  expect(await readFile(upload?.path ?? '', 'utf8')).toBe('hello')
  await form.discard()
  expect(await readdir(directory.path)).toEqual([])
})

test('takes an empty field of a browser for none', async () => {
  await using directory = await openDirectory()
  const form = await receive(directory.path, `${part('name="file"; filename=""', '')}--b--`)
  expect([form.fields, form.files, form.uploads]).toEqual([{}, [], []])
})

test.each([
  ['a file that is too large', file('file', 'x'.repeat(101)), 'BODY_TOO_LARGE'],
  ['files that are too large together', file('file', 'x'.repeat(90)) + file('file', 'x'.repeat(90)), 'BODY_TOO_LARGE'],
  ['too many files', file('file', '1').repeat(4), 'BODY_TOO_LARGE'],
  ['fields that are too large', part('name="a"', 'x'.repeat(51)), 'BODY_TOO_LARGE'],
  ['a file in a field that takes none', file('other', 'x'), 'INVALID_REQUEST'],
  ['an end within a file', file('file', 'x').slice(0, -10), 'INVALID_REQUEST', ''],
])('refuses %s, and leaves nothing on disk', async (_, body, code, end = '--b--') => {
  await using directory = await openDirectory()
  await expect(receive(directory.path, `${file('file', 'first')}${body}${end}`)).rejects.toMatchObject({ code })
  expect(await readdir(directory.path)).toEqual([])
})
