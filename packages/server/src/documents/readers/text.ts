/**
 * Plain text, source code and Markdown.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { decodeText, tidyText } from '../decode.ts'
import { languageOf } from '../file-types.ts'
import { outlineMarkdown } from '../markdown-outline.ts'
import type { Section } from '../section.ts'
import type { FileReader, ReaderInput } from './input.ts'

export const readPlainText: FileReader = function* (input): Generator<Section> {
  const language = languageOf(input.filename)
  yield { text: readText(input), metadata: language === undefined ? {} : { language } }
}

/** Every chunk knows the heading above it. Front matter is left out; it is no text. */
export const readMarkdown: FileReader = function* (input): Generator<Section> {
  const text = readText(input).replace(/^---\n(?:(?!---\n).*\n){0,200}---\n/, '')
  const marks = outlineMarkdown(text).headings.map(({ at, title }) => ({ at, metadata: { heading: title } }))
  yield { text, metadata: {}, marks }
}

function readText({ bytes, charset }: ReaderInput): string {
  const text = tidyText(decodeText(bytes, charset))
  if (text.trim() === '') throw new AgentOSError('DOCUMENT_EMPTY', 'The document has no text')
  return text
}
