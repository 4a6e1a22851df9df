/**
 * An API server with the runs of a real replica on a test database. What a worker would do, a test says.
 * @module
 */
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import { isJsonObject, type Json } from '../../base/json.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { RunResult } from '../../base/run.ts'
import { createRuns, type Runs, type RunsOptions } from '../../runs/runs.ts'
import { type ScriptedExecutor, scriptExecutor, type Started } from '../../runs/testing/executor.ts'
import type { TestDatabase } from '../../storage/testing/database.ts'
import { createLog } from '../../telemetry/log.ts'
import { encodeEvent } from '../agno/events.ts'
import { AT, COMPLETED } from './fake-runs.ts'
import { ASSISTANT, createTestApp, type TestApp, type TestAppOptions } from './test-app.ts'

/** The one tool whose arguments a person fills in takes a city that exists. */
function checkWeather(input: Json): string | undefined {
  const city = isJsonObject(input) ? input['city'] : undefined
  if (typeof city !== 'string') return '- city: must be string'
  return city === 'Atlantis' ? '- city: must be one that exists' : undefined
}

export type Replica = Omit<TestApp, 'runs' | 'deps'> & {
  readonly runs: Runs
  readonly executor: ScriptedExecutor
  /** What the worker does with the runs it gets from now on. */
  play: (run: Started) => void | Promise<void>
}

const ids = createIds(systemClock)
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

export async function openReplica(
  database: TestDatabase,
  options: Omit<TestAppOptions, 'database' | 'runs'> & { readonly runs?: Partial<RunsOptions> } = {},
): Promise<Replica> {
  const executor = { ...scriptExecutor((run) => replica.play(run)), agents: options.agents ?? [ASSISTANT] }
  const runs = createRuns(
    {
      replicaId: ids.uuid(),
      maxRuns: 100,
      maxBackgroundRuns: 50,
      maxQueueDepth: 1000,
      maxAttempts: 3,
      maxEventBytes: 1_000_000,
      // Long enough that only hints make a replica look, unless a test wants otherwise.
      queuePollMs: 60_000,
      queueTimeoutMs: 60_000,
      leaseMs: 30_000,
      runTimeoutMs: 60_000,
      disconnectGraceMs: 0,
      ...options.runs,
    },
    {
      db: database.db,
      background: database.background,
      executor: () => executor,
      checkInput: (_agentId, _toolName, input) => Promise.resolve(checkWeather(input)),
      hint: database.notifications.notify,
      onHint: database.notifications.onNotify,
      clock: systemClock,
      ids,
      log,
      encode: encodeEvent,
    },
  )
  const server = await createTestApp({ ...options, database, runs })
  const replica: Replica = {
    ...server,
    runs,
    executor,
    play: (run) => run.handlers.onDone(COMPLETED),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await runs.close()
    },
  }
  return replica
}

/** A requirement of a call to `send_mail`. */
export function requirement(given: Partial<Requirement> = {}): Requirement {
  return {
    id: 'requirement-1',
    createdAt: AT,
    kind: 'confirmation',
    toolCallId: 'call_1',
    toolName: 'send_mail',
    input: { to: 'ada' },
    stopAfterToolCall: false,
    fields: [],
    questions: [],
    silent: false,
    approval: null,
    approvalId: null,
    answer: null,
    ...given,
  }
}

/** The end of an attempt that waits for answers, with the calls it waits for in its transcript. */
export function paused(...requirements: readonly Requirement[]): RunResult {
  const parts = requirements.map(({ toolCallId, toolName, input }) => {
    return { type: 'tool-call', toolCallId, toolName, input } as const
  })
  return {
    ...COMPLETED,
    status: 'PAUSED',
    content: '',
    requirements,
    uncommitted: [
      { id: ids.uuid(), createdAt: AT, role: 'user', content: 'hi' },
      { id: ids.uuid(), createdAt: AT, role: 'assistant', parts, usage: COMPLETED.metrics.usage },
    ],
  }
}
