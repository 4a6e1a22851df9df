/**
 * Where a run stands in a distributed trace: W3C trace context, level 1 (https://www.w3.org/TR/trace-context/). Ids of
 * spans are derived from what they stand for, so that every replica and thread names the same span alike without asking.
 * @module
 */
import { createHash } from 'node:crypto'

export type TraceContext = {
  /** 32 hex digits, not all zero. */
  readonly traceId: string
  /** Span of the caller, 16 hex digits; null when the trace begins here. */
  readonly parentSpanId: string | null
  /** Whether whoever began the trace wants it recorded. */
  readonly sampled: boolean
}

/** Version, trace id, span id, flags; later versions may have more behind them. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const ZEROS = /^0+$/
/** Longest header that is looked at, in characters. */
const MAX_LENGTH = 512

/** @returns undefined for what is not a valid `traceparent` header; the specification asks for a new trace then */
export function parseTraceparent(text: string): TraceContext | undefined {
  const trimmed = text.trim()
  const match = trimmed.length > MAX_LENGTH ? null : TRACEPARENT.exec(trimmed)
  if (match === null) return undefined
  const [, version = '', traceId = '', parentSpanId = '', flags = '', more] = match
  if (ZEROS.test(traceId) || ZEROS.test(parentSpanId) || (version === '00' && more !== undefined)) return undefined
  return { traceId, parentSpanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

/** The `traceparent` header under which `spanId` calls somebody else. */
export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`
}

/**
 * The trace of a run: its caller's, or one of its own whose id is the UUID of the run without dashes.
 * @param traceparent as the caller sent it; null and what is malformed begin a trace
 */
export function traceOf(runId: string, traceparent: string | null): TraceContext {
  const given = traceparent === null ? undefined : parseTraceparent(traceparent)
  if (given !== undefined) return given
  const digits = runId.replaceAll('-', '').toLowerCase()
  const isUuid = /^[0-9a-f]{32}$/.test(digits) && !ZEROS.test(digits)
  return { traceId: isUuid ? digits : hash([runId]).slice(0, 32), parentSpanId: null, sampled: true }
}

/** The id of a span, 16 hex digits: the same for the same `parts`, wherever it is asked for. */
export function spanIdOf(...parts: string[]): string {
  return hash(parts).slice(0, 16)
}

/** The id of the span of an attempt; the first one's is the span of the whole run. @param attempt from 1 */
export function attemptSpanId(runId: string, attempt: number): string {
  return attempt === 1 ? spanIdOf(runId, 'run') : spanIdOf(runId, 'attempt', String(attempt))
}

/** The id of a tool's span, which its worker needs before the main thread makes the span. */
export function toolSpanId(runId: string, toolCallId: string, attempt: number): string {
  return spanIdOf(runId, 'tool', toolCallId, String(attempt))
}

/** @param call how many model calls of the attempt came before, from 0 */
export function modelSpanId(runId: string, attempt: number, call: number): string {
  return spanIdOf(runId, 'model', String(attempt), String(call))
}

/** @param call how many model calls beside the answer of the attempt came before, from 0 */
export function sideSpanId(runId: string, attempt: number, call: number): string {
  return spanIdOf(runId, 'beside', String(attempt), String(call))
}

/** @param messageId of the message that has what was found */
export function retrieverSpanId(runId: string, messageId: string): string {
  return spanIdOf(runId, 'retriever', messageId)
}

function hash(parts: readonly string[]): string {
  return createHash('sha256').update(parts.join('\0')).digest('hex')
}
