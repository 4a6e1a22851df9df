/**
 * Embedders by name: `provider:id`, with `@dimensions` where another length than the model's own is wanted. Resolving
 * checks the name only: no import, no connection, no key; a missing key is told by the call that needs it.
 * Runs on the main thread: no code of agents is involved.
 * @module
 */
import type { Clock } from '../base/clock.ts'
import type { Embedder, Embedders, EmbeddingPurpose } from '../base/embedding.ts'
import { AgentOSError } from '../base/errors.ts'
import { type Ids, randomFraction } from '../base/ids.ts'
import { createRedact, type Redact } from '../base/redact.ts'
import { type Batch, partTexts } from './embedding-batches.ts'
import { EMBEDDING_FAMILIES, type EmbeddingFamily } from './embedding-families.ts'
import { createLane, type Lane } from './embedding-lane.ts'
import type { EmbedAnswer, EmbedCall, EmbedRequest } from './embedding-request.ts'
import { toModelError, type FailureContext } from './failure.ts'
import { settingOf, type Env } from './families.ts'
import { ModelError } from './model.ts'
import { createTransport } from './transport.ts'

export type EmbeddersOptions = {
  /** Keys, base URLs and proxies are read here. */
  readonly env: Env
  /** Name of the embedder of whoever names none; undefined for none. */
  readonly standard: string | undefined
  readonly clock: Clock
  readonly ids: Ids
  readonly redact: Redact
  /** Hears of every call that was made. Must not throw. */
  readonly onCall?: (call: EmbeddingCall) => void
  /** Replaces the pooled transport; for tests. */
  readonly fetch?: typeof fetch
}

/** One call to a provider. */
export type EmbeddingCall = {
  /** Name of the embedder. */
  readonly embedder: string
  readonly purpose: EmbeddingPurpose
  readonly texts: number
  /** As the provider counted them; 0 when it did not. */
  readonly tokens: number
  readonly durationMs: number
  readonly ok: boolean
}

/** Documents can wait; somebody waits for the answer to a query, and says how long. */
const LANES = {
  document: { limits: { concurrency: 4, retries: 5, maxWaitMs: 60_000 }, callMs: 120_000 },
  query: { limits: { concurrency: 16, retries: 1, maxWaitMs: 3000 }, callMs: 60_000 },
} as const

/** Longest vectors that are taken, in numbers. */
const MOST_DIMENSIONS = 16_000

/** Makes the embedders of a process. Nothing is opened before the first call. @throws {AgentOSError} MODEL_UNKNOWN for `standard` */
export function createEmbedders(options: EmbeddersOptions): Embedders & { readonly close: () => void } {
  const { env } = options
  const transport = options.fetch === undefined ? createTransport(env) : undefined
  const deps: EmbedderDeps = { ...options, redact: withKeys(options.redact, env), lanes: new Map() }
  const send = options.fetch ?? transport?.fetch ?? fetch
  const named = new Map<string, Embedder>()
  const resolve = (name: string): Embedder => {
    const known = named.get(name)
    if (known !== undefined) return known
    const embedder = createEmbedder(parseEmbedderName(name), send, deps)
    named.set(name, embedder)
    return embedder
  }
  return {
    standard: options.standard === undefined ? undefined : resolve(options.standard),
    resolve,
    problem: (name) => findEmbedderProblem(name, env),
    close: () => transport?.close(),
  }
}

/**
 * What the environment lacks for an embedder, naming the variable; undefined when nothing.
 * @throws {AgentOSError} MODEL_UNKNOWN
 */
export function findEmbedderProblem(name: string, env: Env): string | undefined {
  const { provider, family } = parseEmbedderName(name)
  const problem = family.problem(env)
  return problem === undefined ? undefined : `${provider} ${problem}`
}

/** The embedder that the environment has the means for, when nobody names one; undefined for none. */
export function chooseDefaultEmbedder(env: Env): string | undefined {
  const url = settingOf(env, ['OPENAI_BASE_URL'])
  const isOpenAi = url === undefined || URL.parse(url)?.hostname === 'api.openai.com'
  if (isOpenAi && settingOf(env, ['OPENAI_API_KEY']) !== undefined) return 'openai:text-embedding-3-small'
  const google = EMBEDDING_FAMILIES['google']
  if (google !== undefined && settingOf(env, google.keys) !== undefined) return 'google:gemini-embedding-001@1536'
  return undefined
}

