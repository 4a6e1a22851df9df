/**
 * An attempt of a run as spans: one for the attempt, below it one per model call and per tool. Ids follow from what a span
 * stands for (base/trace-context.ts), so that every replica that has a part of a run adds to the same trace.
 *
 *   caller > attempt 1 of the run (the root)  > model call, tool, ...
 *                                             > attempt 2 > model call, tool, ...
 *
 * An attempt that was lost is told of by the one after it: a replica that dies tells nothing.
 * @module
 */
import type { AttemptRecord } from '../base/attempt-record.ts'
import type { AssistantMessage } from '../base/message.ts'
import type { ModelName, StepEvent, ToolExecution } from '../base/run.ts'
import type { SpanRecord } from '../base/span.ts'
import { spanIdOf, toolSpanId } from '../base/trace-context.ts'
import { agentAttributes, modelAttributes, toolAttributes } from './span-attributes.ts'
import type { ContentLevel } from './span-content.ts'

const LOST = 'replica lost'
const FIRST = 1

/**
 * @param level how much of the content the spans get; less costs less
 * @returns the span of the attempt, unless the next one tells of it, then its model calls and tools in the order they began
 */
export function describeAttempt(record: AttemptRecord, level: ContentLevel = 'messages'): SpanRecord[] {
  const { runId, attempt, origin, status } = record
  const ownId = attemptSpanId(runId, attempt)
  const isToldByNext = status === 'RUNNING' && attempt === FIRST
  return [
    ...(origin === 'recover' && attempt === FIRST + 1 ? [lostRoot(record)] : []),
    ...(isToldByNext ? [] : [attemptSpan(record, ownId, level)]),
    ...modelSpans(record, ownId, level),
    ...toolSpans(record, ownId, level),
  ]
}

function attemptSpanId(runId: string, attempt: number): string {
  return attempt === FIRST ? spanIdOf(runId, 'run') : spanIdOf(runId, 'attempt', String(attempt))
}

function attemptSpan(record: AttemptRecord, spanId: string, level: ContentLevel): SpanRecord {
  const { runId, attempt, status, error, trace } = record
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
  }
}

/** The first attempt, of which nobody knows more than when it began and that it did not end. */
function lostRoot(record: AttemptRecord): SpanRecord {
  const spanId = attemptSpanId(record.runId, FIRST)
  const lost = { ...record, attempt: FIRST, origin: 'start', status: 'RUNNING', error: null, content: null } as const
  const attributes = agentAttributes({ ...lost, usage: undefined }, spanId, 'values')
  const endMs = Math.max(record.createdAt, record.startedAt)
  return { ...attemptSpan(lost, spanId, 'none'), startMs: record.createdAt, endMs, attributes }
}

/** As Agno names them. */
function agentSpanName({ agentName }: AttemptRecord): string {
  return `${agentName.replaceAll(' ', '_')}.arun`
}

type ModelCall = { readonly startMs: number; readonly endMs: number | undefined; readonly model: ModelName }

function modelSpans(record: AttemptRecord, parentSpanId: string, level: ContentLevel): SpanRecord[] {
  const { runId, attempt, messages, fromMessage } = record
  const replies = messages.flatMap((message, index) =>
    message.role === 'assistant' && index >= fromMessage ? [{ message, index }] : [],
  )
  return modelCalls(record.marks).map(({ startMs, endMs, model }, n) => {
    const reply: { message: AssistantMessage; index: number } | undefined = replies[n]
    const asked = messages.slice(0, reply?.index ?? messages.length)
    const failure = endMs === undefined ? brokenOff(record) : null
    return {
      ...commonOf(record),
      spanId: spanIdOf(runId, 'model', String(attempt), String(n)),
      parentSpanId,
      name: `chat ${model.id}`,
      kind: 'LLM',
      startMs,
      endMs: endMs ?? record.endedAt,
      error: failure,
      attributes: {
        ...modelAttributes({ model, asked, reply: reply?.message, sessionId: record.sessionId }, level),
        ...(failure !== null && { 'error.type': record.error?.code ?? 'WORKER_LOST' }),
      },
    }
  })
}

/** Model calls of a run follow one another. */
function modelCalls(marks: readonly StepEvent[]): ModelCall[] {
  const calls: ModelCall[] = []
  for (const mark of marks) {
    if (mark.type === 'model-start') calls.push({ startMs: mark.at, endMs: undefined, model: mark.model })
    const open = calls.at(-1)
    if (mark.type === 'model-end' && open?.endMs === undefined && open !== undefined) {
      calls[calls.length - 1] = { ...open, endMs: mark.at }
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
    attributes: toolAttributes(tool, record.sessionId, level),
  }))
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
