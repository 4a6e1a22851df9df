/**
 * Reads websites: a page and what it links to on the same host, or what the sitemap lists; as slowly as robots.txt asks
 * and nothing that it forbids.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { AgentOSError } from '../../base/errors.ts'
import { decodeText } from '../decode.ts'
import type { Section } from '../section.ts'
import { parseXml } from '../xml.ts'
import { fetchUrl, readBody } from './fetch.ts'
import { fetchPage, type WebContext, type WebPage } from './page.ts'
import { describeUrl, parseUrl } from './resolve.ts'
import { ALLOW_ALL, parseRobots, type Robots } from './robots.ts'

/** Name that robots.txt may call us by. */
const ROBOT = 'agentos'
const ROBOTS_BYTES = 1_048_576
const SITEMAP_BYTES = 10_485_760
/** Sitemaps that one sitemap may lead to. */
const MOST_SITEMAPS = 10
/** Links that wait to be followed. */
const MOST_WAITING = 10_000
/** What is linked from pages and is none. */
const NO_PAGE =
  /\.(?:png|jpe?g|gif|svg|webp|avif|ico|css|m?js|json|xml|zip|gz|tgz|tar|7z|rar|dmg|exe|mp[34]|webm|mov|wav|ogg|pdf|docx?|xlsx?|pptx?|woff2?|ttf)$/i

/**
 * The first page and those that it leads to, breadth first, as many and as far as the limits say. A page that cannot be
 * read is passed over, except the first.
 * @throws {AgentOSError} as `fetchUrl` for the first page; DOCUMENT_EMPTY when no page says anything
 */
export async function* readWebsite(address: string, context: WebContext): AsyncGenerator<Section> {
  const first = parseUrl(address)
  let robots = await readRobots(first, context)
  assertAllowed(robots, first)
  const seen = new Set([first.href])
  const waiting = [{ url: first, depth: 1 }]
  let home = first
  let pages = 0
  for (let next = waiting.shift(); next !== undefined && pages < context.limits.pages; next = waiting.shift()) {
    const isFirst = next.url === first
    if (!isFirst) await pause(robots, context)
    const page = isFirst ? await fetchPage(first.href, context) : await tryPage(next.url, context)
    // The first page may lead to where the website is now; any other one that leads away does not belong to it.
    if (isFirst && page !== undefined && !isSameSite(page.url, home)) {
      home = page.url
      robots = await readRobots(home, context)
      assertAllowed(robots, home)
    }
    if (page === undefined || !isSameSite(page.url, home)) continue
    seen.add(page.url.href)
    if (page.section !== undefined && !/\b(noindex|none)\b/.test(page.html?.robots ?? '')) {
      pages += 1
      yield page.section
    }
    if (next.depth >= context.limits.depth) continue
    for (const url of linksOf(page)) {
      if (!isSameSite(url, home) || seen.has(url.href) || !robots.allows(url) || waiting.length >= MOST_WAITING)
        continue
      seen.add(url.href)
      waiting.push({ url, depth: next.depth + 1 })
    }
  }
  if (pages === 0) throw new AgentOSError('DOCUMENT_EMPTY', `${describeUrl(first)} and its pages have no text to read`)
}

/**
 * The pages of a sitemap, as many as the limits say.
 * @param address a sitemap (its path ends with .xml or .xml.gz), or any page of the website that has one
 * @throws {AgentOSError} as `readWebsite`, for the sitemap
 */
export async function* readSitemap(address: string, context: WebContext): AsyncGenerator<Section> {
  const first = parseUrl(address)
  const robots = await readRobots(first, context)
  const isSitemap = /\.xml(\.gz)?$/i.test(first.pathname)
  const named = robots.sitemaps.length > 0 ? robots.sitemaps : [new URL('/sitemap.xml', first).href]
  const urls = await listPages(isSitemap ? [first.href] : named, context)
  let pages = 0
  for (const url of urls) {
    if (pages >= context.limits.pages) break
    if (!isSameSite(url, first) || !robots.allows(url)) continue
    if (pages > 0) await pause(robots, context)
    const section = (await tryPage(url, context))?.section
    if (section === undefined) continue
    pages += 1
    yield section
  }
  if (pages === 0)
    throw new AgentOSError('DOCUMENT_EMPTY', `The sitemap of ${first.host} lists no page that can be read`)
}