type EmbedderName = {
  readonly name: string
  readonly provider: string
  readonly id: string
  readonly dimensions: number | undefined
  readonly family: EmbeddingFamily
}

/** @throws {AgentOSError} MODEL_UNKNOWN */
function parseEmbedderName(name: string): EmbedderName {
  const match = /^([a-z-]+):(\S+?)(?:@(\d+))?$/.exec(name)
  const [, provider = '', id = '', digits] = match ?? []
  const family = Object.hasOwn(EMBEDDING_FAMILIES, provider) ? EMBEDDING_FAMILIES[provider] : undefined
  if (match === null || family === undefined) {
    const known = Object.keys(EMBEDDING_FAMILIES).join(', ')
    const message = `Embedder "${name}" must be provider:id or provider:id@dimensions, with one of these providers: ${known}`
    throw new AgentOSError('MODEL_UNKNOWN', message)
  }
  const dimensions = digits === undefined ? undefined : Number(digits)
  if (dimensions !== undefined && !(dimensions >= 1 && dimensions <= MOST_DIMENSIONS)) {
    throw new AgentOSError(
      'MODEL_UNKNOWN',
      `Embedder "${name}" asks for ${digits} dimensions; 1 to ${MOST_DIMENSIONS} can be`,
    )
  }
  return { name, provider, id, dimensions, family }
}

type EmbedderDeps = Pick<EmbeddersOptions, 'env' | 'clock' | 'ids' | 'redact' | 'onCall'> & {
  readonly lanes: Map<string, Lane>
}

function createEmbedder(named: EmbedderName, send: typeof fetch, deps: EmbedderDeps): Embedder {
  const { name, provider, id, family, dimensions } = named
  const { env, clock, ids, redact, lanes } = deps
  const keyVariable = family.keys.find((key) => settingOf(env, [key]) !== undefined) ?? family.keys[0]
  const failure: FailureContext = { provider, keyVariable, redact, now: clock.now }
  let opening: Promise<EmbedCall> | undefined
  /** What the first answer had, where nobody asked for a length. */
  let length = dimensions

  const open = (): Promise<EmbedCall> => {
    const problem = family.problem(env)
    if (problem !== undefined) {
      throw new ModelError('MODEL_KEY_MISSING', `${provider} ${problem}`, { retryable: false })
    }
    opening ??= family.open(env, send, id)
    opening.catch(() => (opening = undefined))
    return opening
  }
  const laneOf = (purpose: EmbeddingPurpose): Lane => {
    // Embedders of one provider share its rate.
    const key = `${provider} ${purpose}`
    const lane = lanes.get(key) ?? createLane(LANES[purpose].limits, { clock, random: () => randomFraction(ids) })
    lanes.set(key, lane)
    return lane
  }
  const callOnce = async (request: EmbedRequest, signal: AbortSignal): Promise<readonly Float32Array[]> => {
    const startedAt = clock.monotonic()
    const timeout = AbortSignal.timeout(LANES[request.purpose].callMs)
    let answer: EmbedAnswer | undefined
    try {
      const call = await open()
      answer = await call(request, AbortSignal.any([signal, timeout]))
      length = checkVectors(answer.vectors, request.texts.length, length)
      return answer.vectors
    } catch (error) {
      signal.throwIfAborted()
      throw withName(toModelError(error, failure, false), name)
    } finally {
      const { texts, purpose } = request
      const durationMs = clock.monotonic() - startedAt
      const tokens = answer?.tokens ?? 0
      deps.onCall?.({ embedder: name, purpose, texts: texts.length, tokens, durationMs, ok: answer !== undefined })
    }
  }
  /** A call that is too large by the provider's own count goes as two. */
  const callOrHalve = async (request: EmbedRequest, signal: AbortSignal): Promise<readonly Float32Array[]> => {
    const { texts } = request
    try {
      return await laneOf(request.purpose).run(() => callOnce(request, signal), signal)
    } catch (error) {
      if (!isTooLarge(error) || texts.length === 1) throw error
      const half = Math.ceil(texts.length / 2)
      const first = await callOrHalve({ ...request, texts: texts.slice(0, half) }, signal)
      return [...first, ...(await callOrHalve({ ...request, texts: texts.slice(half) }, signal))]
    }
  }
  return {
    name,
    get dimensions() {
      return length
    },
    embed: async (texts, signal, purpose = 'document') => {
      signal.throwIfAborted()
      const blank = texts.findIndex((text) => text.trim() === '')
      if (blank >= 0) throw new RangeError(`text ${blank} is blank: there is nothing to embed`)
      const batches = partTexts(texts, { texts: family.callTexts(id), tokens: family.callTokens })
      const callBatch = ([from, to]: Batch, shared: AbortSignal) =>
        callOrHalve({ texts: texts.slice(from, to), dimensions, purpose }, shared)
      return embedBatches(batches, callBatch, signal)
    },
  }
}

