import { setTimeout as delay } from 'node:timers/promises'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { failureOf } from '../testing/read.ts'
import { openWeb } from '../testing/web.ts'
import { type FetchOptions, fetchUrl, readBody } from './fetch.ts'

const OPTIONS: FetchOptions = {
  privateUrls: true,
  bytes: 100_000,
  timeMs: 9000,
  signal: new AbortController().signal,
}

async function fetchText(url: string, options: Partial<FetchOptions> = {}): Promise<string> {
  return Buffer.from(await readBody(await fetchUrl(url, { ...OPTIONS, ...options }))).toString()
}

const failure = (url: string, options: Partial<FetchOptions> = {}) => failureOf(fetchText(url, options))

test('fetches a page and tells its type, its encoding and where it was at last', async () => {
  await using web = await openWeb({
    '/old': (_request, response) => response.writeHead(301, { location: '/new#part' }).end(),
    '/new': (_request, response) => response.setHeader('content-type', 'Text/HTML; charset="ISO-8859-1"').end('page'),
  })
  const fetched = await fetchUrl(`${web.origin}/old#x`, OPTIONS)
  expect([fetched.url.href, fetched.mimeType, fetched.charset]).toEqual([
    `${web.origin}/new`,
    'text/html',
    'ISO-8859-1',
  ])
  expect(Buffer.from(await readBody(fetched)).toString()).toBe('page')
})

test.each([
  'http://127.0.0.1/',
  'http://127.1/',
  'http://2130706433/',
  'http://0177.0.0.1/',
  'http://0x7f.0.0.1/',
  'http://localhost/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[0:0:0:0:0:ffff:7f00:1]/',
  'http://10.0.0.1:8080/',
  'http://①②⑦.0.0.1/',
])('does not connect to %s', async (url) => {
  expect(await failure(url, { privateUrls: false })).toMatch(/^URL_NOT_ALLOWED: .* leads to a private address$/)
})

test.each(['http://169.254.169.254/latest/meta-data/', 'http://[fe80::1]/', 'http://0.0.0.0/', 'http://[::]/'])(
  'does not connect to %s, also where private addresses are allowed',
  async (url) => {
    expect(await failure(url)).toMatch(/^URL_NOT_ALLOWED: .* leads to an address that is never read$/)
  },
)

test.each([
  ['ftp://example.org/a', 'ftp: URLs are not read, only http and https'],
  ['file:///etc/passwd', 'file: URLs are not read, only http and https'],
  ['no url', '"no url" is not a URL'],
  ['https://user:secret@example.org/', 'The URL of example.org has a user or a password in it'],
])('refuses %s', async (url, message) => {
  expect(await failure(url)).toBe(`URL_NOT_ALLOWED: ${message}`)
})

test.each([
  ['http://169.254.169.254/', 'URL_NOT_ALLOWED: http://169.254.169.254/ leads to an address that is never read'],
  ['http://[::ffff:a9fe:a9fe]/', 'URL_NOT_ALLOWED: http://[::ffff:a9fe:a9fe]/ leads to an address that is never read'],
  ['file:///etc/passwd', 'URL_NOT_ALLOWED: file: URLs are not read, only http and https'],
  ['//user:secret@example.org/', 'URL_NOT_ALLOWED: The URL of example.org has a user or a password in it'],
])('checks where a redirect leads: %s', async (location, message) => {
  await using web = await openWeb({ '/': (_request, response) => response.writeHead(302, { location }).end() })
  expect(await failure(`${web.origin}/`)).toBe(message)
})

test('follows five redirects and no more', async () => {
  await using web = await openWeb({ '/': (_request, response) => response.writeHead(307, { location: '/' }).end() })
  expect(await failure(`${web.origin}/`)).toBe(`URL_NOT_ALLOWED: ${web.origin}/ redirects more than 5 times`)
  expect(web.asked).toHaveLength(6)
})

test('sends headers to the host they are for and to no other', async () => {
  const seen: (string | undefined)[] = []
  await using other = await openWeb({
    '/': (request, response) => {
      seen.push(request.headers.authorization)
      response.end('other')
    },
  })
  await using web = await openWeb({
    '/': (request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(302, { location: `${other.origin}/` }).end()
    },
  })
  await fetchText(`${web.origin}/`, { headers: { authorization: 'Bearer secret' } })
  expect(seen).toEqual(['Bearer secret', undefined])
})

