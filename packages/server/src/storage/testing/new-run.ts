/**
 * Runs and what belongs to them, for tests that care about one or two of their values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { AssistantMessage, ToolMessage, UserMessage } from '../../base/message.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { createRun, type CreatedRun, type NewRun } from '../runs/create-run.ts'
import type { RunEnd } from '../runs/finish-run.ts'
import type { Db } from '../tables.ts'

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
    background: false,
    priority: 0,
    maxAttempts: 3,
    idempotency: null,
    maxQueueDepth: 1000,
    traceparent: null,
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
    eventIndex: -1,
    componentName: 'Assistant',
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

/** A reply that calls a tool. */
export function callMessage(toolCallId: string): AssistantMessage {
  const call = { type: 'tool-call', toolCallId, toolName: 'refund', input: {} } as const
  return { role: 'assistant', id: randomUUID(), createdAt: 2, parts: [call], usage: NO_USAGE }
}

export function toolMessage(toolCallId: string): ToolMessage {
  const call = { toolCallId, toolName: 'refund', input: {} }
  return { role: 'tool', id: randomUUID(), createdAt: 3, ...call, content: 'done', isError: false, durationMs: 1 }
}

/** Stores a run that nothing prevents. */
export async function storeRun(db: Db, run: NewRun): Promise<Extract<CreatedRun, { created: true }>> {
  const created = await createRun(db, run)
  if (!created.created) throw new Error(`run ${created.runId} has the key already`)
  return created
}

/** A run that waits for a claim. */
export function newJob(given: Partial<NewRun> = {}): NewRun {
  return newRun({ status: 'PENDING', leaseOwner: null, attempt: 0, revision: null, background: true, ...given })
}
