/**
 * What readers make and chunkers cut: texts, with what is known about places in them.
 * @module
 */
import type { ChunkMetadata } from '../base/document.ts'

/** Holds from `at` on, until the next mark. */
export type Mark = { readonly at: number; readonly metadata: ChunkMetadata }

/** A part of a document that is cut by itself: a page, a sheet, or the whole. */
export type Section = {
  readonly text: string
  readonly metadata: ChunkMetadata
  /** In order of `at`. */
  readonly marks?: readonly Mark[]
  /** Number of its first line, when its lines are rows of a table. */
  readonly firstRow?: number
}

/** A stretch of a text, its end not included. */
export type Span = { readonly start: number; readonly end: number }

/** A chunk in the making: `start` is where it begins in the text of its section. */
export type Piece = { readonly start: number; readonly text: string }
