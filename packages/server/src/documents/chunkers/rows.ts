/**
 * One chunk for each line. A line that is too long makes several.
 * @module
 */
import type { Piece } from '../section.ts'
import { cutAtSpace, splitText } from '../split.ts'
import type { Chunker } from './chunker.ts'

/** White space within a row becomes one space; blank rows are left out. */
export const rowChunker: Chunker = function* (text, { size }): Generator<Piece> {
  let start = 0
  while (start < text.length) {
    const found = text.indexOf('\n', start)
    const end = found === -1 ? text.length : found
    const row = text.slice(start, end).replace(/\s+/g, ' ').trim()
    for (const span of splitText(row, { size, overlap: 0, cuts: [cutAtSpace] })) {
      const piece = row.slice(span.start, span.end).trim()
      // A space that belongs to the character behind it may be a span of its own.
      if (piece !== '') yield { start, text: piece }
    }
    start = end + 1
  }
}
