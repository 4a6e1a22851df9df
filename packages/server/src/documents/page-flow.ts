/**
 * Puts the pieces of a page together to a text: white space as a browser shows it, blocks on lines of their own, cells of
 * a row beside each other, and where each heading stands.
 * @module
 */
import { tidyText } from './decode.ts'
import type { Mark } from './section.ts'

export type PageFlow = {
  /** `isPre`: white space counts. */
  readonly add: (text: string, isPre: boolean) => void
  /** What comes next begins on another line, with a blank one before it when `lines` is 2. */
  readonly breakLine: (lines: 1 | 2) => void
  /** What comes next on the same line is set off from what came before. */
  readonly separate: (separator: string) => void
  /** What comes next on a line of its own begins with it. */
  readonly prefix: (text: string) => void
  readonly beginHeading: () => void
  readonly endHeading: () => void
  readonly text: () => string
  readonly marks: () => readonly Mark[]
}

const MOST_HEADING_UNITS = 300

export function createPageFlow(): PageFlow {
  const parts: string[] = []
  const marks: Mark[] = []
  let length = 0
  let lines = 0
  let isSpaceDue = false
  let before = ''
  let headingAt: number | undefined
  let heading = ''

  const push = (text: string) => {
    parts.push(text)
    length += text.length
  }
  const addText = (text: string) => {
    if (length === 0) lines = 0
    if (lines > 0) push('\n'.repeat(lines))
    else if (isSpaceDue && length > 0) push(' ')
    if (before !== '') push(before)
    lines = 0
    isSpaceDue = false
    before = ''
    if (heading === '' && headingAt !== undefined) headingAt = length
    if (headingAt !== undefined && heading.length < MOST_HEADING_UNITS) heading += ` ${text}`
    push(text)
  }
  return {
    add: (text, isPre) => {
      if (isPre && text.trim() !== '') return addText(tidyText(text).replace(/^\n|\n$/g, ''))
      const shown = text.replace(/\s+/g, ' ')
      const words = shown.trim()
      if (words === '') {
        isSpaceDue ||= shown !== ''
        return
      }
      isSpaceDue ||= shown.startsWith(' ')
      addText(words)
      isSpaceDue = shown.endsWith(' ')
    },
    breakLine: (count) => {
      lines = Math.max(lines, count)
      isSpaceDue = false
    },
    separate: (separator) => {
      if (length > 0 && lines === 0) before = separator
    },
    prefix: (text) => {
      before = text
    },
    beginHeading: () => {
      headingAt = length
      heading = ''
    },
    endHeading: () => {
      const title = heading.replace(/\s+/g, ' ').trim()
      if (headingAt !== undefined && title !== '') marks.push({ at: headingAt, metadata: { heading: title } })
      headingAt = undefined
    },
    text: () => parts.join(''),
    marks: () => marks,
  }
}
