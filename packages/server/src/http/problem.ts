/**
 * Failures as answers: Agno's `detail` with our `error_id`, never a stack or a secret.
 * @module
 */
import type { Problem, ValidationProblem } from '@agentos/wire'
import { AgentOSError, ERRORS, type ErrorCode, isErrorCode } from '../base/errors.ts'
import type { Redact } from '../base/redact.ts'
import { InvalidFields } from './input/invalid-fields.ts'

export type ProblemAnswer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Problem | ValidationProblem
  /** Whether nobody chose to report this failure: it belongs in the log, with its stack. */
  readonly unexpected: boolean
}

/** Seconds that clients are asked to wait. */
const RETRY_AFTER: Partial<Record<ErrorCode, number>> = {
  TOO_MANY_RUNS: 2,
  QUEUE_FULL: 5,
  RUN_HANDED_OVER: 1,
  DRAINING: 1,
  NO_REVISION: 5,
  DATABASE_UNAVAILABLE: 2,
  SCHEMA_OLDER: 5,
}

/** What Fastify finds wrong with a request before a route sees it. */
const FRAMEWORK: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: ['BODY_TOO_LARGE', 'The body is larger than this server takes'],
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['UNSUPPORTED_MEDIA', 'The content type of the body is not one this route takes'],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['INVALID_REQUEST', 'The body is not as long as Content-Length says'],
  FST_ERR_BAD_URL: ['INVALID_REQUEST', 'The path is not a valid percent-encoded URL'],
  FST_ERR_MAX_PARAM_LENGTH: ['INVALID_REQUEST', 'A part of the path is too long'],
}

export function toProblem(error: unknown, redact: Redact, requestId: string): ProblemAnswer {
  if (error instanceof InvalidFields) {
    const body = { detail: [...error.fields], error_id: 'INVALID_FIELDS' }
    return { status: ERRORS.INVALID_FIELDS.status, headers: {}, body, unexpected: false }
  }
  const chosen = toChosen(error)
  if (!chosen) {
    const body = { ...bodyOf('INTERNAL', 'Internal Server Error'), request_id: requestId }
    return { status: 500, headers: {}, body, unexpected: true }
  }
  const [code, message] = chosen
  return {
    status: ERRORS[code].status,
    headers: headersOf(code),
    body: bodyOf(code, redact(message)),
    unexpected: code === 'INTERNAL',
  }
}

function bodyOf(code: ErrorCode, detail: string): Problem {
  return { detail, error_id: code, next: ERRORS[code].next }
}

function headersOf(code: ErrorCode): Record<string, string> {
  const wait = RETRY_AFTER[code]
  return {
    ...(wait !== undefined && { 'retry-after': String(wait) }),
    ...(code === 'UNAUTHORIZED' && { 'www-authenticate': 'Bearer' }),
  }
}

/** The code and words of a failure that somebody chose to report. */
function toChosen(error: unknown): readonly [ErrorCode, string] | undefined {
  if (error instanceof AgentOSError) return [error.code, error.message]
  if (!(error instanceof Error) || !('code' in error)) return undefined
  if (isErrorCode(error.code)) return [error.code, error.message]
  if (typeof error.code !== 'string') return undefined
  const known = FRAMEWORK[error.code]
  if (known) return known
  // A fault of the request that Fastify or a parser has words for.
  const status = 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 500 ? ['INVALID_REQUEST', error.message] : undefined
}
