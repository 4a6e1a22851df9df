/**
 * The readable text of web pages: what an article says, without navigation, scripts and forms; and the links of the page.
 * Reads a page as browsers do, whatever is wrong with it, in one pass.
 * @module
 */
import { Parser } from 'htmlparser2'
import { AgentOSError } from '../base/errors.ts'
import { createPageFlow, type PageFlow } from './page-flow.ts'
import type { Mark } from './section.ts'

export type Page = {
  readonly title: string
  readonly text: string
  /** The headings, by where they stand in the text. */
  readonly marks: readonly Mark[]
  /** What links lead to, as written; those are left out that robots should not follow. */
  readonly links: readonly string[]
  /** What the page asks of robots, in small letters: `noindex, nofollow`. */
  readonly robots: string
  /** What links are relative to, when the page says so. */
  readonly base: string | undefined
}

const SILENT = setOf('script style noscript template svg math iframe object select button textarea head title')
/** Part of the page, not of what it says. */
const FURNITURE = setOf('nav aside form dialog')
/** Furniture unless it belongs to an article. */
const FRAME = setOf('header footer')
const MAIN = setOf('main article')
const BLOCKS = setOf(
  'address body caption dd details div dl dt fieldset figcaption figure footer header hr li main nav tbody tfoot thead tr',
)
const SPACED = setOf('article aside blockquote form h1 h2 h3 h4 h5 h6 ol p pre section table ul')
const HEADING = /^h[1-6]$/
const CELL = setOf('td th')
const MOST_LINKS = 10_000
/** What a main part must say to be taken for the page, in UTF-16 units, unless there is nothing else. */
const LEAST_MAIN = 140

/** Pages nest some tens of elements. The time that the parser takes for one grows with the depth. */
const MOST_DEPTH = 10_000
const TOO_DEEP = `The page is damaged: it nests more than ${MOST_DEPTH} elements`

type Attributes = Readonly<Record<string, string>>

/**
 * The text of `main` and `article` when there is enough of it, else that of the body.
 * @throws {AgentOSError} DOCUMENT_CORRUPT when it is nested too deep
 */
export function readPage(html: string): Page {
  const reader = createPageReader()
  const parser = new Parser({ onopentag: reader.open, ontext: reader.text, onclosetag: reader.close })
  parser.write(html)
  parser.end()
  return reader.page()
}

function createPageReader() {
  const body = createPageFlow()
  const main = createPageFlow()
  const head = createHead()
  /** For each open element, whether nothing within it is read. */
  const hidden: boolean[] = []
  let hiddenDepth = 0
  let mainDepth = 0
  let preDepth = 0
  let isTitle = false

  const eachFlow = (act: (flow: PageFlow) => void) => {
    act(body)
    if (mainDepth > 0) act(main)
  }
  const open = (name: string, attributes: Attributes) => {
    head.look(name, attributes)
    if (name === 'title' && hiddenDepth <= 1) isTitle = true
    const isHidden =
      SILENT.has(name) || FURNITURE.has(name) || (FRAME.has(name) && mainDepth === 0) || isMarkedHidden(attributes)
    hidden.push(isHidden)
    if (hidden.length > MOST_DEPTH) throw new AgentOSError('DOCUMENT_CORRUPT', TOO_DEEP)
    if (isHidden) hiddenDepth += 1
    if (hiddenDepth > 0) return
    if (MAIN.has(name)) mainDepth += 1
    if (name === 'pre') preDepth += 1
    eachFlow((flow) => beginElement(flow, name))
  }
  const close = (name: string) => {
    if (name === 'title') isTitle = false
    const isHidden = hidden.pop() ?? false
    if (isHidden) hiddenDepth -= 1
    if (isHidden || hiddenDepth > 0) return
    eachFlow((flow) => endElement(flow, name))
    if (MAIN.has(name)) mainDepth -= 1
    if (name === 'pre') preDepth -= 1
  }
  const text = (content: string) => {
    if (isTitle) head.addTitle(content)
    if (hiddenDepth === 0) eachFlow((flow) => flow.add(content, preDepth > 0))
  }
  const page = (): Page => {
    const mainText = main.text()
    const isMain = mainText.length >= LEAST_MAIN || (mainText !== '' && body.text() === mainText)
    const flow = isMain ? main : body
    return { ...head.read(), text: flow.text(), marks: flow.marks() }
  }
  return { open, close, text, page }
}

/** What a page says about itself. */
function createHead() {
  const links: string[] = []
  let title = ''
  let robots = ''
  let base: string | undefined
  return {
    look: (name: string, { href, rel = '', name: meta = '', content = '' }: Attributes) => {
      const isLink = (name === 'a' || name === 'area') && href !== undefined
      if (isLink && !/\bnofollow\b/i.test(rel) && links.length < MOST_LINKS) links.push(href)
      if (name === 'base') base ??= href
      if (name === 'meta' && meta.toLowerCase() === 'robots') robots += ` ${content.toLowerCase()}`
    },
    addTitle: (text: string) => {
      if (title.length < 1000) title += text
    },
    read: () => ({ title: title.replace(/\s+/g, ' ').trim(), links, robots: robots.trim(), base }),
  }
}

function beginElement(flow: PageFlow, name: string): void {
  if (name === 'br') flow.breakLine(1)
  if (SPACED.has(name)) flow.breakLine(2)
  if (BLOCKS.has(name)) flow.breakLine(1)
  if (CELL.has(name)) flow.separate(' | ')
  if (name === 'li') flow.prefix('- ')
  if (HEADING.test(name)) flow.beginHeading()
}

function endElement(flow: PageFlow, name: string): void {
  if (HEADING.test(name)) flow.endHeading()
  if (SPACED.has(name)) flow.breakLine(2)
  if (BLOCKS.has(name)) flow.breakLine(1)
}

function isMarkedHidden({ hidden, style = '', 'aria-hidden': aria }: Attributes): boolean {
  return hidden !== undefined || aria === 'true' || /display\s*:\s*none/i.test(style)
}

function setOf(names: string): ReadonlySet<string> {
  return new Set(names.split(' '))
}
