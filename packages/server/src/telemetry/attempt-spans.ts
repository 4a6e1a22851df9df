/**
 * An attempt of a run as spans: one for the attempt, below it one per model call, per tool and per search. Ids follow from what a span
 * stands for (base/trace-context.ts), so that every replica that has a part of a run adds to the same trace.
 *
 *   caller > attempt 1 of the run (the root)  > model call, tool, ...
 *                                             > attempt 2 > model call, tool, ...
 *
 * Attempts that were lost are told of by the first one after them that leaves in order, because a replica that dies tells
 * nothing: that they began and did not end, and the model calls and tools whose outcome the journal has
 * (`lost-attempt.ts`). An attempt that is lost while its replica lives adds what it had under way.
 * @module
 */
import type { AttemptRecord, LostAttempt } from '../base/attempt-record.ts'
import type { AssistantMessage } from '../base/message.ts'
import type { ModelName, StepEvent, ToolExecution } from '../base/run.ts'
import type { SpanRecord } from '../base/span.ts'
import { attemptSpanId, modelSpanId, sideSpanId, toolSpanId } from '../base/trace-context.ts'
import { describeLostCalls } from './lost-attempt.ts'
import { retrieverSpans } from './retriever-spans.ts'
import { agentAttributes, modelAttributes, sideAttributes, toolAttributes } from './span-attributes.ts'
import type { ContentLevel } from './span-content.ts'
import { toolDefinitions } from './span-messages.ts'

const LOST = 'replica lost'
const FIRST = 1

/**
 * @param level how much of the content the spans get; less costs less
 * @returns lost attempts and the span of this one, unless the next one tells of them, then its model calls, those beside the answer, tools and searches, each in the order they began
 */
export function describeAttempt(record: AttemptRecord, level: ContentLevel = 'messages'): SpanRecord[] {
  const { runId, attempt, status } = record
  const ownId = attemptSpanId(runId, attempt)
  const isToldByNext = status === 'RUNNING'
  return [
    ...(isToldByNext ? [] : record.lostBefore.flatMap((lost) => describeLost(record, lost, level))),
    ...(isToldByNext ? [] : [attemptSpan(record, ownId, level)]),
    ...modelSpans(record, ownId, level),
    ...sideSpans(record, ownId),
    ...toolSpans(record, ownId, level),
    ...retrieverSpans(record, { from: record.fromMessage, to: record.messages.length, attempt }, level),
  ]
}

function attemptSpan(record: AttemptRecord, spanId: string, level: ContentLevel): SpanRecord {
  const { runId, attempt, status, error, trace, links } = record
  return {
    ...commonOf(record),
    spanId,
    parentSpanId: attempt === FIRST ? trace.parentSpanId : attemptSpanId(runId, FIRST),
    name: agentSpanName(record),
    kind: 'AGENT',
    startMs: record.startedAt,
    endMs: record.endedAt,
    error: status === 'RUNNING' ? LOST : status === 'ERROR' ? (error?.message ?? 'The run failed') : null,
    attributes: agentAttributes(record, spanId, level),
    ...(links.length > 0 && { links }),
  }
}

/** An attempt of which nobody knows more than when it began, that it did not end, and what it has committed. */
function describeLost(record: AttemptRecord, start: LostAttempt, level: ContentLevel): SpanRecord[] {
  const { attempt, origin, links } = start
  const spanId = attemptSpanId(record.runId, attempt)
  const lost = { ...record, attempt, origin, links, status: 'RUNNING', error: null, content: null } as const
  const attributes = agentAttributes({ ...lost, usage: undefined }, spanId, 'values')
  const times = { startMs: start.startedAt, endMs: Math.max(start.startedAt, start.endedAt) }
  return [{ ...attemptSpan(lost, spanId, 'none'), ...times, attributes }, ...describeLostCalls(record, start, level)]
}

/** As Agno names them. */
function agentSpanName({ agentName }: AttemptRecord): string {
  return `${agentName.replaceAll(' ', '_')}.arun`
}

type ModelCall = {
  readonly startMs: number
  readonly endMs: number | undefined
  readonly model: ModelName
  readonly finishReason: string | undefined
}

