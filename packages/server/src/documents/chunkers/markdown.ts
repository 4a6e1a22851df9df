/**
 * Cuts Markdown before headings, else between paragraphs, else between lines; a fenced block stays whole where it can.
 * @module
 */
import { outlineMarkdown } from '../markdown-outline.ts'
import { cutAtLine, cutAtPlaces, cutAtSentence, cutAtSpace, splitText } from '../split.ts'
import type { Chunker } from './chunker.ts'
import { trimPieces } from './prose.ts'

export const markdownChunker: Chunker = (text, { size, overlap }) => {
  const { headings, paragraphs, lines } = outlineMarkdown(text)
  const cuts = [
    cutAtPlaces(headings.map(({ at }) => at)),
    cutAtPlaces(paragraphs),
    cutAtPlaces(lines),
    cutAtLine,
    cutAtSentence,
    cutAtSpace,
  ]
  return trimPieces(text, splitText(text, { size, overlap, cuts }))
}