/** What `tryPage` passes over: anything but what ends the whole document. */
export async function tryPage(url: URL, context: WebContext): Promise<WebPage | undefined> {
  try {
    return await fetchPage(url.href, context)
  } catch (error) {
    if (error instanceof AgentOSError) return undefined
    throw error
  }
}

export async function pause({ delayMs }: Pick<Robots, 'delayMs'>, { pauseMs, signal }: WebContext): Promise<void> {
  await delay(Math.max(delayMs, pauseMs), undefined, { signal })
}

/** @throws {AgentOSError} as `fetchUrl`, except that a host without a robots.txt allows everything */
async function readRobots(url: URL, { policy, limits, signal }: WebContext): Promise<Robots> {
  const options = { ...policy, bytes: ROBOTS_BYTES, timeMs: limits.fetchMs, signal }
  try {
    return parseRobots(decodeText(await readBody(await fetchUrl(new URL('/robots.txt', url).href, options))), ROBOT)
  } catch (error) {
    if (error instanceof AgentOSError && error.code === 'URL_NOT_FOUND') return ALLOW_ALL
    throw error
  }
}

function assertAllowed(robots: Robots, url: URL): void {
  if (robots.allows(url)) return
  throw new AgentOSError('URL_NOT_ALLOWED', `The robots.txt of ${url.host} forbids reading ${describeUrl(url)}`)
}

/** Whether two addresses are of one host; one with www. in front counts as the same. */
function isSameSite(a: URL, b: URL): boolean {
  return a.host.replace(/^www\./, '') === b.host.replace(/^www\./, '')
}

function* linksOf({ html, url }: WebPage): Generator<URL> {
  if (html === undefined || /\b(nofollow|none)\b/.test(html.robots)) return
  const base = html.base === undefined ? url : (URL.parse(html.base, url) ?? url)
  for (const link of html.links) {
    const found = URL.parse(link, base)
    if (found === null || !/^https?:$/.test(found.protocol) || NO_PAGE.test(found.pathname)) continue
    if (found.username !== '' || found.password !== '') continue
    found.hash = ''
    yield found
  }
}

async function listPages(sitemaps: readonly string[], context: WebContext): Promise<readonly URL[]> {
  const waiting = [...sitemaps]
  const pages: URL[] = []
  for (let read = 0; read < MOST_SITEMAPS; read++) {
    const next = waiting.shift()
    // Half of the pages may turn out to be none.
    if (next === undefined || pages.length >= context.limits.pages * 2) break
    const { isIndex, urls } = await readSitemapFile(next, context)
    if (isIndex) waiting.push(...urls.map(({ href }) => href))
    else for (const url of urls) pages.push(url)
  }
  return pages
}

async function readSitemapFile(address: string, { policy, limits, signal }: WebContext) {
  const options = { ...policy, bytes: SITEMAP_BYTES, timeMs: limits.fetchMs, signal }
  const fetched = await fetchUrl(address, options)
  const bytes = inflateSitemap(await readBody(fetched), address)
  const urls: URL[] = []
  let isIndex = false
  let location: string | undefined
  parseXml(bytes, {
    open: (name) => {
      if (name === 'sitemapindex') isIndex = true
      if (name === 'loc') location = ''
    },
    text: (text) => {
      if (location !== undefined) location += text
    },
    close: (name) => {
      const url = name === 'loc' ? URL.parse((location ?? '').trim(), fetched.url) : null
      if (name === 'loc') location = undefined
      if (url !== null) urls.push(url)
    },
  })
  return { isIndex, urls }
}

function inflateSitemap(bytes: Uint8Array, address: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes
  try {
    return gunzipSync(bytes, { maxOutputLength: SITEMAP_BYTES })
  } catch (cause) {
    throw new AgentOSError('DOCUMENT_CORRUPT', `The sitemap ${address.slice(0, 200)} does not inflate`, { cause })
  }
}
