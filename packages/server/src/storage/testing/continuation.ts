/**
 * Ways in which a run goes on, for tests that care about one or two of their values.
 * @module
 */
import { randomUUID } from 'node:crypto'
import type { RunContinuation } from '../runs/continue-run.ts'
import type { RunFork } from '../runs/fork-run.ts'

export function continuation(runId: string, given: Partial<RunContinuation> = {}): RunContinuation {
  return {
    runId,
    owner: 'replica-2',
    leaseMs: 30_000,
    from: 'PAUSED',
    requirements: [],
    message: null,
    keepMessages: 0,
    approvals: [],
    audits: [],
    links: [],
    componentName: 'Assistant',
    ...given,
  }
}

export function fork(source: string, given: Partial<RunFork> = {}): RunFork {
  return {
    runId: randomUUID(),
    source,
    messageIndex: 1,
    message: null,
    owner: 'replica-2',
    leaseMs: 30_000,
    revision: 'def',
    regenerated: false,
    replaceOriginal: false,
    streamed: false,
    background: false,
    priority: 0,
    maxAttempts: 3,
    links: [],
    ...given,
  }
}
