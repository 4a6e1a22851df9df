/**
 * An attempt of a run for tests: one question, one tool, one answer.
 * @module
 */
import type { AttemptRecord, LostAttempt } from '../../base/attempt-record.ts'
import type { AssistantMessage, Message } from '../../base/message.ts'
import type { StepEvent } from '../../base/run.ts'
import { NO_USAGE, type Usage } from '../../base/usage.ts'

const MODEL = { provider: 'openai', id: 'gpt-5-mini' }
const USAGE: Usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadTokens: 3 }

const base = { id: 'm', createdAt: 1_000 }
const reply = (parts: AssistantMessage['parts']): Message => {
  return { ...base, role: 'assistant', parts, usage: USAGE, timeToFirstTokenMs: 7 }
}
const CALL = { type: 'tool-call', toolCallId: 'call_1', toolName: 'look', input: { city: 'Oslo' } } as const

export const MESSAGES: readonly Message[] = [
  { ...base, role: 'system', content: 'Be kind' },
  { ...base, role: 'user', content: 'Weather in Oslo?' },
  reply([CALL]),
  { ...base, ...CALL, role: 'tool', content: 'rain', isError: false, durationMs: 20 },
  reply([{ type: 'text', text: 'It rains.' }]),
]

const TOOL = {
  toolCallId: 'call_1',
  toolName: 'look',
  input: { city: 'Oslo' },
  createdAt: 1_100,
  stopAfterToolCall: false,
}

export const MARKS: readonly StepEvent[] = [
  { type: 'model-start', at: 1_010, model: MODEL },
  { type: 'model-end', at: 1_090, model: MODEL, usage: USAGE },
  { type: 'tool-start', at: 1_100, tool: TOOL },
  { type: 'tool-end', at: 1_120, tool: { ...TOOL, result: 'rain', isError: false, durationMs: 20 } },
  { type: 'model-start', at: 1_130, model: MODEL },
  { type: 'model-end', at: 1_190, model: MODEL, usage: USAGE },
]

export function attempt(given: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    runId: '01938e6f-7c3b-7def-8a2b-0123456789ab',
    sessionId: 'session-1',
    userId: 'ada',
    agentId: 'weather',
    agentName: 'Weather Desk',
    revision: 'r1',
    attempt: 1,
    origin: 'start',
    createdAt: 990,
    startedAt: 1_000,
    endedAt: 1_200,
    status: 'COMPLETED',
    model: MODEL,
    modelSettings: {},
    input: 'Weather in Oslo?',
    content: 'It rains.',
    error: null,
    runType: 'agent',
    parentRunId: null,
    links: [],
    tools: [],
    history: [],
    messages: MESSAGES,
    inherited: 0,
    fromMessage: 0,
    lostBefore: [],
    marks: MARKS,
    usage: { ...USAGE, inputTokens: 20, outputTokens: 10, totalTokens: 30 },
    trace: { traceId: '01938e6f7c3b7def8a2b0123456789ab', parentSpanId: null, sampled: true },
    ...given,
  }
}

/** A first attempt that was killed before it committed anything. */
export function lostAttempt(given: Partial<LostAttempt> = {}): LostAttempt {
  return {
    attempt: 1,
    origin: 'start',
    startedAt: 995,
    endedAt: 1_000,
    fromMessage: 0,
    toMessage: 0,
    links: [],
    ...given,
  }
}
