import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CHUNK_BYTES } from '../../storage/media.ts'
import { openTestDatabase, type TestDatabase } from '../../storage/testing/database.ts'
import { countContents } from '../../storage/testing/media.ts'
import { COMPLETED } from '../testing/fake-runs.ts'
import { openReplica, type Replica } from '../testing/replica.ts'

let database: TestDatabase
let server: Replica

beforeAll(async () => {
  database = await openTestDatabase()
  server = await openReplica(database)
  // As a worker does: the question is part of the transcript, with what is attached to it.
  server.play = ({ job, handlers }) => {
    const { media } = job.request
    const user = { role: 'user', id: 'u', createdAt: 0, content: job.input, ...(media && { media }) } as const
    handlers.onDone({ ...COMPLETED, uncommitted: [user] })
  }
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database.close()
})

const PNG = Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), randomBytes(700_000)])

type Part = readonly [name: string, content: string | Buffer, filename?: string, type?: string]
function upload(parts: readonly Part[], headers: Record<string, string> = {}) {
  const boundary = 'xyz'
  const body = parts.map(([name, content, filename, type]) =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n` +
          `${type === undefined ? '' : `content-type: ${type}\r\n`}\r\n`,
      ),
      Buffer.from(content),
      Buffer.from('\r\n'),
    ]),
  )
  return server.app.inject({
    method: 'POST',
    url: '/agents/assistant/runs',
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}`, ...headers },
    payload: Buffer.concat([...body, Buffer.from(`--${boundary}--\r\n`)]),
  })
}
const run = (body: object) =>
  server.app.inject({
    method: 'POST',
    url: '/agents/assistant/runs',
    payload: { message: 'See', stream: false, ...body },
  })
const ASK: Part[] = [
  ['message', 'What is it?'],
  ['stream', 'false'],
]
test('files of a form are kept apart from the run, shown in it by reference, and served as they were', async () => {
  const answer = await upload([
    ...ASK,
    ['session_id', 'uploads'],
    ['user_id', 'ann'],
    ['files_metadata', '[{"page": 1}]'],
    ['files', PNG, 'a (b) ü.png', 'image/png'],
    ['files', '# Notes', 'notes.md', 'application/octet-stream'],
  ])
  expect(answer.statusCode).toBe(200)
  const { images, files } = answer.json().input
  expect(images).toEqual([
    {
      id: expect.any(String),
      mime_type: 'image/png',
      format: 'png',
      metadata: { page: 1 },
      media_reference: {
        media_id: images[0].id,
        storage_key: images[0].id,
        session_id: 'uploads',
        storage_backend: 'agentos',
        mime_type: 'image/png',
        filename: expect.stringMatching(/ü\.png$/),
        size: PNG.length,
        content_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
        media_type: 'image',
      },
    },
  ])
  expect(files[0]).toMatchObject({ mime_type: 'text/markdown', filename: 'notes.md', size: 7, format: 'md' })
  expect(answer.json().messages[0].images).toEqual(images)

  const listed = await server.app.inject('/sessions/uploads/runs')
  expect(listed.json()[0].input_media).toEqual({ images, videos: [], audios: [], files })
  expect(listed.json()[0].images).toEqual([])

  const served = await server.app.inject(`/sessions/uploads/media/${images[0].id}?user_id=ann`)
  expect(served.statusCode).toBe(200)
  expect(served.rawPayload.equals(PNG)).toBe(true)
  expect(served.headers).toMatchObject({
    'content-type': 'image/png',
    'content-length': String(PNG.length),
    'x-content-type-options': 'nosniff',
    'content-disposition': expect.stringMatching(/^inline; filename\*=UTF-8''.*%C3%BC\.png$/),
  })
  for (const path of [
    `/sessions/uploads/media/${images[0].id}?user_id=bob`,
    `/sessions/uploads/media/unknown`,
    `/sessions/other/media/${images[0].id}`,
  ]) {
    expect([path, (await server.app.inject(path)).statusCode]).toEqual([path, 404])
  }
})

test('a part of a medium is served as its range, and a good copy is not sent again', async () => {
  const video = randomBytes(CHUNK_BYTES + 100_000)
  const [part] = (await upload([...ASK, ['session_id', 'ranges'], ['files', video, 'a.mp4', 'video/mp4']])).json().input
    .videos
  const get = (headers: Record<string, string>) =>
    server.app.inject({ url: `/sessions/ranges/media/${part.id}`, headers })
  const whole = await get({})
  expect(whole.headers).toMatchObject({ 'accept-ranges': 'bytes', 'content-length': String(video.length) })
  expect(whole.rawPayload.equals(video)).toBe(true)
  const etag = String(whole.headers.etag)

  const last = video.length - 1
  for (const [range, first, end] of [
    ['bytes=0-1', 0, 1],
    [`bytes=${CHUNK_BYTES - 1}-${CHUNK_BYTES}`, CHUNK_BYTES - 1, CHUNK_BYTES],
    [`bytes=${CHUNK_BYTES}-${CHUNK_BYTES + 9}`, CHUNK_BYTES, CHUNK_BYTES + 9],
    [`bytes=100-${CHUNK_BYTES + 3}`, 100, CHUNK_BYTES + 3],
    ['bytes=-5', last - 4, last],
    [`bytes=${last}-`, last, last],
    ['bytes=0-', 0, last],
  ] as const) {
    const answer = await get({ range, 'if-range': etag })
    expect([range, answer.statusCode]).toEqual([range, 206])
    expect(answer.headers).toMatchObject({
      'content-range': `bytes ${first}-${end}/${video.length}`,
      'content-length': String(end - first + 1),
      'content-type': 'video/mp4',
      etag,
    })
    expect(answer.rawPayload.equals(video.subarray(first, end + 1))).toBe(true)
  }

  const behind = await get({ range: `bytes=${video.length}-` })
  expect(behind.statusCode).toBe(416)
  expect(behind.headers['content-range']).toBe(`bytes */${video.length}`)
  expect(behind.json()).toMatchObject({ error_id: 'RANGE_NOT_SATISFIABLE' })
  for (const headers of [{ range: 'bytes=0-1,4-5' }, { range: 'bytes=0-1', 'if-range': '"another"' }]) {
    const answer = await get(headers)
    expect([answer.statusCode, answer.rawPayload.length]).toEqual([200, video.length])
  }

  const unchanged = await get({ 'if-none-match': `"another", W/${etag}`, range: 'bytes=0-1' })
  expect([unchanged.statusCode, unchanged.rawPayload.length, unchanged.headers.etag]).toEqual([304, 0, etag])
  expect((await get({ 'if-none-match': '"another"' })).statusCode).toBe(200)
})

