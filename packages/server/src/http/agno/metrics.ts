/**
 * Tokens and times under Agno's names: seconds, and nothing that is zero or unknown.
 * @module
 */
import type { MessageMetrics, ModelMetrics, RunMetrics as WireRunMetrics, SessionMetrics } from '@agentos/wire'
import type { AssistantMessage } from '../../base/message.ts'
import type { ModelName, RunMetrics, SideUsage } from '../../base/run.ts'
import { addUsage, NO_USAGE, subtractUsage, type Usage } from '../../base/usage.ts'

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

export function toRunMetrics(
  { usage, beside = [], durationMs, timeToFirstTokenMs }: RunMetrics,
  model: ModelName,
): WireRunMetrics {
  const counts = toCounts(usage)
  return {
    ...counts,
    ...toFirstToken(timeToFirstTokenMs),
    duration: durationMs / 1000,
    ...(Object.keys(counts).length > 0 && { details: toDetails(usage, beside, model) }),
  }
}

/** The total by purpose, and within it by model. */
function toDetails(total: Usage, beside: readonly SideUsage[], model: ModelName): WireRunMetrics['details'] {
  const own = beside.reduce((left, { usage }) => subtractUsage(left, usage), total)
  const purposes = Map.groupBy(beside, ({ purpose }) => purpose)
  const details = [...purposes].map(([purpose, calls]) => {
    const models = Map.groupBy(calls, (call) => `${call.model.provider}:${call.model.id}`)
    return [purpose, [...models.values()].flatMap(toModelMetrics)] as const
  })
  return { model: [{ ...toCounts(own), id: model.id, provider: model.provider }], ...Object.fromEntries(details) }
}

function toModelMetrics(calls: readonly SideUsage[]): ModelMetrics[] {
  const [first] = calls
  if (first === undefined) return []
  const usage = calls.reduce((sum, call) => addUsage(sum, call.usage), NO_USAGE)
  return [{ ...toCounts(usage), id: first.model.id, provider: first.model.provider }]
}

export function toMessageMetrics({ usage, timeToFirstTokenMs }: AssistantMessage): MessageMetrics {
  return { ...toCounts(usage), ...toFirstToken(timeToFirstTokenMs) }
}

/** Seconds to the first token, where there was one. */
export function toFirstToken(timeToFirstTokenMs: number | undefined): { time_to_first_token?: number } {
  return timeToFirstTokenMs === undefined ? {} : { time_to_first_token: timeToFirstTokenMs / 1000 }
}
