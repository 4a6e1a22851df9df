/**
 * Runs and what belongs to them, for tests that care about one or two of their values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { AssistantMessage, UserMessage } from '../../base/message.ts'
import { NO_USAGE } from '../../base/usage.ts'
import type { NewRun } from '../create-run.ts'
import type { RunEnd } from '../finish-run.ts'

export function newRun(given: Partial<NewRun> = {}): NewRun {
  return {
    runId: randomUUID(),
    sessionId: randomUUID(),
    runType: 'agent',
    componentId: 'assistant',
    userId: null,
    input: 'What is the weather in Oslo?',
    options: {},
    streamed: true,
    status: 'RUNNING',
    leaseOwner: 'replica-1',
    leaseMs: 30_000,
    attempt: 1,
    revision: 'abc',
    model: { provider: 'demo', id: 'assistant' },
    initialSessionState: {},
    defaultName: 'What is the weather in Oslo?',
    ...given,
  }
}

/** The end of `run` as its owner writes it. */
export function runEnd(run: NewRun, given: Partial<RunEnd> = {}): RunEnd {
  return {
    runId: run.runId,
    owner: run.leaseOwner ?? 'nobody',
    attempt: run.attempt,
    firstSeq: 0,
    messages: [],
    status: 'COMPLETED',
    content: 'Sunny.',
    contentType: 'str',
    reasoning: '',
    metrics: { usage: NO_USAGE, durationMs: 12 },
    statePatch: { set: {}, unset: [] },
    usage: NO_USAGE,
    ...given,
  }
}

export function userMessage(content: string): UserMessage {
  return { role: 'user', id: randomUUID(), createdAt: 1, content }
}

export function assistantMessage(text: string): AssistantMessage {
  return { role: 'assistant', id: randomUUID(), createdAt: 2, parts: [{ type: 'text', text }], usage: NO_USAGE }
}
