/**
 * The first half of starting a run: which revision takes it, and its row in the database.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { RunJob, RunOptions, RunStatus } from '../base/run.ts'
import { mergeState, NO_PATCH } from '../base/state-patch.ts'
import { traceOf } from '../base/trace-context.ts'
import type { Db } from '../storage/database.ts'
import { createRun, loadHistory } from '../storage/runs/runs.ts'
import type { ExecutionHandle } from './held-runs.ts'
import type { PreparedRun } from './job.ts'
import type { RunHandlers } from './live-run.ts'

/** What executes runs: one revision of the agents folder. */
export type Executor = {
  readonly revision: string
  readonly agents: readonly AgentInfo[]
  readonly start: (job: RunJob, handlers: RunHandlers) => ExecutionHandle
  /** Keeps it alive until the returned function is called. */
  readonly retain: () => () => void
}

export type NewRunRequest = {
  readonly agentId: string
  readonly message: string
  /** Undefined begins a new session. */
  readonly sessionId: string | undefined
  readonly userId: string | null
  readonly options: RunOptions
  /** Whether the caller streams it; its events are then part of the stored run. */
  readonly streamed: boolean
  /** Whether it waits for its turn instead of running at once. */
  readonly background: boolean
  /** Of a background run: higher ones go first. */
  readonly priority: number
  /** The key of a request that may be sent again, and the SHA-256 of what was asked. */
  readonly idempotency: { readonly key: string; readonly requestHash: string } | null
  /** W3C trace context of the caller; null begins a trace. */
  readonly traceparent: string | null
}

/** The agent that takes a run, in the revision that serves now. */
export type Target = { readonly executor: Executor; readonly agent: AgentInfo }

/** What became of a request for a run. */
export type StoredRun =
  /** It is in the database and can be handed to its executor. */
  | { readonly type: 'leased'; readonly prepared: PreparedRun }
  /** It is in the queue. */
  | { readonly type: 'queued'; readonly runId: string; readonly sessionId: string }
  /** The same request was made before, under the same key. */
  | { readonly type: 'known'; readonly runId: string; readonly sessionId: string; readonly status: RunStatus }

export type StartLimits = {
  /** Attempts a run may lose. */
  readonly maxAttempts: number
  /** Background runs that may wait. */
  readonly maxQueueDepth: number
}

export type Lease = {
  /** Owner of the lease. */
  readonly replicaId: string
  readonly leaseMs: number
}

const DEFAULT_NAME_LENGTH = 100
const FIRST_ATTEMPT = 1

/** @throws {AgentOSError} NO_REVISION, AGENT_NOT_FOUND */
export function findTarget(executor: Executor | undefined, agentId: string): Target {
  if (executor === undefined) throw new AgentOSError('NO_REVISION', 'No agents are loaded yet')
  const agent = executor.agents.find(({ id }) => id === agentId)
  // The words are Agno's; clients compare them.
  if (agent === undefined) throw new AgentOSError('AGENT_NOT_FOUND', 'Agent not found')
  return { executor, agent }
}

/** @throws {AgentOSError} SESSION_TAKEN, QUEUE_FULL, IDEMPOTENCY_CONFLICT, DATABASE_UNAVAILABLE; nothing is stored then */
export async function storeRun(
  db: Db,
  ids: Ids,
  request: NewRunRequest,
  { agent, executor }: Target,
  options: Lease & StartLimits,
): Promise<StoredRun> {
  const { message, userId, background, idempotency } = request
  const runId = ids.uuid()
  const sessionId = request.sessionId ?? ids.uuid()
  const withHistory = request.options.addHistoryToContext ?? agent.addHistoryToContext
  const isFirst = request.sessionId === undefined
  const [created, history] = await Promise.all([
    createRun(db, {
      runId,
      sessionId,
      runType: 'agent',
      componentId: agent.id,
      userId,
      input: message,
      options: request.options,
      streamed: request.streamed,
      status: background ? 'PENDING' : 'RUNNING',
      leaseOwner: background ? null : options.replicaId,
      leaseMs: options.leaseMs,
      attempt: background ? 0 : FIRST_ATTEMPT,
      revision: background ? null : executor.revision,
      model: agent.model,
      initialSessionState: agent.sessionState,
      defaultName: message.slice(0, DEFAULT_NAME_LENGTH),
      background,
      priority: request.priority,
      maxAttempts: options.maxAttempts,
      maxQueueDepth: options.maxQueueDepth,
      idempotency,
      traceparent: request.traceparent,
      media: request.options.media ?? [],
      keepMedia: agent.storeMedia ?? true,
    }),
    background || isFirst || !withHistory ? [] : loadHistory(db, sessionId, agent.numHistoryRuns),
  ])
  if (!created.created) {
    if (created.requestHash === idempotency?.requestHash) return { type: 'known', ...created }
    throw new AgentOSError('IDEMPOTENCY_CONFLICT', `Idempotency-Key ${idempotency?.key} was used for another request`)
  }
  if (background) return { type: 'queued', runId, sessionId }
  const job: RunJob = {
    runId,
    sessionId,
    userId,
    agentId: agent.id,
    attempt: FIRST_ATTEMPT,
    input: message,
    history,
    journal: [],
    inherited: 0,
    interrupted: false,
    requirements: [],
    // What the caller gives wins over what is stored, as in Agno.
    sessionState: mergeState(created.sessionState, request.options.sessionState ?? {}),
    statePatch: NO_PATCH,
    request: request.options,
    trace: traceOf(runId, request.traceparent),
  }
  const createdAt = created.createdAt.getTime()
  return { type: 'leased', prepared: { job, origin: 'start', firstIndex: 0, opening: [], createdAt, background } }
}
