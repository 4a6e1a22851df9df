/**
 * The first half of starting a run: which revision takes it, and its row in the database.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { AgentInfo } from '../base/runnable.ts'
import type { RunJob, RunOptions } from '../base/run.ts'
import type { Db } from '../storage/database.ts'
import { createRun, loadHistory } from '../storage/runs.ts'
import type { RunHandlers } from './live-run.ts'

/** What executes runs: one revision of the agents folder. */
export type Executor = {
  readonly revision: string
  readonly agent: (id: string) => AgentInfo | undefined
  readonly start: (job: RunJob, handlers: RunHandlers) => { readonly cancel: (reason: string) => void }
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
}

/** The agent that takes a run, in the revision that serves now. */
export type Target = { readonly executor: Executor; readonly agent: AgentInfo }

/** A run that is in the database and can be handed to its executor. */
export type StoredRun = {
  readonly job: RunJob
  /** Milliseconds since the epoch, by the clock of the database. */
  readonly createdAt: number
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
  const agent = executor.agent(agentId)
  // The words are Agno's; clients compare them.
  if (agent === undefined) throw new AgentOSError('AGENT_NOT_FOUND', 'Agent not found')
  return { executor, agent }
}

/** @throws {AgentOSError} SESSION_TAKEN, DATABASE_UNAVAILABLE; nothing is stored then */
export async function storeRun(
  db: Db,
  ids: Ids,
  request: NewRunRequest,
  target: Target,
  lease: Lease,
): Promise<StoredRun> {
  const { agent, executor } = target
  const { message, userId, options, streamed } = request
  const runId = ids.uuid()
  const sessionId = request.sessionId ?? ids.uuid()
  const withHistory = options.addHistoryToContext ?? agent.addHistoryToContext
  const [{ sessionState, createdAt }, history] = await Promise.all([
    createRun(db, {
      runId,
      sessionId,
      runType: 'agent',
      componentId: agent.id,
      userId,
      input: message,
      options,
      streamed,
      status: 'RUNNING',
      leaseOwner: lease.replicaId,
      leaseMs: lease.leaseMs,
      attempt: FIRST_ATTEMPT,
      revision: executor.revision,
      model: agent.model,
      initialSessionState: agent.sessionState,
      defaultName: message.slice(0, DEFAULT_NAME_LENGTH),
    }),
    request.sessionId === undefined || !withHistory ? [] : loadHistory(db, sessionId, agent.numHistoryRuns),
  ])
  return {
    job: {
      runId,
      sessionId,
      userId,
      agentId: agent.id,
      attempt: FIRST_ATTEMPT,
      input: message,
      history,
      journal: [],
      interrupted: false,
      requirements: [],
      statePatch: { set: {}, unset: [] },
      // What the caller gives wins over what is stored, as in Agno.
      sessionState: { ...sessionState, ...options.sessionState },
      request: options,
    },
    createdAt: createdAt.getTime(),
  }
}
