/**
 * Reads an llms.txt (llmstxt.org): the overview, and the pages that it links to.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { Section } from '../section.ts'
import { fetchPage, type WebContext } from './page.ts'
import { describeUrl } from './resolve.ts'
import { pause, tryPage } from './website.ts'

const LINK = /^\s*[-*]\s*\[([^\]\n]{1,300})\]\(([^)\s]{1,2000})\)/

/** @throws {AgentOSError} as `fetchUrl` for the file itself; DOCUMENT_EMPTY when it says nothing */
export async function* readLlmsTxt(address: string, context: WebContext): AsyncGenerator<Section> {
  const { url, section } = await fetchPage(address, context)
  if (section === undefined || section.text.trim() === '') {
    throw new AgentOSError('DOCUMENT_EMPTY', `${describeUrl(url)} has no text`)
  }
  yield section
  let pages = 1
  for (const { title, target } of findLinks(section.text, url)) {
    if (pages >= context.limits.pages) return
    await pause({ delayMs: 0 }, context)
    const page = (await tryPage(target, context))?.section
    if (page === undefined) continue
    pages += 1
    yield { ...page, metadata: { title, ...page.metadata } }
  }
}

function* findLinks(text: string, base: URL): Generator<{ readonly title: string; readonly target: URL }> {
  const seen = new Set<string>()
  for (const line of text.split('\n')) {
    const [, title = '', link = ''] = LINK.exec(line) ?? []
    const target = link === '' ? null : URL.parse(link, base)
    if (target === null || seen.has(target.href)) continue
    seen.add(target.href)
    yield { title, target }
  }
}
