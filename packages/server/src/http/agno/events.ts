/**
 * Events of a run as Agno's: one line of compact JSON each, keys in Agno's order, no key that is null. Where Agno sends
 * two events for one of ours, the second is the follower.
 * @module
 */
import type { AgentEvent, AgentEventOf } from '@agentos/wire'
import { isJsonObject, type JsonObject, parseJson } from '../../base/json.ts'
import type { RunEvent, RunFailure, RunMetrics, RunResult } from '../../base/run.ts'
import { toEventMemory, toSessionSummary } from './memory.ts'
import { toFilledLists } from './media.ts'
import { toFirstToken, toRunMetrics } from './metrics.ts'
import { toCitations, toReferences } from './references.ts'
import { pauseSentence, toRunRequirement } from './requirement.ts'
import { describeCall, toToolExecution, toWaitingTool } from './tool.ts'

/** Whose event it is. */
export type EventContext = {
  readonly runId: string
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  /** Metadata of the agent and of the request; RunCompleted carries it. */
  readonly metadata?: JsonObject | null
}

/** What the SSE line `event:` says. */
export const EVENT_NAMES = {
  'run-start': 'RunStarted',
  'model-start': 'ModelRequestStarted',
  content: 'RunContent',
  reasoning: 'ReasoningContentDelta',
  'model-end': 'ModelRequestCompleted',
  'tool-start': 'ToolCallStarted',
  'tool-end': 'ToolCallCompleted',
  'content-end': 'RunContentCompleted',
  'memory-start': 'MemoryUpdateStarted',
  'memory-end': 'MemoryUpdateCompleted',
  'summary-start': 'SessionSummaryStarted',
  'summary-end': 'SessionSummaryCompleted',
  'run-end': 'RunCompleted',
  'run-cancel': 'RunCancelled',
  'run-error': 'RunError',
  'run-continue': 'RunContinued',
  'run-recover': 'CustomEvent',
  'run-pause': 'RunPaused',
} as const satisfies Record<RunEvent['type'], AgentEvent['event']>

/** One line of JSON, without a newline in it. */
export function encodeEvent(event: RunEvent, run: EventContext): string {
  return JSON.stringify(toAgentEvent(event, run))
}

function toAgentEvent(event: RunEvent, run: EventContext): AgentEvent {
  const { type, at } = event
  switch (type) {
    case 'run-start':
    case 'model-start':
      return { ...head(EVENT_NAMES[type], at, run), model: event.model.id, model_provider: event.model.provider }
    case 'content':
      return {
        ...head('RunContent', at, run),
        content: event.text,
        workflow_agent: false,
        content_type: 'str',
        reasoning_content: '',
      }
    case 'reasoning':
      return { ...head('ReasoningContentDelta', at, run), reasoning_content: event.text }
    case 'model-end':
      return {
        ...head('ModelRequestCompleted', at, run),
        model: event.model.id,
        model_provider: event.model.provider,
        input_tokens: event.usage.inputTokens,
        output_tokens: event.usage.outputTokens,
        total_tokens: event.usage.totalTokens,
        ...toFirstToken(event.timeToFirstTokenMs),
        reasoning_tokens: event.usage.reasoningTokens,
        cache_read_tokens: event.usage.cacheReadTokens,
        cache_write_tokens: event.usage.cacheWriteTokens,
      }
    case 'tool-start':
      return { ...head('ToolCallStarted', at, run), tool: toToolExecution(event.tool) }
    case 'tool-end':
      return {
        ...head('ToolCallCompleted', at, run),
        content: describeCall(event.tool),
        tool: toToolExecution(event.tool),
      }
    case 'content-end':
    case 'memory-start':
    case 'summary-start':
      return head(EVENT_NAMES[type], at, run)
    case 'memory-end':
      return {
        ...head('MemoryUpdateCompleted', at, run),
        ...(event.memories !== undefined && { memories: event.memories.map(toEventMemory) }),
      }
    case 'summary-end':
      return {
        ...head('SessionSummaryCompleted', at, run),
        ...(event.summary !== undefined && { session_summary: toSessionSummary(event.summary) }),
      }
    case 'run-end':
      return toRunCompleted(at, run, event.result, event.sessionState)
    case 'run-cancel':
      return { ...head('RunCancelled', at, run), content: event.content, reason: event.reason }
    case 'run-continue':
      return head('RunContinued', at, run)
    case 'run-recover':
      return {
        ...head('CustomEvent', at, run),
        name: 'run_recovered',
        attempt: event.attempt,
        void_from_index: event.voidFrom,
        void_to_index: event.voidTo,
      }
    case 'run-pause':
      return {
        ...head('RunPaused', at, run),
        content: pauseSentence(event.requirements),
        tools: event.requirements.map(toWaitingTool),
        requirements: event.requirements.map(toRunRequirement),
      }
    case 'run-error':
      return { ...head('RunError', at, run), ...describeError(event.error) }
  }
}

function describeError({ code, message }: RunFailure) {
  const type = code.startsWith('MODEL_') ? 'model_provider_error' : code.toLowerCase()
  return { content: message, error_type: type, error_id: code }
}

/** The event that Agno sends after `event`, an event as it was encoded: ToolCallError after a call that failed. */
export function followerOf(event: JsonObject): JsonObject | undefined {
  const { event: name, created_at, content: _, tool, ...run } = event
  if (name !== 'ToolCallCompleted' || !isJsonObject(tool) || tool['tool_call_error'] !== true) return undefined
  return { created_at: created_at ?? null, event: 'ToolCallError', ...run, error: tool['result'] ?? '', tool }
}

/** The `event` of one that was encoded. */
export function nameOfEncoded(json: string): string {
  const known = /^\{"created_at":\d+,"event":"(\w+)"/.exec(json)?.[1]
  if (known !== undefined) return known
  const event = parseJson(json)
  return isJsonObject(event) && typeof event['event'] === 'string' ? event['event'] : 'message'
}

/** Ends a run; follows RunCancelled too. */
function toRunCompleted(
  at: number,
  run: EventContext,
  result: Pick<RunResult, 'content' | 'contentType' | 'reasoning' | 'model' | 'media' | 'references' | 'citations'> & {
    readonly metrics: RunMetrics
  },
  sessionState: JsonObject,
): AgentEventOf<'RunCompleted'> {
  return {
    ...head('RunCompleted', at, run),
    content: result.content,
    content_type: result.contentType,
    ...(result.reasoning !== '' && { reasoning_content: result.reasoning }),
    ...toCitations(result.citations),
    ...toFilledLists(result.media ?? [], run.sessionId),
    ...(result.references && { references: result.references.map(toReferences) }),
    session_state: sessionState,
    ...(run.metadata && { metadata: run.metadata }),
    metrics: toRunMetrics(result.metrics, result.model),
  }
}

function head<const Name extends AgentEvent['event']>(event: Name, at: number, run: EventContext) {
  return {
    created_at: Math.floor(at / 1000),
    event,
    agent_id: run.agentId,
    agent_name: run.agentName,
    run_id: run.runId,
    session_id: run.sessionId,
    nested_depth: 0,
  }
}
