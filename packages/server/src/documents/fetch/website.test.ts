import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { DocumentLimits, ReaderKey } from '../../base/document.ts'
import { failureOf, readAll } from '../testing/read.ts'
import { openWeb } from '../testing/web.ts'

const page = (text: string, ...links: readonly string[]) =>
  `<title>${text}</title><p>${text}</p>${links.map((link) => `<a href="${link}">next</a>`).join('')}`

async function read(url: string, reader: ReaderKey | undefined, limits: Partial<DocumentLimits> = {}) {
  const request = { source: { kind: 'url', url }, limits, ...(reader === undefined ? {} : { reader }) } as const
  return readAll(request, { privateUrls: true })
}

async function titlesOf(url: string, reader: ReaderKey, limits: Partial<DocumentLimits> = {}) {
  return (await read(url, reader, limits)).map(({ metadata }) => metadata['title'])
}

test('reads one page when no reader is asked for, by what it is', async () => {
  await using web = await openWeb({
    '/a': page('one', '/b'),
    '/b': page('two'),
    '/notes.txt': 'plain text',
    '/data.csv': (_request, response) => response.setHeader('content-type', 'text/csv').end('a,b\nc,d'),
  })
  expect(await read(`${web.origin}/a`, undefined)).toMatchObject([{ text: 'one\n\nnext', metadata: { title: 'one' } }])
  expect(await read(`${web.origin}/notes.txt`, undefined)).toMatchObject([{ text: 'plain text' }])
  expect(await read(`${web.origin}/data.csv`, undefined)).toMatchObject([{ text: 'a, b' }, { text: 'c, d' }])
  expect(web.asked).toEqual(['/a', '/notes.txt', '/data.csv'])
})

test('says so when what is called a PDF is a page', async () => {
  await using web = await openWeb({ '/report.pdf': page('please log in') })
  expect(await failureOf(read(`${web.origin}/report.pdf`, 'pdf'))).toBe(
    `DOCUMENT_TYPE_MISMATCH: ${web.origin}/report.pdf is text, but reader "pdf" was asked for`,
  )
})

test('follows the links of a website: breadth first, once, on the same host, without what is no page', async () => {
  await using other = await openWeb({ '/': page('elsewhere') })
  await using web = await openWeb({
    '/': page('home', 'a', 'a#part', '/b?x=1', other.origin, 'mailto:a@example.org', 'picture.png', 'broken'),
    '/a': page('a', '/', '/c'),
    '/b?x=1': page('b', '/c'),
    '/c': page('c'),
  })
  const chunks = await read(`${web.origin}/`, 'website')
  expect(chunks.map(({ metadata }) => metadata.url)).toEqual(
    ['/', '/a', '/b?x=1', '/c'].map((path) => web.origin + path),
  )
  expect(web.asked).toEqual(['/robots.txt', '/', '/a', '/b?x=1', '/broken', '/c'])
  expect(other.asked).toEqual([])
})

test('goes on where its first page leads to, as the robots.txt there allows', async () => {
  await using now = await openWeb({
    '/robots.txt': 'User-agent: *\nDisallow: /private',
    '/start': page('start', '/more', '/private'),
    '/more': page('more'),
    '/private': page('private'),
  })
  await using once = await openWeb({
    '/': (_request, response) => response.writeHead(302, { location: `${now.origin}/start` }).end(),
    '/gone': (_request, response) => response.writeHead(302, { location: `${now.origin}/private` }).end(),
  })
  expect(await titlesOf(`${once.origin}/`, 'website')).toEqual(['start', 'more'])
  expect(await failureOf(read(`${once.origin}/gone`, 'website'))).toMatch(/^URL_NOT_ALLOWED: The robots.txt of/)
})

test('goes no deeper and reads no more than the limits say', async () => {
  const pages = Array.from({ length: 30 }, (_, index) => [`/${index}`, page(`${index}`, `/${index + 1}`)] as const)
  await using web = await openWeb(Object.fromEntries(pages))
  expect(await titlesOf(`${web.origin}/0`, 'website', { depth: 3 })).toEqual(['0', '1', '2'])
  expect(await titlesOf(`${web.origin}/0`, 'website', { depth: 100, pages: 5 })).toEqual(['0', '1', '2', '3', '4'])
})

test('reads nothing that robots.txt or a page forbids', async () => {
  await using web = await openWeb({
    '/robots.txt': 'User-agent: *\nDisallow: /private\n',
    '/': page('home', '/private/a', '/hidden', '/last'),
    '/hidden': `<meta name="robots" content="noindex, nofollow">${page('hidden', '/behind')}`,
    '/last': page('last'),
  })
  expect(await titlesOf(`${web.origin}/`, 'website')).toEqual(['home', 'last'])
  expect(web.asked).not.toContain('/private/a')
  expect(web.asked).not.toContain('/behind')
  expect(await failureOf(read(`${web.origin}/private/a`, 'website'))).toMatch(
    /^URL_NOT_ALLOWED: The robots.txt of .* forbids/,
  )
})

test('fails when its first page cannot be read, and passes over others', async () => {
  await using web = await openWeb({ '/': page('home', '/gone'), '/empty': '<p></p>' })
  expect(await titlesOf(`${web.origin}/`, 'website')).toEqual(['home'])
  expect(await failureOf(read(`${web.origin}/gone`, 'website'))).toBe(`URL_NOT_FOUND: ${web.origin}/gone answered 404`)
  expect(await failureOf(read(`${web.origin}/empty`, 'website'))).toMatch(/^DOCUMENT_EMPTY: .* have no text to read$/)
})

test('reads the pages of a sitemap, of those that it leads to, and of the one that robots.txt names', async () => {
  const pages = { '/a': page('a'), '/b': page('b'), '/c': page('c') }
  const sitemap = (...urls: readonly string[]) =>
    `<urlset>${urls.map((url) => `<url><loc>${url}</loc></url>`).join('')}</urlset>`
  await using web = await openWeb({
    ...pages,
    '/robots.txt': (_request, response) => response.end(`Sitemap: ${web.origin}/index.xml`),
    '/index.xml': (_request, response) =>
      response.end(
        `<sitemapindex><sitemap><loc>/one.xml</loc></sitemap><sitemap><loc>/two.xml.gz</loc></sitemap></sitemapindex>`,
      ),
    '/one.xml': sitemap('/a', 'http://127.0.0.2/elsewhere', '/gone'),
    '/two.xml.gz': (_request, response) => response.end(gzipSync(sitemap('/b', '/c'))),
  })
  expect(await titlesOf(`${web.origin}/`, 'sitemap')).toEqual(['a', 'b', 'c'])
  expect(await titlesOf(`${web.origin}/one.xml`, 'sitemap')).toEqual(['a'])
  expect(await titlesOf(`${web.origin}/`, 'sitemap', { pages: 2 })).toEqual(['a', 'b'])
})

test('reads an llms.txt and what it links to', async () => {
  await using web = await openWeb({
    '/llms.txt':
      '# Product\n\n> Summary\n\n## Docs\n\n- [Start](/start.txt): how to\n- [Guide](/guide)\n- [Gone](/gone)\n',
    '/start.txt': 'start here',
    '/guide': page('guide'),
  })
  const chunks = await read(`${web.origin}/llms.txt`, 'llms_txt')
  expect(chunks.map(({ text, metadata }) => [text.slice(0, 10), metadata['title'], metadata.url])).toEqual([
    ['# Product\n', undefined, `${web.origin}/llms.txt`],
    ['start here', 'Start', `${web.origin}/start.txt`],
    ['guide', 'guide', `${web.origin}/guide`],
  ])
})