function modelSpans(record: AttemptRecord, parentSpanId: string, level: ContentLevel): SpanRecord[] {
  const { runId, attempt, messages, fromMessage, history, sessionId, modelSettings: settings } = record
  const definitions = level === 'messages' ? toolDefinitions(record.tools) : {}
  const replies = messages.flatMap((message, index) =>
    message.role === 'assistant' && index >= fromMessage ? [{ message, index }] : [],
  )
  return modelCalls(record.marks).map(({ startMs, endMs, model, finishReason }, n) => {
    const reply: { message: AssistantMessage; index: number } | undefined = replies[n]
    const asked = messages.slice(0, reply?.index ?? messages.length)
    const failure = endMs === undefined ? brokenOff(record) : null
    return {
      ...commonOf(record),
      spanId: modelSpanId(runId, attempt, n),
      parentSpanId,
      name: `chat ${model.id}`,
      kind: 'LLM',
      startMs,
      endMs: endMs ?? record.endedAt,
      error: failure,
      attributes: {
        ...modelAttributes({ model, settings, history, asked, reply: reply?.message, finishReason, sessionId }, level),
        ...definitions,
        ...(failure !== null && { 'error.type': record.error?.code ?? 'WORKER_LOST' }),
      },
    }
  })
}

/** Calls that were answered: what failed or was cut short beside the answer stands in the log. */
function sideSpans(record: AttemptRecord, parentSpanId: string): SpanRecord[] {
  const { runId, attempt, sessionId, beside = [] } = record
  return beside.flatMap((call, n) => {
    const { startedAt: startMs, endedAt: endMs, model } = call
    if (startMs === undefined || endMs === undefined) return []
    return {
      ...commonOf(record),
      spanId: sideSpanId(runId, attempt, n),
      parentSpanId,
      name: `chat ${model.id}`,
      kind: 'LLM' as const,
      startMs,
      endMs,
      error: null,
      attributes: sideAttributes(call, sessionId),
    }
  })
}

/** Model calls of a run follow one another. */
function modelCalls(marks: readonly StepEvent[]): ModelCall[] {
  const calls: ModelCall[] = []
  for (const mark of marks) {
    if (mark.type === 'model-start') {
      calls.push({ startMs: mark.at, endMs: undefined, model: mark.model, finishReason: undefined })
    }
    const open = calls.at(-1)
    if (mark.type === 'model-end' && open?.endMs === undefined && open !== undefined) {
      calls[calls.length - 1] = { ...open, endMs: mark.at, finishReason: mark.finishReason }
    }
  }
  return calls
}

/** Why something that began has no end. A run that was cancelled or handed over did not fail. */
function brokenOff({ status, error }: AttemptRecord): string | null {
  if (status === 'RUNNING') return LOST
  return status === 'ERROR' ? (error?.message ?? 'The run failed') : null
}

type OpenTool = { readonly startMs: number; endMs: number | undefined; tool: ToolExecution }

function toolSpans(record: AttemptRecord, parentSpanId: string, level: ContentLevel): SpanRecord[] {
  return toolCalls(record.marks).map(({ startMs, endMs, tool }) => ({
    ...commonOf(record),
    spanId: toolSpanId(record.runId, tool.toolCallId, record.attempt),
    parentSpanId,
    name: tool.toolName,
    kind: 'TOOL',
    startMs,
    endMs: endMs ?? record.endedAt,
    error: tool.isError === true ? (tool.result ?? 'The tool failed') : endMs === undefined ? brokenOff(record) : null,
    attributes: toolAttributes(
      { tool, description: descriptionOf(record, tool.toolName), sessionId: record.sessionId },
      level,
    ),
  }))
}

function descriptionOf({ tools }: AttemptRecord, toolName: string): string | undefined {
  return tools.find(({ name }) => name === toolName)?.description
}

function toolCalls(marks: readonly StepEvent[]): OpenTool[] {
  const calls = new Map<string, OpenTool>()
  for (const mark of marks) {
    if (mark.type === 'tool-start') {
      calls.set(mark.tool.toolCallId, { startMs: mark.at, endMs: undefined, tool: mark.tool })
    }
    if (mark.type !== 'tool-end') continue
    const call = calls.get(mark.tool.toolCallId)
    if (call !== undefined) Object.assign(call, { endMs: mark.at, tool: mark.tool })
  }
  return [...calls.values()]
}

function commonOf({ trace, runId, sessionId, userId, agentId }: AttemptRecord) {
  return { traceId: trace.traceId, run: { runId, sessionId, userId, agentId } }
}
