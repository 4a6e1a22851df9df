/**
 * Traces as Agno shows them: summaries, trees of spans, statistics by session. Null keys are left out.
 * @module
 */
import type {
  TraceDetail,
  TraceNode,
  TraceSessionStats as WireSessionStats,
  TraceSummary as WireTraceSummary,
} from '@agentos/wire'
import type { SessionTraces, Span, Trace } from '../../storage/traces/traces.ts'

/** The attributes that a tree shows. */
export const SHOWN_ATTRIBUTES: readonly string[] = [
  'input.value',
  'output.value',
  'llm.model_name',
  'llm.token_count.prompt',
  'llm.token_count.completion',
  'tool.name',
  'tool.parameters',
  'session.id',
  'user.id',
  'agno.agent.id',
  'agno.team.id',
  'agno.workflow.id',
  'agentos.run.attempt',
  'agentos.run.origin',
  'agentos.time_to_first_token_ms',
  'agentos.run.parent_id',
  'agentos.attempt.lost',
]

export function toTraceSummary(trace: Trace): WireTraceSummary {
  return {
    trace_id: trace.traceId,
    name: trace.name,
    status: trace.status,
    ...timesOf(trace),
    total_spans: trace.totalSpans,
    error_count: trace.errorCount,
    ...present({
      input: trace.input,
      run_id: trace.runId,
      session_id: trace.sessionId,
      user_id: trace.userId,
      agent_id: trace.agentId,
      team_id: trace.teamId,
      workflow_id: trace.workflowId,
    }),
    created_at: trace.createdAt.toISOString(),
  }
}

/** @param spans those of the trace, oldest first; where some are missing, what hung from them stands at the top */
export function toTraceDetail(trace: Trace, spans: readonly Span[]): TraceDetail {
  const runs = spans.filter(({ kind }) => kind === 'AGENT')
  const ids = new Set(spans.map(({ spanId }) => spanId))
  // A member or a step hangs below a tool of the whole, and may begin in the same millisecond.
  const first = runs.find(({ parentSpanId }) => parentSpanId === null || !ids.has(parentSpanId)) ?? runs[0]
  const wholes = runs.filter((span) => textOf(span, 'agentos.run.parent_id') === null)
  const last = wholes.reduce<Span | undefined>((a, b) => (a && a.endTime > b.endTime ? a : b), undefined)
  const failed = last?.error ?? trace.error ?? spans.find(({ error }) => error !== null)?.error
  return {
    ...toTraceSummary(trace),
    ...present({
      input: textOf(first, 'input.value') ?? trace.input,
      output: last ? textOf(last, 'output.value') : trace.output,
      error: trace.status === 'ERROR' ? failed : null,
    }),
    tree: toTree(trace, spans),
  }
}

/**
 * The part of a trace that is of one run, with everything it caused, as a trace of its own.
 * @param spans those of the whole trace, oldest first
 * @returns undefined when the trace has no such run
 */
export function partOfRun(
  trace: Trace,
  spans: readonly Span[],
  runId: string,
): { trace: Trace; spans: Span[] } | undefined {
  const below = Map.groupBy(spans, ({ parentSpanId }) => parentSpanId)
  const kept = new Set(spans.filter((span) => span.runId === runId))
  // Grows while it is walked through.
  for (const span of kept) for (const child of below.get(span.spanId) ?? []) kept.add(child)
  const part = spans.filter((span) => kept.has(span))
  const first = part.find(({ kind, runId: own }) => kind === 'AGENT' && own === runId) ?? part[0]
  if (first === undefined) return undefined
  const errorCount = part.filter(({ error }) => error !== null).length
  return {
    trace: {
      ...trace,
      name: first.name,
      status: errorCount > 0 ? 'ERROR' : 'OK',
      startTime: part.reduce(
        (earliest, { startTime }) => (startTime < earliest ? startTime : earliest),
        first.startTime,
      ),
      endTime: part.reduce((latest, { endTime }) => (endTime > latest ? endTime : latest), first.endTime),
      totalSpans: part.length,
      errorCount,
      input: null,
      output: null,
      error: null,
      runId,
      sessionId: textOf(first, 'session.id'),
      userId: textOf(first, 'user.id'),
      agentId: textOf(first, 'agno.agent.id'),
      teamId: textOf(first, 'agno.team.id'),
      workflowId: textOf(first, 'agno.workflow.id'),
    },
    spans: part,
  }
}

/** One span, without those below it. */
export function toTraceNode(span: Span): TraceNode {
  const metadata = metadataOf(span)
  return {
    id: span.spanId,
    name: span.name,
    type: typeOf(span),
    ...timesOf(span),
    status: span.error === null ? 'OK' : 'ERROR',
    ...present({
      input: textOf(span, 'input.value'),
      output: textOf(span, 'output.value'),
      error: span.error,
      metadata: Object.keys(metadata).length > 0 ? metadata : null,
    }),
  }
}

