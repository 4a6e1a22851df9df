/**
 * What a chunker is.
 * @module
 */
import type { DocumentPorts } from '../../base/document.ts'
import type { Piece } from '../section.ts'

export type ChunkerOptions = {
  /** Longest chunk, in UTF-16 units; 16 or more. */
  readonly size: number
  /** Less than `size`. */
  readonly overlap: number
  readonly ports: DocumentPorts
  readonly signal: AbortSignal
}

/** Pieces of a text, in order, cut as they are asked for. What is left out is white space. */
export type Chunker = (text: string, options: ChunkerOptions) => Iterable<Piece> | AsyncIterable<Piece>
