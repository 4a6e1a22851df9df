/**
 * Turns whatever a provider package throws or streams as an error into a {@link ModelError}: which kind it is, whether
 * the same call may succeed later, and one sentence that may reach a caller. Errors are told apart by name and shape, not
 * by class, because an agents folder may bring its own copy of the AI SDK.
 * @module
 */
import { isJsonObject, parseJson, type Json } from '../base/json.ts'
import type { Redact } from '../base/redact.ts'
import { ModelError } from './model.ts'

export type FailureContext = {
  /** The provider as the user wrote it. */
  readonly provider: string
  /** Variable that holds its key; undefined for a model instance, which brings its own. */
  readonly keyVariable: string | undefined
  readonly redact: Redact
  /** Milliseconds since the epoch, to turn a date in Retry-After into a wait. */
  readonly now: () => number
}

/** Longest sentence of a provider that is passed on, in characters. */
const SENTENCE_MAX = 500

/** Keys as providers echo them, partly masked with stars. */
const ECHOED_KEY = /\b(?:sk|pk|rk|gsk)[-_][\w*.-]{4,}/g

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection before its answer was complete',
  EPIPE: 'closed the connection before its answer was complete',
  UND_ERR_SOCKET: 'closed the connection before its answer was complete',
  ENOTFOUND: 'has a host name that cannot be resolved',
  EAI_AGAIN: 'has a host name that cannot be resolved at the moment',
  EHOSTUNREACH: 'cannot be reached from this network',
  ENETUNREACH: 'cannot be reached from this network',
  ETIMEDOUT: 'did not answer in time',
  UND_ERR_HEADERS_TIMEOUT: 'did not answer in time',
  UND_ERR_BODY_TIMEOUT: 'did not answer in time',
  UND_ERR_CONNECT_TIMEOUT: 'did not accept the connection in time',
}

const BAD_ANSWERS: ReadonlySet<string> = new Set([
  'AI_JSONParseError',
  'AI_TypeValidationError',
  'AI_InvalidResponseDataError',
  'AI_EmptyResponseBodyError',
  'AI_NoContentGeneratedError',
])

const REFUSED_HERE: ReadonlySet<string> = new Set([
  'AI_UnsupportedFunctionalityError',
  'AI_InvalidPromptError',
  'AI_InvalidArgumentError',
  'AI_NoSuchModelError',
])

/** What an error may carry, as far as it is read; every field is checked before use. */
type Loose = {
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly type?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly isRetryable?: unknown
  readonly responseBody?: unknown
  readonly responseHeaders?: unknown
  readonly data?: unknown
  readonly cause?: unknown
}

/** @param started whether a part of the answer had arrived: a silent end is then a broken connection, not a bad answer */
export function toModelError(error: unknown, context: FailureContext, started: boolean): ModelError {
  if (error instanceof ModelError) return error
  const loose: Loose = typeof error === 'object' && error !== null ? error : { message: error }
  const network = networkCodeOf(error)
  if (network !== undefined) return unavailable(context, `${NETWORK[network]} (${network})`, error)

  if (loose.name === 'TimeoutError') return unavailable(context, 'did not answer in time', error)

  const status = loose.statusCode
  if (typeof status === 'number' && status >= 300) return fromStatus(status, loose, context)
  const names = namesOf(error)
  if (names.includes('AI_LoadAPIKeyError') || names.includes('AI_LoadSettingError')) return keyMissing(loose, context)
  if (names.some((name) => BAD_ANSWERS.has(name)) || names.includes('AI_APICallError')) {
    if (started && loose.data === undefined && loose.name === 'AI_InvalidResponseDataError') {
      return unavailable(context, 'broke off its answer', error)
    }
    return badAnswer(context, error)
  }
  if (names.some((name) => REFUSED_HERE.has(name))) return rejected(context, sentenceOf(loose, context), error)
  if (error instanceof Error && names.every((name) => !name.startsWith('AI_'))) {
    const message = `${context.provider} failed: ${clean(error.message, context) || error.name}`
    return new ModelError('MODEL_UNAVAILABLE', message, { retryable: false, cause: error })
  }
  return fromStreamedError(loose, context)
}

