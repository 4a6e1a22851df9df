/**
 * Cuts source code where a declaration begins, as its layout shows: a line that is not indented, best one after a blank
 * line. It knows no language, so it works for all that are indented.
 * @module
 */
import type { Piece } from '../section.ts'
import { cutAtLine, cutAtParagraph, cutAtSpace, type FindCut, splitText } from '../split.ts'
import type { Chunker } from './chunker.ts'

/** Chunks keep the indentation of their first line. */
export const codeChunker: Chunker = function* (text, { size, overlap }): Generator<Piece> {
  const cuts = [cutAtOutermost(2), cutAtOutermost(1), cutAtParagraph, cutAtLine, cutAtSpace]
  for (const { start, end } of splitText(text, { size, overlap, cuts })) {
    const slice = text.slice(start, end)
    const code = slice.trimEnd()
    const blank = /^(?:[ \t]*\n)*/.exec(code)?.[0].length ?? 0
    if (code !== '') yield { start: start + blank, text: code.slice(blank) }
  }
}

/** Before the last line that is not indented, is not the end of a block, and follows so many line ends. */
function cutAtOutermost(lineEnds: number): FindCut {
  const separator = '\n'.repeat(lineEnds)
  return (text, least, most) => {
    const window = text.slice(least, most)
    let found = window.lastIndexOf(separator)
    while (found !== -1) {
      const at = least + found + lineEnds
      if (isOutermost(text.charAt(at))) return at
      found = found === 0 ? -1 : window.lastIndexOf(separator, found - 1)
    }
    return -1
  }
}

function isOutermost(first: string): boolean {
  return first !== '' && !' \t\n})]'.includes(first)
}
