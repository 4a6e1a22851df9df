/**
 * The trace routes of the client.
 * @module
 */
import {
  TraceDetail,
  TraceDetailPage,
  TraceFilterSchema,
  type TraceListQuery,
  TraceNode,
  type TraceSearchRequest,
  TraceSessionStatsPage,
  type TraceStatsQuery,
  TraceSummaryPage,
} from './trace.ts'
import type { Transport } from './transport.ts'

export function createTraceClient({ ask }: Transport) {
  const pathOf = (traceId: string) => `/traces/${encodeURIComponent(traceId)}`
  const search = (request: Partial<TraceSearchRequest>) => ({ method: 'POST', json: request })
  return {
    list: (query: Partial<TraceListQuery> = {}) => ask(TraceSummaryPage, '/traces', { query }),
    /** @param runId narrows it to the part of that run */
    get: (traceId: string, runId?: string) => ask(TraceDetail, pathOf(traceId), { query: { run_id: runId } }),
    span: (traceId: string, spanId: string) => ask(TraceNode, pathOf(traceId), { query: { span_id: spanId } }),
    search: (request: Omit<Partial<TraceSearchRequest>, 'group_by'> = {}) =>
      ask(TraceDetailPage, '/traces/search', search({ ...request, group_by: 'run' })),
    searchSessions: (request: Omit<Partial<TraceSearchRequest>, 'group_by'> = {}) =>
      ask(TraceSessionStatsPage, '/traces/search', search({ ...request, group_by: 'session' })),
    filterSchema: () => ask(TraceFilterSchema, '/traces/filter-schema'),
    sessionStats: (query: Partial<TraceStatsQuery> = {}) =>
      ask(TraceSessionStatsPage, '/trace_session_stats', { query }),
  }
}
