/**
 * HTML: the readable text of a page.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { ChunkMetadata } from '../../base/document.ts'
import { decodeText, tidyText } from '../decode.ts'
import { type Page, readPage } from '../html.ts'
import type { Section } from '../section.ts'
import type { FileReader } from './input.ts'

/** Where pages declare their encoding, as far as browsers look. */
const DECLARATION_BYTES = 1024

export const readHtml: FileReader = function* ({ bytes, charset }): Generator<Section> {
  const section = sectionOfPage(readPage(decodePage(bytes, charset)), {})
  if (section === undefined) {
    throw new AgentOSError('DOCUMENT_EMPTY', 'The page has no text; one that is made by scripts cannot be read')
  }
  yield section
}

/** @param charset what the answer's header says, which wins over the page */
export function decodePage(bytes: Uint8Array, charset: string | undefined): string {
  const head = new TextDecoder('windows-1252').decode(bytes.subarray(0, DECLARATION_BYTES))
  const declared = /<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]{1,40})/i.exec(head)?.[1]
  return decodeText(bytes, charset ?? declared)
}

/** @returns undefined when the page says nothing */
export function sectionOfPage({ title, text, marks }: Page, metadata: ChunkMetadata): Section | undefined {
  const tidy = tidyText(text)
  if (tidy.trim() === '') return undefined
  // Where tidying moved the text, a mark would point beside its heading.
  const kept = tidy.length === text.length ? marks : []
  return { text: tidy, metadata: { ...metadata, ...(title === '' ? {} : { title }) }, marks: kept }
}
