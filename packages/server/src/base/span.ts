/**
 * One finished span of a trace, as telemetry makes it and as storage and exporters take it. No I/O.
 * @module
 */

/**
 * `SERVER` is a request to this server: it goes to collectors only, the others are stored too. `AGENT` is an attempt of a
 * run, be it of an agent, a team or a workflow, `CHAIN` a step of a workflow, and `RETRIEVER` a search for documents.
 */
export type SpanKind = 'AGENT' | 'CHAIN' | 'LLM' | 'TOOL' | 'RETRIEVER' | 'SERVER'

export type SpanAttribute = string | number | boolean | readonly string[]

/** Of the run that a span tells of; null ids where there is none. */
export type SpanRun = {
  readonly runId: string
  readonly sessionId: string
  readonly userId: string | null
  readonly agentId: string
}

/** Another span that a span has to do with, in another trace as a rule. */
export type SpanLink = {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
}

export type SpanRecord = {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits, the same whichever replica makes it. */
  readonly spanId: string
  /** Of this server or of its caller; null for the root of a trace. */
  readonly parentSpanId: string | null
  readonly name: string
  readonly kind: SpanKind
  /** Milliseconds since the epoch; fractions count. */
  readonly startMs: number
  readonly endMs: number
  /** Why it failed, in words; null when it did not. */
  readonly error: string | null
  /** By their OpenInference and `gen_ai.*` names. */
  readonly attributes: Readonly<Record<string, SpanAttribute>>
  readonly run: SpanRun | null
  /** What has caused it or what it is made from, where its parent does not say so. */
  readonly links?: readonly SpanLink[]
}