export function toSessionStats(stats: SessionTraces): WireSessionStats {
  return {
    session_id: stats.sessionId,
    ...present({
      user_id: stats.userId,
      agent_id: stats.agentId,
      team_id: stats.teamId,
      workflow_id: stats.workflowId,
    }),
    total_traces: stats.totalTraces,
    first_trace_at: stats.firstTraceAt.toISOString(),
    last_trace_at: stats.lastTraceAt.toISOString(),
  }
}

function toTree(trace: Trace, spans: readonly Span[]): TraceNode[] {
  const ids = new Set(spans.map(({ spanId }) => spanId))
  const below = Map.groupBy(spans, ({ parentSpanId }) =>
    parentSpanId !== null && ids.has(parentSpanId) ? parentSpanId : null,
  )
  const toNode = (span: Span): TraceNode => {
    const children = below.get(span.spanId)
    return { ...toTraceNode(span), ...(children && { spans: children.map(toNode) }) }
  }
  const [root, ...others] = (below.get(null) ?? []).map(toNode)
  return root ? [toRoot(root, trace, spans), ...others] : []
}

/** The first root stands for the trace, which has its input, output and error already. */
function toRoot(
  { input: _, output: _output, error: _error, metadata: _metadata, ...root }: TraceNode,
  trace: Trace,
  spans: readonly Span[],
): TraceNode {
  const total = (name: string) => spans.reduce((sum, span) => sum + (numberOf(span, name) ?? 0), 0)
  const input = total('llm.token_count.prompt')
  const output = total('llm.token_count.completion')
  const metadata = {
    ...(input > 0 && { total_input_tokens: input }),
    ...(output > 0 && { total_output_tokens: output }),
  }
  return { ...root, ...timesOf(trace), ...(input + output > 0 && { metadata }) }
}

function metadataOf(span: Span) {
  const ids = { session_id: textOf(span, 'session.id'), user_id: textOf(span, 'user.id') }
  // Told of by the attempt after it.
  const lost = { lost: span.attributes['agentos.attempt.lost'] === true || null }
  switch (span.kind) {
    case 'AGENT':
      return present({
        run_id: span.runId,
        parent_run_id: textOf(span, 'agentos.run.parent_id'),
        ...ids,
        attempt: numberOf(span, 'agentos.run.attempt'),
        origin: textOf(span, 'agentos.run.origin'),
      })
    case 'LLM':
      return present({
        model: textOf(span, 'llm.model_name'),
        input_tokens: numberOf(span, 'llm.token_count.prompt'),
        output_tokens: numberOf(span, 'llm.token_count.completion'),
        time_to_first_token_ms: numberOf(span, 'agentos.time_to_first_token_ms'),
        ...lost,
        ...ids,
      })
    case 'TOOL':
      return present({
        tool_name: textOf(span, 'tool.name'),
        parameters: textOf(span, 'tool.parameters'),
        ...lost,
        ...ids,
      })
    case 'RETRIEVER':
      return present({
        query: textOf(span, 'input.value'),
        documents: numberOf(span, 'agentos.retrieval.documents'),
        ...lost,
        ...ids,
      })
    case 'CHAIN':
      return present(ids)
  }
}

function typeOf(span: Span): TraceNode['type'] {
  // As in Agno, where whatever belongs to a workflow is called one.
  if (span.kind === 'CHAIN') return 'WORKFLOW'
  if (span.kind !== 'AGENT') return span.kind
  if (textOf(span, 'agno.workflow.id') !== null) return 'WORKFLOW'
  return textOf(span, 'agno.team.id') === null ? 'AGENT' : 'TEAM'
}

function timesOf({ startTime, endTime }: { readonly startTime: Date; readonly endTime: Date }) {
  return {
    duration: formatDuration(endTime.getTime() - startTime.getTime()),
    start_time: startTime.toISOString(),
    end_time: endTime.toISOString(),
  }
}

/** `123ms` below a second, else `1.50s`. */
export function formatDuration(ms: number): string {
  const whole = Math.max(0, Math.round(ms))
  return whole < 1000 ? `${whole}ms` : `${(whole / 1000).toFixed(2)}s`
}

function textOf(span: Span | undefined, name: string): string | null {
  const value = span?.attributes[name]
  return typeof value === 'string' ? value : null
}

function numberOf(span: Span, name: string): number | null {
  const value = span.attributes[name]
  return typeof value === 'number' ? value : null
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], null | undefined> }

/** `values` without the keys that are null or undefined. */
function present<T extends object>(values: T): Present<T> {
  // What is left has the types that are left.
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => value !== null && value !== undefined),
  ) as Present<T>
}
