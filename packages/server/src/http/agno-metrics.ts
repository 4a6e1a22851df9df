/**
 * Tokens and times under Agno's names: seconds, and nothing that is zero or unknown.
 * @module
 */
import type { MessageMetrics, RunMetrics as WireRunMetrics, SessionMetrics } from '@agentos/wire'
import type { AssistantMessage } from '../base/message.ts'
import type { ModelName, RunMetrics } from '../base/run.ts'
import type { Usage } from '../base/usage.ts'

export function toCounts(usage: Usage): SessionMetrics {
  return {
    ...(usage.inputTokens > 0 && { input_tokens: usage.inputTokens }),
    ...(usage.outputTokens > 0 && { output_tokens: usage.outputTokens }),
    ...(usage.totalTokens > 0 && { total_tokens: usage.totalTokens }),
    ...(usage.cacheReadTokens > 0 && { cache_read_tokens: usage.cacheReadTokens }),
    ...(usage.cacheWriteTokens > 0 && { cache_write_tokens: usage.cacheWriteTokens }),
    ...(usage.reasoningTokens > 0 && { reasoning_tokens: usage.reasoningTokens }),
  }
}

export function toRunMetrics({ usage, durationMs, timeToFirstTokenMs }: RunMetrics, model: ModelName): WireRunMetrics {
  const counts = toCounts(usage)
  return {
    ...counts,
    ...toFirstToken(timeToFirstTokenMs),
    duration: durationMs / 1000,
    ...(Object.keys(counts).length > 0 && {
      details: { model: [{ ...counts, id: model.id, provider: model.provider }] },
    }),
  }
}

export function toMessageMetrics({ usage, timeToFirstTokenMs }: AssistantMessage): MessageMetrics {
  return { ...toCounts(usage), ...toFirstToken(timeToFirstTokenMs) }
}

/** Seconds to the first token, where there was one. */
export function toFirstToken(timeToFirstTokenMs: number | undefined): { time_to_first_token?: number } {
  return timeToFirstTokenMs === undefined ? {} : { time_to_first_token: timeToFirstTokenMs / 1000 }
}
