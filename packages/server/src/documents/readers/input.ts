/**
 * What the readers of files are given.
 * @module
 */
import type { DocumentLimits } from '../../base/document.ts'
import type { Section } from '../section.ts'

export type ReaderInput = {
  readonly bytes: Uint8Array
  /** What its sender calls it; empty when it has no name. */
  readonly filename: string
  /** The encoding that its sender declared. */
  readonly charset: string | undefined
  readonly limits: DocumentLimits
  readonly signal: AbortSignal
}

/** Sections in order, made as they are asked for. Throws an AgentOSError of a code that begins with DOCUMENT_. */
export type FileReader = (input: ReaderInput) => Iterable<Section> | AsyncIterable<Section>
