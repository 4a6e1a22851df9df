/**
 * What the journal knows of a first attempt that was lost: the model calls whose replies were committed, the tools
 * whose results were, and what was looked up. When they ended stands in their messages, and how long they took; a reply without a duration, as
 * older releases wrote them, is left out, and so is whatever was under way. The spans have the ids that the lost replica
 * gave them, in case it had told of them after all.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { AssistantMessage, ToolMessage } from '../base/message.ts'
import type { SpanRecord } from '../base/span.ts'
import { modelSpanId, spanIdOf, toolSpanId } from '../base/trace-context.ts'
import { retrieverSpans } from './retriever-spans.ts'
import { modelAttributes, toolAttributes } from './span-attributes.ts'
import type { ContentLevel } from './span-content.ts'

const LOST_ATTEMPT = 1
/** On every span that is told of by somebody else. */
const MARK = { 'agentos.attempt.lost': true }

/** @param record of the second attempt: what was in the journal when it began is the first one's */
export function describeLostCalls(record: AttemptRecord, level: ContentLevel): SpanRecord[] {
  const spans: SpanRecord[] = []
  let calls = 0
  for (const [index, message] of record.messages.slice(0, record.fromMessage).entries()) {
    if (index < record.inherited) continue
    if (message.role === 'tool') spans.push(lostTool(record, message, level))
    if (message.role !== 'assistant') continue
    if (message.durationMs !== undefined) spans.push(lostModelCall(record, index, calls, message, level))
    calls++
  }
  const part = { from: record.inherited, to: record.fromMessage, attempt: LOST_ATTEMPT }
  const searches = retrieverSpans(record, part, level).map((span) => {
    return { ...span, attributes: { ...span.attributes, ...MARK } }
  })
  return [...spans, ...searches]
}

function lostModelCall(
  record: AttemptRecord,
  index: number,
  call: number,
  reply: AssistantMessage,
  level: ContentLevel,
): SpanRecord {
  const { runId, model, modelSettings: settings, history, messages, sessionId } = record
  const asked = messages.slice(0, index)
  return {
    ...commonOf(record, reply),
    spanId: modelSpanId(runId, LOST_ATTEMPT, call),
    name: `chat ${model.id}`,
    kind: 'LLM',
    error: null,
    attributes: {
      ...modelAttributes({ model, settings, history, asked, reply, finishReason: undefined, sessionId }, level),
      ...MARK,
    },
  }
}

function lostTool(record: AttemptRecord, message: ToolMessage, level: ContentLevel): SpanRecord {
  const { toolCallId, toolName, input, content, isError, durationMs } = message
  const { startMs, ...common } = commonOf(record, message)
  const tool = { toolCallId, toolName, input, createdAt: startMs, result: content, isError, durationMs }
  const description = record.tools.find(({ name }) => name === toolName)?.description
  return {
    ...common,
    startMs,
    spanId: toolSpanId(record.runId, toolCallId, LOST_ATTEMPT),
    name: toolName,
    kind: 'TOOL',
    error: isError ? content : null,
    attributes: {
      ...toolAttributes(
        { tool: { ...tool, stopAfterToolCall: false }, description, sessionId: record.sessionId },
        level,
      ),
      ...MARK,
    },
  }
}

function commonOf(record: AttemptRecord, { createdAt, durationMs = 0 }: AssistantMessage | ToolMessage) {
  const { trace, runId, sessionId, userId, agentId } = record
  return {
    traceId: trace.traceId,
    parentSpanId: spanIdOf(runId, 'run'),
    run: { runId, sessionId, userId, agentId },
    startMs: createdAt - durationMs,
    endMs: createdAt,
  }
}
