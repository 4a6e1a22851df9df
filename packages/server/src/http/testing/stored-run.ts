/**
 * Puts a run that has ended into a database, the way the runs of a replica would.
 * @module
 */
import type { Message } from '../../base/message.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { RunEvent } from '../../base/run.ts'
import { NO_USAGE } from '../../base/usage.ts'
import { appendEvents } from '../../storage/runs/run-events.ts'
import { createRun, finishRun } from '../../storage/runs/runs.ts'
import type { Db } from '../../storage/tables.ts'
import { encodeEvent } from '../agno/events.ts'
import { AT, COMPLETED, MODEL } from './fake-runs.ts'

export type StoredRun = {
  readonly runId: string
  readonly sessionId: string
  readonly agentId?: string
  readonly userId?: string | null
  readonly input?: string
  readonly status?: 'COMPLETED' | 'ERROR' | 'CANCELLED' | 'PAUSED'
  /** What a paused run waits for. */
  readonly requirements?: readonly Requirement[]
  readonly background?: boolean
  readonly messages?: readonly Message[]
  /** Stored as sent; the run counts as streamed. */
  readonly events?: readonly RunEvent[]
}

export async function storeRun(db: Db, run: StoredRun): Promise<void> {
  const { runId, sessionId, agentId = 'assistant', status = 'COMPLETED', input = 'hi', events = [] } = run
  const owner = 'replica-1'
  await createRun(db, {
    runId,
    sessionId,
    runType: 'agent',
    componentId: agentId,
    userId: run.userId ?? null,
    input,
    options: {},
    streamed: events.length > 0,
    status: 'RUNNING',
    leaseOwner: owner,
    leaseMs: 60_000,
    attempt: 1,
    revision: 'rev-1',
    model: MODEL,
    initialSessionState: {},
    defaultName: input,
    background: run.background ?? false,
    priority: 0,
    maxAttempts: 3,
    maxQueueDepth: 1000,
    traceparent: null,
    idempotency: null,
  })
  const context = { runId, sessionId, agentId, agentName: 'Assistant' }
  const lines = events.map((event) => encodeEvent(event, context)).join('\n')
  if (events.length > 0) {
    await appendEvents(db, owner, [{ runId, attempt: 1, firstIndex: 0, lastIndex: events.length - 1, events: lines }])
  }
  await finishRun(db, {
    runId,
    owner,
    attempt: 1,
    firstSeq: 0,
    eventIndex: events.length - 1,
    componentName: 'Assistant',
    ...(run.requirements && { requirements: run.requirements }),
    messages: run.messages ?? conversation(runId, input),
    status,
    content: status === 'ERROR' ? null : COMPLETED.content,
    contentType: 'str',
    reasoning: '',
    metrics: COMPLETED.metrics,
    statePatch: { set: { last: runId }, unset: [] },
    usage: COMPLETED.metrics.usage,
    ...(status === 'ERROR' && { error: { code: 'MODEL_AUTH', message: 'model said no' } }),
  })
}

/** Instructions, a question, a tool call with its result, the answer. */
export function conversation(prefix: string, input: string): Message[] {
  const usage = { ...NO_USAGE, inputTokens: 20, outputTokens: 5, totalTokens: 25 }
  const call = { type: 'tool-call', toolCallId: 'call_1', toolName: 'get_weather', input: { city: 'Oslo' } } as const
  return [
    { id: `${prefix}-1`, createdAt: AT, role: 'system', content: 'Be kind.' },
    { id: `${prefix}-2`, createdAt: AT, role: 'user', content: input },
    { id: `${prefix}-3`, createdAt: AT, role: 'assistant', parts: [call], usage },
    {
      id: `${prefix}-4`,
      createdAt: AT,
      role: 'tool',
      toolCallId: 'call_1',
      toolName: 'get_weather',
      input: { city: 'Oslo' },
      content: 'Sunny in Oslo',
      isError: false,
      durationMs: 1,
    },
    {
      id: `${prefix}-5`,
      createdAt: AT,
      role: 'assistant',
      parts: [{ type: 'text', text: 'Echo: héllo' }],
      usage,
      timeToFirstTokenMs: 8,
    },
  ]
}