test.each([
  [404, 'URL_NOT_FOUND'],
  [403, 'URL_NOT_FOUND'],
  [429, 'URL_UNAVAILABLE'],
  [500, 'URL_UNAVAILABLE'],
  [503, 'URL_UNAVAILABLE'],
])('an answer of %i is %s', async (status, code) => {
  await using web = await openWeb({
    '/?token=secret': (_request, response) => response.writeHead(status).end('secret of the server'),
  })
  expect(await failure(`${web.origin}/?token=secret`)).toBe(`${code}: ${web.origin}/ answered ${status}`)
})

test.each([
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
])('inflates %s, as far as the limit goes', async (encoding, compress) => {
  const [small, bomb] = [1000, 2_000_000].map((size) => compress(Buffer.alloc(size, 'a')))
  await using web = await openWeb({
    '/small': (_request, response) => response.setHeader('content-encoding', encoding).end(small),
    '/bomb': (_request, response) => response.setHeader('content-encoding', encoding).end(bomb),
    '/broken': (_request, response) => response.setHeader('content-encoding', encoding).end('no such thing'),
  })
  expect(await fetchText(`${web.origin}/small`)).toHaveLength(1000)
  expect(await failure(`${web.origin}/bomb`)).toBe(`DOCUMENT_TOO_LARGE: ${web.origin}/bomb is larger than 100000 bytes`)
  expect(await failure(`${web.origin}/broken`)).toMatch(/^URL_UNAVAILABLE: .* did not answer properly/)
})

test('refuses an encoding that it does not know', async () => {
  await using web = await openWeb({
    '/': (_request, response) => response.setHeader('content-encoding', 'rot13').end('a'),
  })
  expect(await failure(`${web.origin}/`)).toBe('URL_NOT_FOUND: The answer is encoded as "rot13", which cannot be read')
})

test('stops at the limit, whether the size is announced or not', async () => {
  let sent = 0
  await using web = await openWeb({
    '/announced': (_request, response) => response.writeHead(200, { 'content-length': 200_000 }).write('x'),
    '/endless': async (_request, response) => {
      while (!response.destroyed) {
        response.write('x'.repeat(10_000))
        sent += 10_000
        await delay(1)
      }
    },
  })
  expect(await failure(`${web.origin}/announced`)).toMatch('is larger than 100000 bytes')
  expect(await failure(`${web.origin}/endless`)).toMatch('is larger than 100000 bytes')
  expect(sent).toBeLessThan(5_000_000)
})

test('gives up on a server that never answers, never ends or goes away', async () => {
  await using web = await openWeb({
    '/silent': () => {},
    '/trickle': async (_request, response) => {
      while (!response.destroyed) {
        response.write('x')
        await delay(20)
      }
    },
    '/cut': (_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('x')
      setTimeout(() => response.destroy(), 20)
    },
  })
  expect(await failure(`${web.origin}/silent`, { timeMs: 300 })).toBe(
    `URL_UNAVAILABLE: ${web.origin}/silent took longer than 300 ms`,
  )
  expect(await failure(`${web.origin}/trickle`, { timeMs: 300 })).toBe(
    `URL_UNAVAILABLE: ${web.origin}/trickle took longer than 300 ms`,
  )
  expect(await failure(`${web.origin}/cut`)).toMatch(/^URL_UNAVAILABLE: .* did not answer properly/)
  expect(await failure('http://127.0.0.1:9/')).toMatch(/^URL_UNAVAILABLE: .* did not answer properly/)
  expect(await failure('http://no-such-host.invalid/')).toMatch(
    /^URL_(NOT_FOUND|UNAVAILABLE): The name no-such-host.invalid/,
  )
})

test('ends with the reason of the signal', async () => {
  await using web = await openWeb({ '/': () => {} })
  const stopping = new AbortController()
  const reason = new Error('the content was deleted')
  setTimeout(() => stopping.abort(reason), 50)
  await expect(fetchText(`${web.origin}/`, { signal: stopping.signal })).rejects.toBe(reason)
})
