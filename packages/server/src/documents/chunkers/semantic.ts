/**
 * Cuts where the meaning changes: a sentence whose embedding is far from that of the sentences before it begins a chunk.
 * @module
 */
import { AgentOSError } from '../../base/errors.ts'
import type { Piece, Span } from '../section.ts'
import { cutAtLine, cutAtSentence, cutAtSpace, splitText } from '../split.ts'
import type { Chunker, ChunkerOptions } from './chunker.ts'

/** Cosine below which a sentence is about something else. */
const LEAST_SIMILARITY = 0.5
/** Sentences that a new one is compared with. */
const WINDOW = 3
/** A sentence is joined to the one before it until they are this long, in UTF-16 units. */
const LEAST_SENTENCE = 24
/** Sentences that are embedded in one call. */
const BATCH = 128

export const semanticChunker: Chunker = async function* (text, options): AsyncGenerator<Piece> {
  const { embed } = options.ports
  if (embed === undefined) {
    throw new AgentOSError('DOCUMENT_OPTIONS', 'SemanticChunker needs an embedder, and this knowledge base has none')
  }
  let group: Group | undefined
  for (const batch of batches(findSentences(text, options.size))) {
    options.signal.throwIfAborted()
    const vectors = await embed(
      batch.map(({ start, end }) => text.slice(start, end)),
      options.signal,
    )
    for (const [index, sentence] of batch.entries()) {
      const vector = vectors[index]
      if (vector === undefined) throw new TypeError('the embedder gave fewer vectors than it was given texts')
      if (group !== undefined && belongs(group, sentence, vector, options)) {
        group = { start: group.start, end: sentence.end, vectors: [...group.vectors.slice(1 - WINDOW), vector] }
        continue
      }
      if (group !== undefined) yield* pieceOf(text, group)
      group = { start: sentence.start, end: sentence.end, vectors: [vector] }
    }
  }
  if (group !== undefined) yield* pieceOf(text, group)
}

/** A chunk in the making, with the vectors of its last sentences. */
type Group = Span & { readonly vectors: readonly Float32Array[] }

function belongs(group: Group, sentence: Span, vector: Float32Array, { size }: ChunkerOptions): boolean {
  if (sentence.end - group.start > size) return false
  return cosine(sumOf(group.vectors), vector) >= LEAST_SIMILARITY
}

function* pieceOf(text: string, { start, end }: Span): Generator<Piece> {
  const trimmed = text.slice(start, end).trim()
  if (trimmed !== '') yield { start, text: trimmed }
}

/** Sentences, short ones joined and long ones cut, without a gap between them. */
function* findSentences(text: string, size: number): Generator<Span> {
  const signs = /[.!?]\s|\n|[。！？]/g
  let start = 0
  for (let match = signs.exec(text); match !== null; match = signs.exec(text)) {
    if (signs.lastIndex - start < LEAST_SENTENCE) continue
    yield* cutLong(text, start, signs.lastIndex, size)
    start = signs.lastIndex
  }
  if (start < text.length) yield* cutLong(text, start, text.length, size)
}

function* cutLong(text: string, start: number, end: number, size: number): Generator<Span> {
  const cuts = [cutAtLine, cutAtSentence, cutAtSpace]
  for (const span of splitText(text.slice(start, end), { size, overlap: 0, cuts })) {
    yield { start: start + span.start, end: start + span.end }
  }
}

function* batches(sentences: Iterable<Span>): Generator<readonly Span[]> {
  let batch: Span[] = []
  for (const sentence of sentences) {
    batch.push(sentence)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

/** Stands for their mean: a cosine does not depend on the length. */
function sumOf(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]?.length ?? 0)
  for (const vector of vectors) for (const [index, value] of vector.entries()) sum[index] = (sum[index] ?? 0) + value
  return sum
}

function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0
  let squareA = 0
  let squareB = 0
  for (let index = 0; index < a.length; index++) {
    const x = a[index] ?? 0
    const y = b[index] ?? 0
    dot += x * y
    squareA += x * x
    squareB += y * y
  }
  return squareA === 0 || squareB === 0 ? 0 : dot / Math.sqrt(squareA * squareB)
}
