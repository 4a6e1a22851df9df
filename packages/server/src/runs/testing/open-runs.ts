/**
 * The runs of one replica on a test database, and what a listener hears of one.
 * @module
 */
import { systemClock } from '../../base/clock.ts'
import { createIds } from '../../base/ids.ts'
import type { Message } from '../../base/message.ts'
import type { TestDatabase } from '../../storage/testing/database.ts'
import { createLog } from '../../telemetry/log.ts'
import { createRuns, type LiveRun, type NewRunRequest, type Runs, type RunsDeps, type RunsOptions } from '../runs.ts'
import type { ScriptedExecutor } from './executor.ts'

const ids = createIds(systemClock)
const log = createLog({ level: 'error', format: 'json', redact: (text) => text, write: () => {} })

export type TestRuns = Runs & {
  readonly replicaId: string
  /** Starts an inline run. */
  readonly begin: (given?: Partial<NewRunRequest>) => Promise<LiveRun>
  readonly [Symbol.asyncDispose]: () => Promise<void>
}

export function openRuns(
  database: Pick<TestDatabase, 'db' | 'background' | 'notifications'>,
  executor: ScriptedExecutor | undefined,
  options: Partial<RunsOptions> = {},
  deps: Partial<RunsDeps> = {},
): TestRuns {
  const replicaId = ids.uuid()
  const runs = createRuns(
    {
      replicaId,
      maxRuns: 100,
      maxBackgroundRuns: 50,
      maxQueueDepth: 1000,
      maxAttempts: 3,
      maxEventBytes: 1_000_000,
      // Rare enough that a test without hints notices, and there for a look that came when the row was locked.
      queuePollMs: 2000,
      queueTimeoutMs: 60_000,
      leaseMs: 30_000,
      runTimeoutMs: 60_000,
      disconnectGraceMs: 0,
      ...options,
    },
    {
      db: database.db,
      background: database.background,
      executor: () => executor,
      checkInput: () => Promise.resolve(undefined),
      hint: database.notifications.notify,
      onHint: database.notifications.onNotify,
      clock: systemClock,
      ids,
      log,
      encode: (event) => JSON.stringify({ event: event.type }),
      ...deps,
    },
  )
  return {
    ...runs,
    replicaId,
    begin: async (given) => {
      const { live } = await runs.start(request(given))
      if (live === undefined) throw new Error('the run does not run here')
      return live
    },
    [Symbol.asyncDispose]: runs.close,
  }
}

export function request(given: Partial<NewRunRequest> = {}): NewRunRequest {
  return {
    agentId: 'assistant',
    message: 'Hi',
    sessionId: undefined,
    userId: null,
    options: {},
    streamed: true,
    background: false,
    priority: 0,
    idempotency: null,
    traceparent: null,
    ...given,
  }
}

export function said(text: string): Message {
  return { id: ids.uuid(), createdAt: 1, role: 'user', content: text }
}

/** Listens to a run from its first event here. */
export function listen(run: LiveRun): { readonly heard: string[]; readonly ended: () => boolean } {
  const heard: string[] = []
  let ended = false
  const hear: Parameters<LiveRun['feed']['subscribe']>[0]['onEntries'] = (entries) =>
    void heard.push(...entries.map(({ index, event }) => `${index} ${event.type}`))
  hear(run.feed.held(-1))
  run.feed.subscribe({
    onEntries: hear,
    onEnd: () => {
      ended = true
    },
  })
  return { heard, ended: () => ended }
}
