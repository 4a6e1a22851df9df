import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import type { RemoteSource } from '../../base/document.ts'
import { failureOf } from '../testing/read.ts'
import { openWeb } from '../testing/web.ts'
import { openRemoteSources } from './sources.ts'

const NEVER = new AbortController().signal
const SECRET = 'a/secret+key'

function openSource(config: object): RemoteSource {
  const [source] = openRemoteSources(JSON.stringify([config]), 'SOURCES', { privateUrls: false })
  if (source === undefined) throw new TypeError('one source was given')
  return source
}

const openBucket = (endpoint: string, given: object = {}) =>
  openSource({
    type: 's3',
    id: 'docs',
    bucket: 'bucket',
    region: 'eu-north-1',
    endpoint,
    accessKeyId: 'KEY',
    secretAccessKey: SECRET,
    ...given,
  })

const openRepo = (apiUrl: string, given: object = {}) =>
  openSource({ type: 'github', id: 'code', repo: 'owner/name', apiUrl, token: 'token', ...given })

async function readText(source: RemoteSource, key: string, bytes = 1000): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of (await source.read(key, { bytes }, NEVER)).body) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** Whether the request is signed as version 4 says, worked out from what came. */
function isSigned({ method = '', url = '', headers }: IncomingMessage): boolean {
  const { authorization = '' } = headers
  const [, scope = '', names = '', signature = ''] =
    /Credential=KEY\/(\S+), SignedHeaders=(\S+), Signature=(\w+)/.exec(authorization) ?? []
  const { pathname, search } = new URL(url, 'http://host')
  const query = search
    .slice(1)
    .split('&')
    .map((pair) => (pair.includes('=') || pair === '' ? pair : `${pair}=`))
    .toSorted()
    .join('&')
  const signed = names.split(';').map((name) => `${name}:${String(headers[name])}\n`)
  const canonical = [method, pathname, query, signed.join(''), names, headers['x-amz-content-sha256']].join('\n')
  const text = [
    'AWS4-HMAC-SHA256',
    headers['x-amz-date'],
    scope,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const key = scope
    .split('/')
    .reduce<string | Buffer>((last, part) => createHmac('sha256', last).update(part).digest(), `AWS4${SECRET}`)
  return createHmac('sha256', key).update(text).digest('hex') === signature
}

const LISTING = `<?xml version="1.0"?><ListBucketResult><Name>bucket</Name><Prefix>a b/</Prefix>
  <Contents><Key>a b/</Key><Size>0</Size></Contents>
  <Contents><Key>a b/one &amp; two.pdf</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified><Size>12</Size></Contents>
  <CommonPrefixes><Prefix>a b/c/</Prefix></CommonPrefixes>
  <NextContinuationToken>to/ken+=</NextContinuationToken></ListBucketResult>`

test('lists a folder of a bucket, page by page, and signs what it asks', async () => {
  const signed: boolean[] = []
  const answer = (request: IncomingMessage, response: { end: (text: string) => void }) => {
    signed.push(isSigned(request))
    response.end(LISTING)
  }
  await using web = await openWeb({
    '/bucket/?list-type=2&delimiter=%2F&max-keys=50&prefix=a%20b%2F': answer,
    '/bucket/?list-type=2&delimiter=%2F&max-keys=50&prefix=a%20b%2F&continuation-token=to%2Fken%2B%3D': answer,
  })
  const bucket = openBucket(web.origin)
  const page = await bucket.list('a b/', { limit: 50 }, NEVER)
  expect(page).toEqual({
    folders: [{ prefix: 'a b/c/', name: 'c' }],
    files: [
      {
        key: 'a b/one & two.pdf',
        name: 'one & two.pdf',
        size: 12,
        lastModified: Date.UTC(2026, 0, 2, 3, 4, 5),
        contentType: null,
      },
    ],
    cursor: 'to/ken+=',
  })
  await bucket.list('a b/', { limit: 50, cursor: page.cursor }, NEVER)
  expect(signed).toEqual([true, true])
})

test('reads a file of a bucket, up to the limit', async () => {
  const signed: boolean[] = []
  await using web = await openWeb({
    '/bucket/a%20b/one%20%26%20two%2B.txt': (request, response) => {
      signed.push(isSigned(request))
      response.setHeader('content-type', 'text/plain').end('content')
    },
  })
  const bucket = openBucket(`${web.origin}/`)
  const { filename, mimeType } = await bucket.read('a b/one & two+.txt', { bytes: 100 }, NEVER)
  expect([filename, mimeType]).toEqual(['one & two+.txt', 'text/plain'])
  expect(await readText(bucket, 'a b/one & two+.txt')).toBe('content')
  expect(await failureOf(readText(bucket, 'a b/one & two+.txt', 3))).toMatch(/^DOCUMENT_TOO_LARGE: /)
  expect(await failureOf(readText(bucket, 'none'))).toMatch(/^URL_NOT_FOUND: .* answered 404$/)
  expect(signed).toEqual([true, true, true])
})

test('reads a public bucket without a key', async () => {
  let authorization: string | undefined = 'not asked'
  await using web = await openWeb({
    '/bucket/a': (request, response) => {
      ;({ authorization } = request.headers)
      response.end('a')
    },
  })
  const bucket = openSource({ type: 's3', id: 'docs', bucket: 'bucket', endpoint: web.origin })
  expect(await readText(bucket, 'a')).toBe('a')
  expect(authorization).toBeUndefined()
})

test('lists and reads a folder of a repository, on its branch and with its token', async () => {
  const seen: (string | undefined)[] = []
  const entries = ['a.md', 'b.md', 'c'].map((name) => ({
    type: name === 'c' ? 'dir' : 'file',
    name,
    path: `docs/${name}`,
    size: 5,
  }))
  await using web = await openWeb({
    '/repos/owner/name/contents/docs?ref=next': (request, response) => {
      seen.push(request.headers.authorization)
      response.end(JSON.stringify({ type: 'dir', entries }))
    },
    '/repos/owner/name/contents/docs/a%20b.md?ref=next': (request, response) => {
      seen.push(request.headers.accept)
      response.end('# text')
    },
  })
  const repo = openRepo(web.origin, { branch: 'next' })
  const first = await repo.list('/docs/', { limit: 2 }, NEVER)
  expect(first.files.map(({ key }) => key)).toEqual(['docs/a.md', 'docs/b.md'])
  const second = await repo.list('docs', { limit: 2, cursor: first.cursor }, NEVER)
  expect(second).toEqual({ folders: [{ prefix: 'docs/c/', name: 'c' }], files: [], cursor: undefined })
  expect(await readText(repo, 'docs/a b.md')).toBe('# text')
  expect(seen).toEqual(['Bearer token', 'Bearer token', 'application/vnd.github.raw+json'])
})

test.each(['../../../user', 'docs/../../x', './a', 'x'.repeat(1025)])(
  'asks for nothing outside of the source: %s',
  async (key) => {
    await using web = await openWeb({})
    for (const source of [openRepo(web.origin), openBucket(web.origin)]) {
      expect(await failureOf(readText(source, key))).toMatch(/^URL_NOT_FOUND: The source has no file/)
    }
    expect(web.asked).toEqual([])
  },
)

test.each([
  ['no JSON', 'the list: '],
  ['[{"type":"ftp","id":"a"}]', '[0].type: '],
  ['[{"type":"s3","id":"a b","bucket":"x"}]', '[0].id: must be letters, digits'],
  [
    '[{"type":"s3","id":"a","bucket":"x","secretAccessKey":"hush"}]',
    '[0]: accessKeyId and secretAccessKey belong together',
  ],
  ['[{"type":"github","id":"a","repo":"name"}]', '[0].repo: must be owner/name'],
  ['[{"type":"github","id":"a","repo":"a/b","tokn":"hush"}]', '[0]: Unrecognized key'],
  [
    '[{"type":"github","id":"a","repo":"a/b"},{"type":"s3","id":"a","bucket":"b"}]',
    'the list: two sources have the same id',
  ],
])('refuses %s', (text, problem) => {
  const open = () => openRemoteSources(text, 'SOURCES', { privateUrls: false })
  expect(open).toThrow(`SOURCES: ${problem}`)
  expect(open).not.toThrow('hush')
})