/** A stream that ended without its finish. */
export function brokenOff(context: FailureContext, started: boolean): ModelError {
  return started ? unavailable(context, 'broke off its answer', undefined) : badAnswer(context, undefined)
}

/** The provider said itself that the answer is not to be used. */
export function endedInError(context: FailureContext, raw: unknown): ModelError {
  const detail = typeof raw === 'string' && raw !== '' ? ` (${clean(raw, context)})` : ''
  return unavailable(context, `ended its answer with an error${detail}`, undefined)
}

function fromStatus(status: number, error: Loose, context: FailureContext): ModelError {
  const sentence = sentenceOf(error, context)
  const said = sentence === '' ? '' : `: ${sentence}`
  const { provider, keyVariable } = context
  const body = typeof error.responseBody === 'string' ? error.responseBody : ''
  const retryAfterMs = retryAfterOf(error, body, context.now())
  if (status === 401 || (status === 400 && /API_KEY_INVALID|api key not valid/i.test(body))) {
    // The sentence is left out: providers echo the refused key in it.
    const hint = keyVariable === undefined ? '' : ` of ${keyVariable}`
    return new ModelError('MODEL_AUTH', `${provider} refused the key${hint} (${status})`, {
      retryable: false,
      cause: error,
    })
  }
  if (status === 403) {
    return new ModelError('MODEL_AUTH', `${provider} denied access (403)${said}`, { retryable: false, cause: error })
  }
  if (status === 429) {
    const spent = /insufficient_quota|billing_hard_limit/.test(body)
    const message = `${provider} ${spent ? 'has no quota left' : 'limits the rate of requests'} (429)${said}`
    return new ModelError('MODEL_RATE_LIMITED', message, { retryable: !spent, retryAfterMs, cause: error })
  }
  if (status === 408 || status === 409 || status === 425 || status >= 500) {
    const options = { retryable: status !== 501, retryAfterMs, cause: error }
    return new ModelError('MODEL_UNAVAILABLE', `${provider} failed to answer (${status})${said}`, options)
  }
  const detail = status < 400 ? `${status}, a redirect: check its base URL` : `${status}`
  return new ModelError('MODEL_REJECTED', `${provider} refused the request (${detail})${said}`, {
    retryable: false,
    cause: error,
  })
}

/** An error object that came as part of a stream: a status if it has one, else judged by its type and code. */
function fromStreamedError(error: Loose, context: FailureContext): ModelError {
  const status = [error.statusCode, error.status, error.code].find((value) => typeof value === 'number' && value >= 400)
  if (typeof status === 'number') return fromStatus(status, error, context)
  const kind = [error.type, error.code, error.status].filter((value) => typeof value === 'string').join(' ')
  if (/rate_limit|resource_exhausted|throttl|too_many/i.test(kind)) return fromStatus(429, error, context)
  if (/auth|api_key|permission/i.test(kind)) return fromStatus(403, error, context)
  if (/invalid_request|invalid_argument|context_length|not_found|content_policy|validation/i.test(kind)) {
    return fromStatus(400, error, context)
  }
  const sentence = sentenceOf(error, context)
  const message = `${context.provider} broke off its answer${sentence === '' ? '' : `: ${sentence}`}`
  return new ModelError('MODEL_UNAVAILABLE', message, { retryable: true, cause: error })
}

function keyMissing(error: Loose, { provider, keyVariable }: FailureContext): ModelError {
  const named =
    /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b/.exec(typeof error.message === 'string' ? error.message : '')?.[0] ?? keyVariable
  const message = named === undefined ? `${provider} has no key` : `${provider} needs ${named}, which is not set`
  return new ModelError('MODEL_KEY_MISSING', message, { retryable: false, cause: error })
}

