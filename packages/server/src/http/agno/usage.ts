/**
 * Usage per day as Agno shows it.
 * @module
 */
import type { DayUsage as WireDay } from '@agentos/wire'
import type { DayUsage } from '../../storage/usage.ts'
import { toIsoSeconds } from './time.ts'

/** Keys in Agno's order. */
export function toDayUsage({ day, runs, sessions, users, usage, models, createdAt, updatedAt }: DayUsage): WireDay {
  return {
    id: `${day}_daily`,
    agent_runs_count: runs.agent,
    agent_sessions_count: sessions.agent,
    team_runs_count: runs.team,
    team_sessions_count: sessions.team,
    workflow_runs_count: runs.workflow,
    workflow_sessions_count: sessions.workflow,
    users_count: users,
    token_metrics: {
      input_tokens: usage.inputTokens,
      output_tokens: usage.outputTokens,
      total_tokens: usage.totalTokens,
      audio_total_tokens: 0,
      audio_input_tokens: 0,
      audio_output_tokens: 0,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      reasoning_tokens: usage.reasoningTokens,
    },
    model_metrics: models.map(({ model, provider, runs: count }) => ({
      model_id: model,
      model_provider: provider,
      count,
    })),
    date: `${day}T00:00:00Z`,
    created_at: toIsoSeconds(createdAt.getTime()),
    updated_at: toIsoSeconds(updatedAt.getTime()),
  }
}
