/**
 * What a chunker and a reader need to know of a Markdown text: where its headings are, and what is code and must not be
 * taken for one. Linear in the length of the text.
 * @module
 */
export type Heading = { readonly at: number; readonly level: number; readonly title: string }

export type Outline = {
  readonly headings: readonly Heading[]
  /** Starts of lines that are not within a fenced block, where a cut leaves the block whole. */
  readonly lines: readonly number[]
  /** Starts of paragraphs, as `lines`. */
  readonly paragraphs: readonly number[]
}

const ATX_HEADING = /^ {0,3}(#{1,6})[ \t]+(\S.*)$/
const FENCE = /^ {0,3}(`{3,}|~{3,})/
/** A heading is a line; what is longer is not looked at. */
const LONGEST_HEADING = 1000

export function outlineMarkdown(text: string): Outline {
  const headings: Heading[] = []
  const lines: number[] = []
  const paragraphs: number[] = []
  let fence: string | undefined
  let isAfterBlank = true
  for (let start = 0; start < text.length;) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    const line = text.slice(start, Math.min(end, start + LONGEST_HEADING))
    const mark = FENCE.exec(line)?.[1]
    if (fence === undefined) {
      lines.push(start)
      if (isAfterBlank && line.trim() !== '') paragraphs.push(start)
      const heading = readHeading(line, start)
      if (heading !== undefined) headings.push(heading)
      fence = mark
    } else if (mark !== undefined && mark.startsWith(fence)) fence = undefined
    isAfterBlank = line.trim() === ''
    start = end + 1
  }
  return { headings, lines, paragraphs }
}

function readHeading(line: string, at: number): Heading | undefined {
  const [, signs, rest] = ATX_HEADING.exec(line) ?? []
  if (signs === undefined || rest === undefined) return undefined
  const title = rest.trimEnd().replace(/(?<![# \t])[ \t]+#+$/, '')
  return { at, level: signs.length, title }
}
