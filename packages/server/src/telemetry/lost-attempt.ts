/**
 * What the journal knows of an attempt that was lost: the model calls whose replies were committed, the tools
 * whose results were, and what was looked up. When they ended stands in their messages, and how long they took; a reply without a duration, as
 * older releases wrote them, is left out, and so is whatever was under way. The spans have the ids that the lost replica
 * gave them, in case it had told of them after all.
 * @module
 */
import type { AttemptRecord, LostAttempt } from '../base/attempt-record.ts'
import type { AssistantMessage, ToolMessage } from '../base/message.ts'
import type { SpanRecord } from '../base/span.ts'
import { attemptSpanId, modelSpanId, toolSpanId } from '../base/trace-context.ts'
import { retrieverSpans } from './retriever-spans.ts'
import { modelAttributes, toolAttributes } from './span-attributes.ts'
import type { ContentLevel } from './span-content.ts'

/** On every span that is told of by somebody else. */
const MARK = { 'agentos.attempt.lost': true }

/** @param record of a later attempt: the journal has the messages of the lost one among its own */
export function describeLostCalls(
  record: AttemptRecord,
  { attempt, fromMessage: from, toMessage: to }: LostAttempt,
  level: ContentLevel,
): SpanRecord[] {
  const spans: SpanRecord[] = []
  let calls = 0
  for (const [index, message] of record.messages.slice(0, to).entries()) {
    if (index < from) continue
    if (message.role === 'tool') spans.push(lostTool(record, attempt, message, level))
    if (message.role !== 'assistant') continue
    const call = { attempt, index, number: calls++ }
    if (message.durationMs !== undefined) spans.push(lostModelCall(record, call, message, level))
  }
  const searches = retrieverSpans(record, { from, to, attempt }, level).map((span) => {
    return { ...span, attributes: { ...span.attributes, ...MARK } }
  })
  return [...spans, ...searches]
}

type ModelCall = {
  readonly attempt: number
  /** Of the reply, among the messages. */
  readonly index: number
  /** How many of the attempt came before. */
  readonly number: number
}

function lostModelCall(
  record: AttemptRecord,
  { attempt, index, number }: ModelCall,
  reply: AssistantMessage,
  level: ContentLevel,
): SpanRecord {
  const { runId, model, modelSettings: settings, history, messages, sessionId } = record
  const asked = messages.slice(0, index)
  return {
    ...commonOf(record, attempt, reply),
    spanId: modelSpanId(runId, attempt, number),
    name: `chat ${model.id}`,
    kind: 'LLM',
    error: null,
    attributes: {
      ...modelAttributes({ model, settings, history, asked, reply, finishReason: undefined, sessionId }, level),
      ...MARK,
    },
  }
}

function lostTool(record: AttemptRecord, attempt: number, message: ToolMessage, level: ContentLevel): SpanRecord {
  const { toolCallId, toolName, input, content, isError, durationMs } = message
  const { startMs, ...common } = commonOf(record, attempt, message)
  const tool = { toolCallId, toolName, input, createdAt: startMs, result: content, isError, durationMs }
  const description = record.tools.find(({ name }) => name === toolName)?.description
  return {
    ...common,
    startMs,
    spanId: toolSpanId(record.runId, toolCallId, attempt),
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

function commonOf(
  record: AttemptRecord,
  attempt: number,
  { createdAt, durationMs = 0 }: AssistantMessage | ToolMessage,
) {
  const { trace, runId, sessionId, userId, agentId } = record
  return {
    traceId: trace.traceId,
    parentSpanId: attemptSpanId(runId, attempt),
    run: { runId, sessionId, userId, agentId },
    startMs: createdAt - durationMs,
    endMs: createdAt,
  }
}