test('media in JSON come as base64, as text, as a data URL or as a link', async () => {
  const answer = await run({
    session_id: 'json',
    images: [
      { content: PNG.subarray(0, 1000).toString('base64'), detail: 'low', alt_text: 'x', id: 'mine' },
      { url: 'data:image/gif;base64,R0lGODlhAQ==' },
    ],
    audio: [{ content: 'AAAA', format: 'mp3' }],
    videos: [],
    input_files: [{ content: 'Ünïcode', mime_type: 'text/plain', filename: 'a.txt' }],
  })
  expect(answer.statusCode).toBe(200)
  const { images, audios, files, videos } = answer.json().input
  expect(images).toMatchObject([
    { mime_type: 'image/png', detail: 'low', alt_text: 'x', media_reference: { size: 1000 } },
    { mime_type: 'image/gif', media_reference: { size: 7 } },
  ])
  expect(images[0].id).not.toBe('mine')
  expect(audios[0].mime_type).toBe('audio/mpeg')
  expect(videos).toEqual([])
  expect(files[0].size).toBe(Buffer.byteLength('Ünïcode'))
  const linked = await run({ images: [{ url: 'https://example.com/cat.webp?size=1' }] })
  expect(linked.json().input.images).toEqual([
    { id: expect.any(String), url: 'https://example.com/cat.webp?size=1', mime_type: 'image/webp' },
  ])
  const served = await server.app.inject(`/sessions/json/media/${files[0].id}`)
  expect(served.payload).toBe('Ünïcode')
})

test('a page of another origin is handed out as a file, never as a page of this server', async () => {
  const answer = await upload([
    ...ASK,
    ['session_id', 'active'],
    ['files', '<script>1</script>', 'a.html', 'text/html'],
  ])
  const [file] = answer.json().input.files
  const served = await server.app.inject(`/sessions/active/media/${file.id}`)
  expect(served.headers).toMatchObject({
    'content-type': 'application/octet-stream',
    'content-disposition': "attachment; filename*=UTF-8''a.html",
  })
})

test.each([
  [
    'a type that is not taken',
    () => upload([...ASK, ['files', 'MZ', 'a.exe', 'application/x-msdownload']]),
    400,
    'Unsupported file type',
  ],
  ['an empty file', () => upload([...ASK, ['files', '', 'a.png', 'image/png']]), 400, 'Empty file'],
  ['a file in another field', () => upload([...ASK, ['picture', 'x', 'a.png', 'image/png']]), 400, 'takes no file'],
  [
    'more than may be attached',
    () => upload([...ASK, ['files', randomBytes(3_000_000), 'a.png', 'image/png']]),
    413,
    'too large',
  ],
  ['no source', () => run({ images: [{}] }), 400, 'images[0] needs either content or url'],
  ['two sources', () => run({ images: [{ content: 'AAAA', url: 'https://a.b/c' }] }), 400, 'needs either'],
  ['a path of this machine', () => run({ images: [{ filepath: '/etc/passwd' }] }), 400, 'filepath is not taken'],
  ['a link to a file of this machine', () => run({ images: [{ url: 'file:///etc/passwd' }] }), 400, 'url must be http'],
  ['a forged reference', () => run({ images: [{ media_reference: { storage_key: 'x' } }] }), 400, 'needs either'],
  ['what is not base64', () => run({ images: [{ content: '%%%' }] }), 400, 'images[0]: content is not base64'],
  ['nothing in base64', () => run({ audio: [{ content: '' }] }), 400, 'needs either'],
  ['what is no object', () => run({ images: ['x'] }), 422, ''],
  ['a type of no list', () => run({ input_files: [{ content: 'AAAA', mime_type: 'image/svg+xml' }] }), 400, 'svg'],
  ['too many', () => run({ images: Array.from({ length: 5 }, () => ({ content: 'AAAA' })) }), 413, 'more than 4'],
])('%s is refused before anything is stored', async (_, ask, status, words) => {
  const before = await countContents(database.db)
  const answer = await ask()
  expect(answer.statusCode).toBe(status)
  expect(JSON.stringify(answer.json().detail)).toContain(words)
  expect(await countContents(database.db)).toBe(before)
})

test('the same files under the same key are the same request; others are not', async () => {
  const send = (content: string) =>
    upload([...ASK, ['session_id', 'keyed'], ['files', content, 'a.txt', 'text/plain']], { 'idempotency-key': 'k1' })
  const first = await send('one')
  expect((await send('one')).json().run_id).toBe(first.json().run_id)
  expect((await send('two')).statusCode).toBe(409)
})
