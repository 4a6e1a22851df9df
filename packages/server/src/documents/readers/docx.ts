/**
 * The text of Word documents: paragraphs, lists and tables, with the heading above each chunk. Deleted text, headers and
 * footers are left out.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { tidyText } from '../decode.ts'
import type { Mark, Section } from '../section.ts'
import { parseXml, type XmlAttributes } from '../xml.ts'
import { openArchive, type Archive } from '../zip.ts'
import type { FileReader } from './input.ts'
import { readPart } from './office.ts'

const DOCUMENT = 'word/document.xml'
const STYLES = 'word/styles.xml'
/** What is shown where the first choice cannot be: the same text again. */
const SECOND_CHOICE = 'Fallback'

export const readDocx: FileReader = function* ({ bytes, limits }): Generator<Section> {
  const archive = openArchive(bytes, limits.inflatedBytes)
  const text = createBody(readHeadingStyles(archive))
  parseXml(readPart(archive, DOCUMENT), text.handler)
  const section = text.section()
  if (section.text.trim() === '') throw new AgentOSError('DOCUMENT_EMPTY', 'The Word document has no text')
  yield section
}

/** Ids of the styles that make a heading. Names are in English whatever the language of the document; ids are not. */
function readHeadingStyles(archive: Archive): ReadonlySet<string> {
  const headings = new Set<string>()
  const bytes = archive.read(STYLES)
  if (bytes === undefined) return headings
  let id = ''
  parseXml(bytes, {
    open: (name, attributes) => {
      if (name === 'style') id = attributes['w:styleId'] ?? ''
      if (name === 'name' && /^(heading \d|title)$/i.test(attributes['w:val'] ?? '')) headings.add(id)
    },
  })
  return headings
}

/** Collects the text of a body as its tags come. */
function createBody(headingStyles: ReadonlySet<string>) {
  const parts: string[] = []
  const marks: Mark[] = []
  let length = 0
  let paragraph = ''
  let isHeading = false
  let isItem = false
  let isText = false
  let skipped = 0
  /** Cells of the rows that are open, the innermost last. */
  const rows: string[][] = []

  const add = (text: string, separator: string) => {
    parts.push(text + separator)
    length += text.length + separator.length
  }
  const endParagraph = () => {
    const text = tidyText(paragraph).trim()
    const row = rows.at(-1)
    if (row !== undefined) row.push(`${row.pop() ?? ''} ${text}`.trim())
    else if (text !== '') {
      if (isHeading) marks.push({ at: length, metadata: { heading: text } })
      add(isItem ? `- ${text}` : text, '\n\n')
    }
    paragraph = ''
    isHeading = false
    isItem = false
  }
  const endRow = () => {
    const cells = rows.pop() ?? []
    const text = cells.filter((cell) => cell !== '').join(' | ')
    const outer = rows.at(-1)
    if (outer !== undefined) outer.push(`${outer.pop() ?? ''} ${text}`.trim())
    else if (text !== '') add(text, '\n')
  }
  const open = (name: string, attributes: XmlAttributes) => {
    if (name === SECOND_CHOICE) skipped += 1
    if (skipped > 0) return
    if (name === 't') isText = true
    else if (name === 'tab') paragraph += '\t'
    else if (name === 'br' || name === 'cr') paragraph += '\n'
    else if (name === 'noBreakHyphen') paragraph += '-'
    else if (name === 'pStyle') isHeading = headingStyles.has(attributes['w:val'] ?? '')
    else if (name === 'numPr') isItem = true
    else if (name === 'tr') rows.push([])
    else if (name === 'tc') rows.at(-1)?.push('')
  }
  const close = (name: string) => {
    if (name === SECOND_CHOICE) skipped -= 1
    if (skipped > 0) return
    if (name === 't') isText = false
    else if (name === 'p') endParagraph()
    else if (name === 'tr') endRow()
    else if (name === 'tbl' && rows.length === 0) add('', '\n')
  }
  return {
    handler: { open, close, text: (text: string) => (paragraph += isText && skipped === 0 ? text : '') },
    section: (): Section => ({ text: parts.join(''), metadata: {}, marks }),
  }
}
