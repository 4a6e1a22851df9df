/**
 * What a batch of spans says about the traces that they belong to: when those began and ended, whose they are, what was
 * asked and what came out. Pure; `spans.ts` merges it with what earlier batches said.
 * @module
 */
import type { SpanRecord } from '../../base/span.ts'

/** Longest preview of an input, an output or an error, in UTF-16 units. */
const PREVIEW_LENGTH = 1000

/** One row of the upsert, in the names of its columns; times in milliseconds since the epoch. */
export type TraceDigest = {
  readonly trace_id: string
  readonly name: string
  readonly start_ms: number
  readonly end_ms: number
  /** Start of the run that names and ids are from; null when the batch has none of the trace. */
  readonly context_ms: number | null
  /** End of the run that output and error are from. */
  readonly result_ms: number | null
  readonly run_id: string | null
  readonly session_id: string | null
  readonly user_id: string | null
  readonly agent_id: string | null
  readonly team_id: string | null
  readonly workflow_id: string | null
  readonly input: string | null
  readonly output: string | null
  readonly error: string | null
}

/**
 * One digest per trace, ordered by trace id. The run that began first gives names, ids and input, the one that ended last
 * output and error: members of a team and steps of a workflow begin later than the whole, and do not end it.
 */
export function digestTraces(spans: readonly SpanRecord[]): TraceDigest[] {
  const byTrace = Map.groupBy(spans, ({ traceId }) => traceId)
  return [...byTrace].map(([traceId, own]) => digest(traceId, own)).sort((a, b) => (a.trace_id < b.trace_id ? -1 : 1))
}

function digest(traceId: string, spans: readonly SpanRecord[]): TraceDigest {
  const runs = spans.filter(({ kind }) => kind === 'AGENT')
  const first = runs.reduce<SpanRecord | undefined>((a, b) => (a && beginsBefore(a, b) ? a : b), undefined)
  // A member of a team may end in the same millisecond as the whole, or later than a whole that was stopped.
  const wholes = runs.filter((span) => textOf(span, 'agentos.run.parent_id') === null)
  const last = wholes.reduce<SpanRecord | undefined>((a, b) => (a && a.endMs > b.endMs ? a : b), undefined)
  const start = spans.reduce((a, b) => (a.startMs <= b.startMs ? a : b))
  return {
    trace_id: traceId,
    name: (first ?? start).name,
    start_ms: start.startMs,
    // Never before its start, whatever a clock did: conditions on the end count on it.
    end_ms: spans.reduce((latest, { endMs }) => Math.max(latest, endMs), start.startMs),
    context_ms: first?.startMs ?? null,
    result_ms: last?.endMs ?? null,
    run_id: first?.run?.runId ?? null,
    session_id: first?.run?.sessionId ?? null,
    user_id: first?.run?.userId ?? null,
    ...componentOf(first),
    input: preview(textOf(first, 'input.value')),
    output: preview(textOf(last, 'output.value')),
    error: preview(last?.error ?? null),
  }
}

/** Of two that begin together the longer one is the whole. */
function beginsBefore(a: SpanRecord, b: SpanRecord): boolean {
  return a.startMs < b.startMs || (a.startMs === b.startMs && a.endMs > b.endMs)
}

/** A team or a workflow is no agent, although its spans name one. */
function componentOf(span: SpanRecord | undefined): Pick<TraceDigest, 'agent_id' | 'team_id' | 'workflow_id'> {
  const team_id = textOf(span, 'agno.team.id')
  const workflow_id = textOf(span, 'agno.workflow.id')
  const isAgent = team_id === null && workflow_id === null
  return { agent_id: isAgent ? (span?.run?.agentId ?? null) : null, team_id, workflow_id }
}

function textOf(span: SpanRecord | undefined, name: string): string | null {
  const value = span?.attributes[name]
  return typeof value === 'string' ? value : null
}

function preview(text: string | null): string | null {
  if (text === null || text.length <= PREVIEW_LENGTH) return text
  const cut = text.slice(0, PREVIEW_LENGTH)
  // Half a surrogate pair is no character.
  return `${/[\ud800-\udbff]$/.test(cut) ? cut.slice(0, -1) : cut}…`
}
