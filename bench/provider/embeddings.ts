/**
 * Embeddings of the fake provider: a vector is the words of its text, each hashed to a few places, so that texts that
 * share words point the same way, and no others do. Words are compared without case and common endings.
 * @module
 */
import type { Script } from './script.ts'

export type EmbeddingsRequest = {
  readonly model: string
  readonly input: readonly string[]
  readonly dimensions: number | undefined
  readonly base64: boolean
}

/** Places of one word. */
const PLACES = 4

const STOP_WORDS: ReadonlySet<string> = new Set(
  `a an and are as at be by can do does for from has have how i in is it its me my of on or our so that the their there
  this to us was we were what when where which who why will with you your`.split(/\s+/),
)

/** @throws {SyntaxError} when the body is not a request for embeddings */
export function readEmbeddings(body: string): EmbeddingsRequest {
  // JSON.parse gives any; every field is checked below before it is used.
  const json = JSON.parse(body) as { model?: unknown; input?: unknown; dimensions?: unknown; encoding_format?: unknown }
  const input = typeof json.input === 'string' ? [json.input] : json.input
  if (typeof json.model !== 'string' || !Array.isArray(input) || !input.every((text) => typeof text === 'string')) {
    throw new SyntaxError('fake provider: a request for embeddings needs model and input')
  }
  const dimensions = typeof json.dimensions === 'number' ? json.dimensions : undefined
  return { model: json.model, input, dimensions, base64: json.encoding_format === 'base64' }
}

/** The answer in OpenAI's shape. */
export function embeddingsAnswer(request: EmbeddingsRequest, script: Script, faulty: boolean): object {
  const { input, dimensions = script.dims, base64 } = request
  const vectors = input.map((text) => embedText(text, dimensions))
  if (faulty && script.fault === 'nan') vectors[0]?.fill(Number.NaN)
  if (faulty && script.fault === 'fewer') vectors.pop()
  const data = vectors.map((vector, index) => ({
    object: 'embedding',
    index,
    embedding: base64 && !script.floats ? Buffer.from(vector.buffer).toString('base64') : [...vector],
  }))
  const tokens = input.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0)
  return { object: 'list', data, model: request.model, usage: { prompt_tokens: tokens, total_tokens: tokens } }
}

/** A vector of length 1, the same for the same text. @param dimensions from 1 */
export function embedText(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  const vector = new Float32Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    if (STOP_WORDS.has(word)) continue
    const stem = word.length > 4 ? word.replace(/(?:ies|ing|ed|es|s|y)$/, '') : word
    let hash = hashOf(stem)
    for (let place = 0; place < PLACES; place++) {
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0
      const index = hash % dimensions
      vector[index] = (vector[index] ?? 0) + (hash & 0x10000 ? 1 : -1)
    }
  }
  const size = Math.hypot(...vector)
  // A text without words of its own points somewhere too.
  if (size === 0) return vector.fill(1 / Math.sqrt(dimensions))
  return vector.map((number) => number / size)
}

/** FNV-1a, 32 bits. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
