/**
 * Usage: what was run per day, by whom and with how many tokens.
 * @module
 */
import { z } from 'zod'
import { IsoTime } from './json.ts'

const count = z.int().min(0)

export const DayUsage = z
  .object({
    id: z.string(),
    agent_runs_count: count,
    agent_sessions_count: count,
    team_runs_count: count,
    team_sessions_count: count,
    workflow_runs_count: count,
    workflow_sessions_count: count,
    users_count: count.describe('Different users with a session that began, or a run that came to rest.'),
    token_metrics: z.object({
      input_tokens: count,
      output_tokens: count,
      total_tokens: count,
      audio_total_tokens: count,
      audio_input_tokens: count,
      audio_output_tokens: count,
      cache_read_tokens: count,
      cache_write_tokens: count,
      reasoning_tokens: count,
    }),
    model_metrics: z.array(z.object({ model_id: z.string(), model_provider: z.string(), count })),
    date: IsoTime.describe('Midnight in UTC, at which the day begins.'),
    created_at: IsoTime,
    updated_at: IsoTime,
  })
  .meta({ id: 'DayUsage' })
export type DayUsage = z.infer<typeof DayUsage>

export const UsageQuery = z.object({
  starting_date: z.iso.date().optional().describe('YYYY-MM-DD, inclusive.'),
  ending_date: z.iso.date().optional().describe('YYYY-MM-DD, inclusive.'),
  user_id: z.string().optional().describe('Of this user only.'),
})
export type UsageQuery = z.infer<typeof UsageQuery>

export const UsageReport = z
  .object({ metrics: z.array(DayUsage), updated_at: IsoTime.nullable() })
  .meta({ id: 'UsageReport' })
export type UsageReport = z.infer<typeof UsageReport>

export const UsageRefreshQuery = z.object({
  background: z.boolean().default(false).describe('Answers 202 at once.'),
  user_id: z.string().optional(),
})

export const UsageRefresh = z
  .object({ status: z.enum(['started', 'already_running']), message: z.string() })
  .meta({ id: 'UsageRefresh' })

export const UsageRefreshStatus = z
  .object({
    status: z.enum(['idle', 'running', 'completed', 'failed']),
    started_at: IsoTime.nullable(),
    finished_at: IsoTime.nullable(),
    error: z.string().nullable(),
  })
  .meta({ id: 'UsageRefreshStatus' })
export type UsageRefreshStatus = z.infer<typeof UsageRefreshStatus>
