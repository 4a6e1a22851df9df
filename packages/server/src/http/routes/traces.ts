/**
 * Traces: what happened in runs, how long each part took, and what went wrong.
 * @module
 */
import {
  MAX_TRACE_LIMIT,
  TraceDetail,
  TraceDetailPage,
  TraceFilterSchema,
  TraceListQuery,
  TraceNode,
  TraceQuery,
  TraceSearchQuery,
  TraceSearchRequest,
  TraceSessionStatsPage,
  TraceStatsQuery,
  TraceSummaryPage,
} from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import type { TraceCondition, TraceField } from '../../storage/traces/trace-filter.ts'
import {
  findSpan,
  findTrace,
  listSessionTraces,
  listTraces,
  readSpans,
  type Span,
  type Trace,
} from '../../storage/traces/traces.ts'
import { DATABASE_ID } from '../agno/agent.ts'
import {
  partOfRun,
  SHOWN_ATTRIBUTES,
  toSessionStats,
  toTraceDetail,
  toTraceNode,
  toTraceSummary,
} from '../agno/trace.ts'
import { describeTraceFilter, parseTraceFilter } from '../agno/trace-filter.ts'
import type { AppDeps } from '../deps.ts'
import { readIsoTime } from '../input/iso-time.ts'
import { startPage } from '../page.ts'
import { jsonBody, route } from '../route.ts'

const tag = 'Traces'
const FAILURES = ['INVALID_REQUEST', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'] as const

/** Most spans of one answer, those that began first: a tree of more is no longer read by anybody. */
const MOST_SPANS = 4000

export const getTraces = route({
  method: 'GET',
  path: '/traces',
  scope: 'traces:read',
  tag,
  summary: 'List traces, newest first, a page at a time',
  query: TraceListQuery,
  response: TraceSummaryPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    checkDatabase(query)
    const condition = allOf([
      ...equalities(query, ['run_id', 'session_id', 'user_id', 'agent_id', 'team_id', 'workflow_id', 'status']),
      ...(query.start_time === undefined ? [] : [atLeast('start_time', readIsoTime(query.start_time, 'start_time'))]),
      ...(query.end_time === undefined ? [] : [atMost('end_time', readIsoTime(query.end_time, 'end_time'))]),
    ])
    const asked = { page: query.page, limit: Math.min(query.limit, MAX_TRACE_LIMIT) }
    const page = startPage(deps.clock, asked)
    const { traces, total } = await listTraces(deps.database.db, condition, asked)
    return page(traces.map(toTraceSummary), total)
  },
})

export const getTrace = route({
  method: 'GET',
  path: '/traces/{trace_id}',
  scope: 'traces:read',
  tag,
  summary: 'Read one trace as a tree of spans, the part of one run, or one span',
  params: z.object({ trace_id: z.string() }),
  query: TraceQuery,
  response: z.union([TraceDetail, TraceNode]),
  errors: ['TRACE_NOT_FOUND', 'DATABASE_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    checkDatabase(query)
    const { db } = deps.database
    const trace = await findTrace(db, params.trace_id)
    if (!trace) throw new AgentOSError('TRACE_NOT_FOUND', 'Trace not found')
    if (query.span_id !== undefined) {
      const span = await findSpan(db, trace.traceId, query.span_id)
      if (!span) throw new AgentOSError('TRACE_NOT_FOUND', `Span ${query.span_id} not found in this trace`)
      return { ...toTraceNode(span), extra_data: span.attributes }
    }
    const spans = await spansOf(deps, [trace])
    const whole = { trace, spans: spans.get(trace.traceId) ?? [] }
    const shown = query.run_id === undefined ? whole : partOfRun(trace, whole.spans, query.run_id)
    if (!shown) throw new AgentOSError('TRACE_NOT_FOUND', `Run ${query.run_id} not found in this trace`)
    return toTraceDetail(shown.trace, shown.spans)
  },
})

export const getTraceSessionStats = route({
  method: 'GET',
  path: '/trace_session_stats',
  scope: 'traces:read',
  tag,
  summary: 'Count traces by session, the session with the newest one first',
  query: TraceStatsQuery,
  response: TraceSessionStatsPage,
  errors: FAILURES,
  async handle({ query, deps }) {
    checkDatabase(query)
    const condition = allOf([
      ...equalities(query, ['user_id', 'agent_id', 'team_id', 'workflow_id']),
      ...(query.start_time === undefined ? [] : [atLeast('created_at', readIsoTime(query.start_time, 'start_time'))]),
      ...(query.end_time === undefined ? [] : [atMost('created_at', readIsoTime(query.end_time, 'end_time'))]),
    ])
    return pageOfSessions(deps, condition, { page: query.page, limit: Math.min(query.limit, MAX_TRACE_LIMIT) })
  },
})

export const searchTraces = route({
  method: 'POST',
  path: '/traces/search',
  scope: 'traces:read',
  tag,
  summary: 'Search traces with a filter: whole trees, or counts by session',
  query: TraceSearchQuery,
  body: jsonBody(TraceSearchRequest, { optional: true }),
  response: z.union([TraceDetailPage, TraceSessionStatsPage]),
  errors: FAILURES,
  async handle({ query, body, deps }) {
    checkDatabase(query)
    const condition = parseTraceFilter(body.filter)
    if (body.group_by === 'session') return pageOfSessions(deps, condition, body)
    const page = startPage(deps.clock, body)
    const { traces, total } = await listTraces(deps.database.db, condition, body)
    const spans = await spansOf(deps, traces)
    return page(
      traces.map((trace) => toTraceDetail(trace, spans.get(trace.traceId) ?? [])),
      total,
    )
  },
})

export const getTraceFilterSchema = route({
  method: 'GET',
  path: '/traces/filter-schema',
  scope: 'traces:read',
  tag,
  summary: 'Tell what a search can name, and how',
  response: TraceFilterSchema,
  errors: [],
  handle: () => describeTraceFilter(),
})

type Paging = { readonly page: number; readonly limit: number }

async function pageOfSessions(deps: AppDeps, condition: TraceCondition, asked: Paging) {
  const page = startPage(deps.clock, asked)
  const { sessions, total } = await listSessionTraces(deps.database.db, condition, asked)
  return page(sessions.map(toSessionStats), total)
}

/** A page of traces shares the room that one trace has alone. */
function spansOf(deps: AppDeps, traces: readonly Trace[]): Promise<ReadonlyMap<string, readonly Span[]>> {
  const traceIds = traces.map(({ traceId }) => traceId)
  const most = Math.floor(MOST_SPANS / Math.max(1, traces.length))
  return readSpans(deps.database.db, traceIds, { most, attributes: SHOWN_ATTRIBUTES })
}

function equalities<F extends TraceField>(query: { readonly [K in F]?: string | undefined }, fields: readonly F[]) {
  return fields.flatMap((field): TraceCondition[] => {
    const value = query[field]
    return value === undefined ? [] : [{ op: 'eq', field, value }]
  })
}

const allOf = (conditions: readonly TraceCondition[]): TraceCondition => ({ op: 'and', conditions })
const atLeast = (field: TraceField, value: Date): TraceCondition => ({ op: 'gte', field, value })
const atMost = (field: TraceField, value: Date): TraceCondition => ({ op: 'lte', field, value })

function checkDatabase({ db_id: id }: { readonly db_id?: string | undefined }): void {
  if (id === undefined || id === DATABASE_ID) return
  throw new AgentOSError('DATABASE_NOT_FOUND', `No database found with id '${id}'`)
}
