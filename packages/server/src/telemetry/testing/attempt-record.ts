/**
 * Records of attempts for tests.
 * @module
 */
import type { AttemptRecord } from '../../base/attempt-record.ts'
import type { ModelName, StepEvent } from '../../base/run.ts'
import { NO_USAGE } from '../../base/usage.ts'

export const MODEL: ModelName = { provider: 'openai', id: 'gpt-5-mini' }

/** An attempt that completed without doing anything, at once. */
export function attemptRecord(given: Partial<AttemptRecord> = {}): AttemptRecord {
  return {
    runId: '01890a5d-ac96-774b-bcce-b302099a8057',
    sessionId: 'session',
    userId: null,
    agentId: 'assistant',
    agentName: 'Assistant',
    revision: 'r1',
    attempt: 1,
    origin: 'start',
    createdAt: 1000,
    startedAt: 1000,
    endedAt: 1000,
    status: 'COMPLETED',
    model: MODEL,
    modelSettings: {},
    input: 'hi',
    content: 'hello',
    error: null,
    runType: 'agent',
    parentRunId: null,
    links: [],
    tools: [],
    history: [],
    messages: [],
    inherited: 0,
    fromMessage: 0,
    lostBefore: [],
    marks: [],
    usage: NO_USAGE,
    trace: { traceId: '01890a5dac96774bbcceb302099a8057', parentSpanId: null, sampled: true },
    ...given,
  }
}

export function toolEnd(toolName: string, durationMs: number, isError: boolean): StepEvent {
  const tool = { toolCallId: toolName, toolName, input: {}, createdAt: 1000, result: 'done', stopAfterToolCall: false }
  return { type: 'tool-end', at: 1000 + durationMs, tool: { ...tool, durationMs, isError } }
}
