/**
 * Traces: lists, trees of spans, statistics by session, and the search language.
 * @module
 */
import { z } from 'zod'
import { IsoTime, JsonObject, pageOf } from './json.ts'

const LAST_PAGE = 1_000_000_000
/** Largest page of the lists; asking for more gives this much. */
export const MAX_TRACE_LIMIT = 1000

const db_id = z.string().optional().describe('The id that GET /config names.')
const time = z
  .string()
  .optional()
  .describe('ISO 8601, for example 2026-11-23T10:00:00Z or 2026-11-23T15:30:00+05:30; UTC without an offset.')
const pages = {
  page: z.int().min(0).max(LAST_PAGE).default(1).describe('From 1; 0 is the first page too.'),
  limit: z.int().min(1).default(20).describe(`At most ${MAX_TRACE_LIMIT}; more gives that many.`),
}
const components = {
  agent_id: z.string().optional(),
  team_id: z.string().optional(),
  workflow_id: z.string().optional(),
}

export const TraceListQuery = z.object({
  run_id: z.string().optional(),
  session_id: z.string().optional(),
  user_id: z.string().optional(),
  ...components,
  status: z.string().optional().describe('OK or ERROR.'),
  start_time: time.describe('Traces that began then or later.'),
  end_time: time.describe('Traces that ended then or earlier.'),
  ...pages,
  db_id,
})
export type TraceListQuery = z.infer<typeof TraceListQuery>

export const TraceQuery = z.object({
  span_id: z.string().optional().describe('Gives this one span instead.'),
  run_id: z.string().optional().describe('Gives the part of this run.'),
  db_id,
})
export type TraceQuery = z.infer<typeof TraceQuery>

export const TraceStatsQuery = z.object({
  user_id: z.string().optional(),
  ...components,
  start_time: time.describe('Traces stored then or later.'),
  end_time: time.describe('Traces stored then or earlier.'),
  ...pages,
  db_id,
})
export type TraceStatsQuery = z.infer<typeof TraceStatsQuery>

export const TraceSearchQuery = z.object({ db_id })

export const TraceSearchRequest = z
  .object({
    filter: JsonObject.nullish().describe(
      'EQ, NEQ, GT, GTE, LT, LTE, CONTAINS, STARTSWITH as {"op", "key", "value"}, IN with "values", AND and OR with "conditions", NOT with "condition".',
    ),
    group_by: z.enum(['run', 'session']).default('run'),
    page: z.int().min(1).max(LAST_PAGE).default(1),
    limit: z.int().min(1).max(100).default(20),
  })
  .meta({ id: 'TraceSearchRequest' })
export type TraceSearchRequest = z.infer<typeof TraceSearchRequest>

const TraceState = z.enum(['OK', 'ERROR'])

const duration = z.string().describe('123ms below a second, else 1.50s.')

export const TraceSummary = z
  .object({
    trace_id: z.string(),
    name: z.string(),
    status: TraceState.describe('ERROR when a span of it is.'),
    duration,
    start_time: IsoTime,
    end_time: IsoTime,
    total_spans: z.int(),
    error_count: z.int(),
    input: z.string().optional().describe('The beginning of what was asked.'),
    run_id: z.string().optional().describe('Of the run that began first.'),
    session_id: z.string().optional(),
    user_id: z.string().optional(),
    agent_id: z.string().optional(),
    team_id: z.string().optional(),
    workflow_id: z.string().optional(),
    created_at: IsoTime,
  })
  .meta({ id: 'TraceSummary' })
export type TraceSummary = z.infer<typeof TraceSummary>

export const TraceSummaryPage = pageOf(TraceSummary)

export type TraceNode = {
  id: string
  name: string
  type: 'AGENT' | 'TEAM' | 'WORKFLOW' | 'LLM' | 'TOOL' | 'RETRIEVER'
  duration: string
  start_time: string
  end_time: string
  status: 'OK' | 'ERROR'
  input?: string | undefined
  output?: string | undefined
  error?: string | undefined
  /** What happened within it, in the order of beginning. */
  spans?: TraceNode[] | undefined
  step_type?: string | undefined
  metadata?: JsonObject | undefined
  extra_data?: JsonObject | undefined
}

export const TraceNode: z.ZodType<TraceNode> = z
  .object({
    id: z.string(),
    name: z.string(),
    type: z.enum(['AGENT', 'TEAM', 'WORKFLOW', 'LLM', 'TOOL', 'RETRIEVER']),
    duration,
    start_time: IsoTime,
    end_time: IsoTime,
    status: TraceState,
    input: z.string().optional(),
    output: z.string().optional(),
    error: z.string().optional(),
    get spans() {
      return z.array(TraceNode).optional()
    },
    step_type: z.string().optional(),
    metadata: JsonObject.optional(),
    extra_data: JsonObject.optional().describe('All attributes of the span, when one span was asked for.'),
  })
  .meta({ id: 'TraceNode' })

export const TraceDetail = TraceSummary.extend({
  input: z.string().optional(),
  output: z.string().optional(),
  error: z.string().optional(),
  tree: z.array(TraceNode),
}).meta({ id: 'TraceDetail' })
export type TraceDetail = z.infer<typeof TraceDetail>

export const TraceDetailPage = pageOf(TraceDetail)

export const TraceSessionStats = z
  .object({
    session_id: z.string(),
    user_id: z.string().optional(),
    agent_id: z.string().optional(),
    team_id: z.string().optional(),
    workflow_id: z.string().optional(),
    total_traces: z.int(),
    first_trace_at: IsoTime,
    last_trace_at: IsoTime,
  })
  .meta({ id: 'TraceSessionStats' })
export type TraceSessionStats = z.infer<typeof TraceSessionStats>

export const TraceSessionStatsPage = pageOf(TraceSessionStats)

export const TraceFilterSchema = z
  .object({
    fields: z.array(
      z.object({
        key: z.string(),
        label: z.string(),
        type: z.enum(['string', 'number', 'datetime', 'enum']),
        operators: z.array(z.string()),
        values: z.array(z.string()).nullable(),
      }),
    ),
    logical_operators: z.array(z.string()),
  })
  .meta({ id: 'TraceFilterSchema' })
export type TraceFilterSchema = z.infer<typeof TraceFilterSchema>
