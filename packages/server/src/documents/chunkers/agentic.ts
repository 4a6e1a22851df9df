/**
 * Lets a model say where each chunk should end. An answer that is not a place within the size is passed over, and the
 * cut is where RecursiveChunker would make it.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import { cutBefore } from '../graphemes.ts'
import type { Piece } from '../section.ts'
import { splitText } from '../split.ts'
import type { Chunker } from './chunker.ts'
import { NATURAL_CUTS } from './prose.ts'

export const agenticChunker: Chunker = async function* (text, options): AsyncGenerator<Piece> {
  const { complete } = options.ports
  if (complete === undefined) {
    throw new AgentOSError('DOCUMENT_OPTIONS', 'AgenticChunker needs a model, and this server has none for it')
  }
  let start = 0
  while (text.length - start > options.size) {
    options.signal.throwIfAborted()
    const window = text.slice(start, start + options.size)
    const answer = await complete(askForCut(window), options.signal)
    const end = readCut(answer, text, start, options.size) ?? naturalCut(text, start, options.size)
    yield* pieceOf(text, start, end)
    start = end
  }
  yield* pieceOf(text, start, text.length)
}

function askForCut(window: string): string {
  return [
    `Below is the beginning of a text. Choose the best place to end its first part: where a thought is complete and`,
    `another one begins, between paragraphs rather than within one, as late as makes sense and at most after`,
    `${window.length} characters. Answer with one whole number, the count of characters before that place, and nothing`,
    'else.',
    '',
    window,
  ].join('\n')
}

/** @returns a place after `start`; undefined when the answer is not a number from 1 to `size` */
function readCut(answer: string, text: string, start: number, size: number): number | undefined {
  const digits = /^\s*(\d{1,9})\s*$/.exec(answer)?.[1]
  const count = digits === undefined ? 0 : Number(digits)
  return count >= 1 && count <= size ? cutBefore(text, start, start + count) : undefined
}

function naturalCut(text: string, start: number, size: number): number {
  // One unit more than fits, so that there is something to cut.
  const window = text.slice(start, start + size + 1)
  const [first] = splitText(window, { size, overlap: 0, cuts: NATURAL_CUTS })
  return start + (first?.end ?? size)
}

function* pieceOf(text: string, start: number, end: number): Generator<Piece> {
  const trimmed = text.slice(start, end).trim()
  if (trimmed !== '') yield { start, text: trimmed }
}