/** All at once, as far as their lane lets them; the first that fails ends the others. */
async function embedBatches(
  batches: readonly Batch[],
  callBatch: (batch: Batch, signal: AbortSignal) => Promise<readonly Float32Array[]>,
  signal: AbortSignal,
): Promise<readonly Float32Array[]> {
  const others = new AbortController()
  const shared = AbortSignal.any([signal, others.signal])
  try {
    const parts = await Promise.all(batches.map((batch) => callBatch(batch, shared)))
    return parts.flat()
  } catch (error) {
    others.abort(error)
    throw error
  }
}

/**
 * @param length of every vector; undefined takes that of the first
 * @returns that length
 * @throws {ModelError} MODEL_BAD_ANSWER
 */
function checkVectors(vectors: readonly Float32Array[], count: number, length: number | undefined): number {
  if (vectors.length !== count) throw badAnswer(`has ${vectors.length} vectors for ${count} texts`)
  const wanted = length ?? vectors[0]?.length ?? 0
  for (const [index, vector] of vectors.entries()) {
    // A hole in the list is undefined, which the type does not tell.
    if ((vector as Float32Array | undefined) === undefined) throw badAnswer(`has no vector for text ${index}`)
    if (vector.length !== wanted || wanted === 0 || wanted > MOST_DIMENSIONS) {
      const message = `the answer has vectors of ${vector.length} numbers, not of ${wanted}`
      throw new ModelError('MODEL_BAD_ANSWER', message, { retryable: false })
    }
    let squares = 0
    for (const number of vector) squares += number * number
    if (!Number.isFinite(squares)) throw badAnswer('has a vector with a number that is none')
    if (squares === 0) throw badAnswer('has a vector of zeros, which points nowhere')
  }
  return wanted
}

function badAnswer(what: string): ModelError {
  return new ModelError('MODEL_BAD_ANSWER', `the answer ${what}`, { retryable: true })
}

/** What came back is told with the name of the embedder; other failures name their provider already. */
function withName(error: ModelError, name: string): ModelError {
  const { code, message, retryable, retryAfterMs } = error
  if (code !== 'MODEL_BAD_ANSWER' || !message.startsWith('the answer')) return error
  return new ModelError(code, `Embedder ${name}: ${message}`, { retryable, retryAfterMs, cause: error })
}

function isTooLarge(error: unknown): boolean {
  return (
    error instanceof ModelError &&
    error.code === 'MODEL_REJECTED' &&
    /\b413\b|token|length|too (?:long|large|many)|maximum|batch/i.test(error.message)
  )
}

/** Redacts what the process redacts, and every key of a provider. */
function withKeys(redact: Redact, env: Env): Redact {
  const names = Object.values(EMBEDDING_FAMILIES).flatMap(({ keys }) => keys)
  const all = [...names, 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']
  const redactKeys = createRedact(all.map((name) => env[name]?.trim() ?? ''))
  return (text) => redactKeys(redact(text))
}