function rejected(context: FailureContext, sentence: string, cause: unknown): ModelError {
  const message = `${context.provider} cannot take the request${sentence === '' ? '' : `: ${sentence}`}`
  return new ModelError('MODEL_REJECTED', message, { retryable: false, cause })
}

function unavailable(context: FailureContext, what: string, cause: unknown): ModelError {
  return new ModelError('MODEL_UNAVAILABLE', `${context.provider} ${what}`, { retryable: true, cause })
}

function badAnswer(context: FailureContext, cause: unknown): ModelError {
  const message = `${context.provider} answered with something that is not a model's answer; check its base URL and model`
  return new ModelError('MODEL_BAD_ANSWER', message, { retryable: true, cause })
}

/** The provider's own sentence, clean and capped; empty when it has none. */
function sentenceOf(error: Loose, context: FailureContext): string {
  const body = typeof error.responseBody === 'string' ? error.responseBody : ''
  const json = parseJson(body)
  const said = json === undefined ? undefined : messageIn(json)
  if (said !== undefined) return clean(said, context)
  if (typeof error.message === 'string' && error.message !== '') return clean(error.message, context)
  return /^\s*</.test(body) ? '' : clean(body, context)
}

/** The message in the error bodies that servers send: OpenAI's, Google's, AWS's, FastAPI's. */
function messageIn(json: Json): string | undefined {
  const body = Array.isArray(json) ? json[0] : json
  if (!isJsonObject(body)) return undefined
  const { error } = body
  if (isJsonObject(error) && typeof error['message'] === 'string') return error['message']
  return [error, body['message'], body['Message'], body['detail']].find((value) => typeof value === 'string')
}

function clean(text: string, { redact }: FailureContext): string {
  const line = redact(text).replace(ECHOED_KEY, '[redacted]').replaceAll(/\s+/g, ' ').trim()
  return line.length > SENTENCE_MAX ? `${line.slice(0, SENTENCE_MAX - 3)}...` : line
}

/** Milliseconds that the provider asks to wait: `retry-after-ms`, `retry-after` (seconds or date), Google's RetryInfo. */
function retryAfterOf(error: Loose, body: string, now: number): number | undefined {
  const headers: Readonly<Record<string, unknown>> = isJsonObject(error.responseHeaders) ? error.responseHeaders : {}
  const precise = Number.parseFloat(String(headers['retry-after-ms']))
  if (precise >= 0) return Math.round(precise)
  const after = headers['retry-after']
  if (typeof after === 'string') {
    if (/^\s*\d+(\.\d+)?\s*$/.test(after)) return Math.round(Number(after) * 1000)
    // Without a name of a month it is no HTTP date, though Date.parse would find a year in it.
    const date = /[a-z]{3}/i.test(after) ? Date.parse(after) : Number.NaN
    if (!Number.isNaN(date)) return Math.max(0, date - now)
  }
  const delay = /"retryDelay":\s*"([\d.]+)s"/.exec(body)?.[1]
  return delay === undefined ? undefined : Math.round(Number(delay) * 1000)
}

function networkCodeOf(error: unknown): string | undefined {
  return chainOf(error)
    .map(({ code }) => code)
    .find((code): code is string => typeof code === 'string' && Object.hasOwn(NETWORK, code))
}

function namesOf(error: unknown): readonly string[] {
  return chainOf(error).flatMap(({ name }) => (typeof name === 'string' ? [name] : []))
}

/** An error and its causes, outermost first; at most 8, which also ends a circle. */
function chainOf(error: unknown): readonly Loose[] {
  const chain: Loose[] = []
  let current = error
  while (typeof current === 'object' && current !== null && chain.length < 8) {
    const loose: Loose = current
    chain.push(loose)
    const { cause, errors } = current as { readonly cause?: unknown; readonly errors?: unknown }
    current = cause ?? (Array.isArray(errors) ? errors[0] : undefined)
  }
  return chain
}
