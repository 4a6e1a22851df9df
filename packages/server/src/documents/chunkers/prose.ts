/**
 * The chunkers for running text. They differ in where they would rather cut.
 * @module
 */
import type { Piece, Span } from '../section.ts'
import {
  cutAtLine,
  cutAtParagraph,
  cutAtSentence,
  cutAtSpace,
  type FindCut,
  inSecondHalf,
  splitText,
} from '../split.ts'
import type { Chunker } from './chunker.ts'

/** Between two words. */
export const fixedSizeChunker: Chunker = cutAt([cutAtSpace])

/** Between two paragraphs, else lines, else sentences, else words: each only where most of the size is used. */
export const NATURAL_CUTS: readonly FindCut[] = [
  inSecondHalf(cutAtParagraph),
  inSecondHalf(cutAtLine),
  inSecondHalf(cutAtSentence),
  cutAtSpace,
]

export const recursiveChunker: Chunker = cutAt(NATURAL_CUTS)

/** Whole paragraphs, as many as fit; a paragraph that is too long is cut between sentences. */
export const documentChunker: Chunker = cutAt([cutAtParagraph, cutAtSentence, cutAtSpace])

function cutAt(cuts: readonly FindCut[]): Chunker {
  return (text, { size, overlap }) => trimPieces(text, splitText(text, { size, overlap, cuts }))
}

/** The texts of spans without the white space around them; blank ones are left out. */
export function* trimPieces(text: string, spans: Iterable<Span>): Generator<Piece> {
  for (const { start, end } of spans) {
    const slice = text.slice(start, end)
    const trimmed = slice.trim()
    if (trimmed !== '') yield { start: start + slice.length - slice.trimStart().length, text: trimmed }
  }
}
