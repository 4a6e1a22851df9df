/**
 * One call of an embedding endpoint over HTTP: OpenAI's shape, which most servers speak, and Google's. Written by hand,
 * because it runs on the main thread: vectors come as base64 where the server can, and no schema walks over every number.
 * @module
 */
import type { EmbeddingPurpose } from '../base/embedding.ts'
import { isJsonObject, parseJson, type Json, type JsonObject } from '../base/json.ts'
import { ModelError } from './model.ts'

export type EmbedRequest = {
  readonly texts: readonly string[]
  /** Undefined leaves it to the model. */
  readonly dimensions: number | undefined
  readonly purpose: EmbeddingPurpose
}

/** `tokens` is 0 where the provider does not count them. */
export type EmbedAnswer = { readonly vectors: readonly Float32Array[]; readonly tokens: number }

/** @throws whatever the call throws; `models/failure.ts` makes sentences of it */
export type EmbedCall = (request: EmbedRequest, signal: AbortSignal) => Promise<EmbedAnswer>

export type Endpoint = {
  readonly fetch: typeof globalThis.fetch
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** Longest answer that is read, in bytes: 128 vectors of 4 096 numbers in decimal take a tenth of it. */
const ANSWER_BYTES = 67_108_864

/** @param toBody what is asked beside `model` and `input` */
export function openAiCall(
  endpoint: Endpoint,
  model: string,
  toBody: (request: EmbedRequest) => Readonly<Record<string, Json | undefined>>,
): EmbedCall {
  return async (request, signal) => {
    const json = await post(endpoint, { model, input: request.texts, ...definedOnly(toBody(request)) }, signal)
    const data = isJsonObject(json) ? json['data'] : undefined
    if (!Array.isArray(data)) throw badAnswer('has no list "data"')
    const vectors: Float32Array[] = []
    for (const [place, item] of data.entries()) {
      const entry: Json = item
      if (!isJsonObject(entry)) throw badAnswer('has a vector that is none')
      const index = entry['index']
      vectors[typeof index === 'number' ? index : place] = toVector(entry['embedding'])
    }
    return { vectors, tokens: tokensOf(json) }
  }
}

/** Google's `batchEmbedContents`. */
export function googleCall(endpoint: Endpoint, model: string): EmbedCall {
  return async ({ texts, dimensions, purpose }, signal) => {
    const requests = texts.map((text) => ({
      model: `models/${model}`,
      content: { role: 'user', parts: [{ text }] },
      taskType: purpose === 'query' ? 'RETRIEVAL_QUERY' : 'RETRIEVAL_DOCUMENT',
      ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
    }))
    const json = await post(endpoint, { requests }, signal)
    const list = isJsonObject(json) ? json['embeddings'] : undefined
    if (!Array.isArray(list)) throw badAnswer('has no list "embeddings"')
    const vectors = list.map((item: Json) => toVector(isJsonObject(item) ? item['values'] : undefined))
    return { vectors, tokens: 0 }
  }
}

async function post({ fetch, url, headers }: Endpoint, body: JsonObject, signal: AbortSignal): Promise<Json> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...headers, accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  })
  const text = await readText(response)
  if (!response.ok) {
    const parts = {
      statusCode: response.status,
      responseBody: text,
      responseHeaders: Object.fromEntries(response.headers),
    }
    throw Object.assign(new Error(''), parts)
  }
  const json = parseJson(text)
  if (json === undefined) throw badAnswer('is not JSON')
  return json
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength
    if (bytes > ANSWER_BYTES) throw badAnswer(`has more than ${ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Base64 of little-endian 32-bit floats, or a list of numbers: many servers do not look at which was asked for. */
function toVector(value: Json | undefined): Float32Array {
  if (typeof value === 'string') {
    const bytes = Buffer.from(value, 'base64')
    if (bytes.byteLength === 0 || bytes.byteLength % 4 !== 0) throw badAnswer('has a vector that is cut off')
    // A copy: the bytes of a Buffer need not begin where a float may.
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength))
  }
  if (!Array.isArray(value)) throw badAnswer('has a vector that is none')
  const vector = new Float32Array(value.length)
  // What is not a number becomes NaN, which no vector may hold. A loop, because Float32Array.from() takes three times as long.
  for (let index = 0; index < vector.length; index++) vector[index] = numberOf(value[index])
  return vector
}

function tokensOf(json: Json): number {
  const usage = isJsonObject(json) ? json['usage'] : undefined
  const counts = isJsonObject(usage) ? [usage['total_tokens'], usage['prompt_tokens']] : []
  return counts.find((count) => typeof count === 'number') ?? 0
}

function definedOnly(values: Readonly<Record<string, Json | undefined>>): JsonObject {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

/** The embedder puts its own name before it. */
function badAnswer(what: string): ModelError {
  return new ModelError('MODEL_BAD_ANSWER', `the answer ${what}`, { retryable: true })
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : Number.NaN
}
