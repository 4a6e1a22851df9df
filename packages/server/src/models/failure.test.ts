import {
  APICallError,
  InvalidPromptError,
  JSONParseError,
  LoadAPIKeyError,
  UnsupportedFunctionalityError,
} from '@ai-sdk/provider'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRedact } from '../base/redact.ts'
import { toModelError, type FailureContext } from './failure.ts'
import { ModelError } from './model.ts'

const SECRET = 'a-very-secret-key'
const NOW = Date.parse('2026-01-15T12:00:00Z')
const context: FailureContext = {
  provider: 'openai',
  keyVariable: 'OPENAI_API_KEY',
  redact: createRedact([SECRET]),
  now: () => NOW,
}

function api(statusCode: number | undefined, more: Partial<ConstructorParameters<typeof APICallError>[0]> = {}) {
  return new APICallError({
    message: 'Bad thing',
    url: `https://user:${SECRET}@api.example.com/v1`,
    requestBodyValues: {},
    ...(statusCode === undefined ? {} : { statusCode }),
    ...more,
  })
}
const map = (error: unknown, started = false) => toModelError(error, context, started)

describe('model failures', () => {
  test.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after': '1.5' }, 1500],
    [{ 'retry-after': 'Thu, 15 Jan 2026 12:00:30 GMT' }, 30_000],
    [{ 'retry-after': 'Thu, 15 Jan 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-3' }, undefined],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{}, undefined],
  ])('headers %o ask to wait %s ms', (responseHeaders, retryAfterMs) => {
    expect(map(api(429, { responseHeaders }))).toMatchObject({ code: 'MODEL_RATE_LIMITED', retryAfterMs })
  })

  test("Google's RetryInfo is a wait too", () => {
    const responseBody = '{"error":{"message":"Quota","details":[{"@type":"RetryInfo","retryDelay":"34.5s"}]}}'
    expect(map(api(429, { responseBody }))).toMatchObject({ retryAfterMs: 34_500 })
  })

  test('a spent quota is not tried again', () => {
    const responseBody = '{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}'
    expect(map(api(429, { responseBody }))).toMatchObject({
      code: 'MODEL_RATE_LIMITED',
      retryable: false,
      message: 'openai has no quota left (429): You exceeded your current quota',
    })
  })

  test.each([
    [401, 'MODEL_AUTH', false],
    [403, 'MODEL_AUTH', false],
    [402, 'MODEL_REJECTED', false],
    [404, 'MODEL_REJECTED', false],
    [413, 'MODEL_REJECTED', false],
    [408, 'MODEL_UNAVAILABLE', true],
    [409, 'MODEL_UNAVAILABLE', true],
    [501, 'MODEL_UNAVAILABLE', false],
    [502, 'MODEL_UNAVAILABLE', true],
    [529, 'MODEL_UNAVAILABLE', true],
  ])('status %i is %s', (status, code, retryable) => {
    expect(map(api(status))).toMatchObject({ code, retryable })
  })

  test('the sentence of a refused key is left out, because providers echo the key', () => {
    const error = map(api(401, { message: 'Incorrect API key provided: sk-abcd*****wxyz' }))
    expect(error.message).toBe('openai refused the key of OPENAI_API_KEY (401)')
  })

  test("Google's 400 for a wrong key is a refused key", () => {
    const responseBody = '{"error":{"code":400,"message":"API key not valid. Please pass a valid API key."}}'
    expect(map(api(400, { responseBody }))).toMatchObject({ code: 'MODEL_AUTH' })
  })

  test.each([
    ['{"error":{"message":"from openai"}}', 'from openai'],
    ['[{"error":{"message":"from google"}}]', 'from google'],
    ['{"message":"from aws"}', 'from aws'],
    ['{"detail":"from fastapi"}', 'from fastapi'],
    ['{"error":"from ollama"}', 'from ollama'],
  ])('the sentence in %s is passed on', (responseBody, sentence) => {
    expect(map(api(400, { responseBody })).message).toBe(`openai refused the request (400): ${sentence}`)
  })

  test('a key that a provider masks only partly is removed', () => {
    const error = map(api(400, { message: 'Wrong key sk-abcd****wxyz for this project' }))
    expect(error.message).toBe('openai refused the request (400): Wrong key [redacted] for this project')
  })

  test('a long sentence is cut at 500 characters, after redaction', () => {
    const { message } = map(api(400, { message: `${'x'.repeat(490)} ${SECRET}` }))
    expect(message).toHaveLength('openai refused the request (400): '.length + 500)
    expect(message).toMatch(/ \[redac\.\.\.$/)
  })

  test('a page of HTML is not a sentence', () => {
    expect(map(api(502, { message: '', responseBody: '<html>nginx</html>' })).message).toBe(
      'openai failed to answer (502)',
    )
  })

  test('no message carries a key or more than 500 characters of the provider', () => {
    const secrets = fc.constantFrom(
      SECRET,
      `Bearer ${SECRET}`,
      'sk-proj-abcdefgh12345678',
      'AIzaSyA1234567890abcdefghijkl',
      'https://me:hunter22@host/',
    )
    fc.assert(
      fc.property(
        fc.string({ maxLength: 600 }),
        secrets,
        fc.integer({ min: 300, max: 599 }),
        (noise, secret, status) => {
          const { message } = map(
            api(status, { responseBody: JSON.stringify({ error: { message: `${noise} ${secret} ${noise}` } }) }),
          )
          expect(message.length).toBeLessThan(600)
          for (const part of [SECRET, 'abcdefgh12345678', 'SyA1234567890', 'hunter22'])
            expect(message).not.toContain(part)
        },
      ),
    )
  })

  test('a network failure anywhere in the causes is the network failure', () => {
    const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    const error = map(api(200, { message: 'Failed to process successful response', cause }))
    expect(error).toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      retryable: true,
      message: 'openai closed the connection before its answer was complete (ECONNRESET)',
    })
    const both = new AggregateError([Object.assign(new Error('x'), { code: 'ECONNREFUSED' })])
    expect(map(both).message).toBe('openai refused the connection (ECONNREFUSED)')
  })

  test('a time limit of the caller is a failure that may pass', async () => {
    const timeout = AbortSignal.timeout(0)
    await expect.poll(() => timeout.aborted).toBe(true)
    expect(map(timeout.reason)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: true })
  })

  test('a circle of causes ends', () => {
    const error: Error & { cause?: unknown } = new Error('round')
    error.cause = error
    expect(map(error)).toMatchObject({ code: 'MODEL_UNAVAILABLE', retryable: false, message: 'openai failed: round' })
  })

  test('garbage is a bad answer, worth another try', () => {
    const error = new JSONParseError({ text: '<html>', cause: new Error('x') })
    expect(map(error)).toMatchObject({ code: 'MODEL_BAD_ANSWER', retryable: true })
    expect(map(api(200, { message: 'Invalid JSON response', cause: error }))).toMatchObject({
      code: 'MODEL_BAD_ANSWER',
    })
  })

  test('a key that a model instance lacks is named', () => {
    const error = new LoadAPIKeyError({
      message:
        "Groq API key is missing. Pass it using the 'apiKey' parameter or the GROQ_API_KEY environment variable.",
    })
    expect(toModelError(error, { ...context, provider: 'groq', keyVariable: undefined }, false)).toMatchObject({
      code: 'MODEL_KEY_MISSING',
      message: 'groq needs GROQ_API_KEY, which is not set',
    })
  })

  test('what the package itself refuses is rejected', () => {
    expect(map(new UnsupportedFunctionalityError({ functionality: 'seed' }))).toMatchObject({
      code: 'MODEL_REJECTED',
      retryable: false,
    })
    expect(map(new InvalidPromptError({ prompt: [], message: 'empty' }))).toMatchObject({ code: 'MODEL_REJECTED' })
  })

  test.each([
    [{ type: 'overloaded_error', message: 'Overloaded' }, 'MODEL_UNAVAILABLE', true],
    [{ type: 'rate_limit_error', message: 'Slow down' }, 'MODEL_RATE_LIMITED', true],
    [{ type: 'invalid_request_error', code: 'context_length_exceeded', message: 'Too long' }, 'MODEL_REJECTED', false],
    [{ code: 503, message: 'x' }, 'MODEL_UNAVAILABLE', true],
    [{ statusCode: 401, message: 'x' }, 'MODEL_AUTH', false],
    [{ status: 'RESOURCE_EXHAUSTED', message: 'x' }, 'MODEL_RATE_LIMITED', true],
    ['just words', 'MODEL_UNAVAILABLE', true],
    [undefined, 'MODEL_UNAVAILABLE', true],
  ])('the streamed error %j is %s', (error, code, retryable) => {
    expect(map(error, true)).toMatchObject({ code, retryable })
  })

  test('a model error stays itself', () => {
    const error = new ModelError('MODEL_AUTH', 'x', { retryable: false })
    expect(map(error)).toBe(error)
  })

  test('anything thrown becomes a model error with a sentence', () => {
    fc.assert(
      fc.property(fc.anything(), fc.boolean(), (thrown, started) => {
        const error = map(thrown, started)
        expect(error).toBeInstanceOf(ModelError)
        expect(error.message).toMatch(/^openai /)
      }),
    )
  })
})
