/**
 * One page of a website: fetched, and read when it is one that can be read.
 * @module
 */
import type { DocumentLimits } from '../../base/document.ts'
import { decodeText, tidyText } from '../decode.ts'
import { type Page, readPage } from '../html.ts'
import { outlineMarkdown } from '../markdown-outline.ts'
import { decodePage, sectionOfPage } from '../readers/html.ts'
import type { Section } from '../section.ts'
import { fetchUrl, readBody } from './fetch.ts'
import type { FetchPolicy } from './resolve.ts'

export type WebContext = {
  readonly policy: FetchPolicy
  readonly limits: DocumentLimits
  readonly signal: AbortSignal
  /** Time between two requests to the same host, in milliseconds, when its robots.txt asks for no longer one. */
  readonly pauseMs: number
}

export type WebPage = {
  /** After redirects. */
  readonly url: URL
  /** Undefined when it says nothing, or is nothing that can be read as a page. */
  readonly section: Section | undefined
  /** What it links to and asks of robots, when it is HTML. */
  readonly html: Page | undefined
}

const HTML_TYPES = new Set(['text/html', 'application/xhtml+xml'])
const TEXT_TYPES = new Set(['text/plain', 'text/markdown', 'text/x-markdown'])

/** @throws {AgentOSError} as `fetchUrl` */
export async function fetchPage(address: string, context: WebContext): Promise<WebPage> {
  const { limits, signal, policy } = context
  const fetched = await fetchUrl(address, { ...policy, bytes: limits.bytes, timeMs: limits.fetchMs, signal })
  const { url, mimeType, charset } = fetched
  if (HTML_TYPES.has(mimeType)) {
    const html = readPage(decodePage(await readBody(fetched), charset))
    return { url, html, section: sectionOfPage(html, { url: url.href }) }
  }
  if (TEXT_TYPES.has(mimeType)) {
    const text = tidyText(decodeText(await readBody(fetched), charset))
    const marks = outlineMarkdown(text).headings.map(({ at, title }) => ({ at, metadata: { heading: title } }))
    return { url, html: undefined, section: { text, metadata: { url: url.href }, marks } }
  }
  await fetched.body[Symbol.asyncIterator]().return?.()
  return { url, html: undefined, section: undefined }
}
