/**
 * Checkpoints of a run, and copies of a whole session.
 * @module
 */
import { CheckpointList, CheckpointSnapshot, Id, SessionFork, SessionOfRun } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { forkSession } from '../../storage/runs/runs.ts'
import { findSession } from '../../storage/sessions/sessions.ts'
import { listCheckpoints, toSnapshot } from '../agno/checkpoint.ts'
import { route } from '../route.ts'
import { showRun } from '../stored-run.ts'
import { AgentParams, refuseUnknownAgent } from './agents.ts'
import { findOwn, RunParams } from './runs.ts'

const tag = 'Runs'
const scope = 'agents:run'

export const getCheckpoints = route({
  method: 'GET',
  path: '/agents/{id}/runs/{run_id}/checkpoints',
  scope,
  tag,
  summary: 'List the places that a run can be continued from',
  params: RunParams,
  query: SessionOfRun,
  response: CheckpointList,
  errors: ['RUN_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    const { run, session } = await findOwn(deps, params, query.session_id)
    const checkpoints = listCheckpoints(await showRun(deps, session, run))
    return { run_id: run.runId, session_id: run.sessionId, checkpoints }
  },
})

export const getCheckpoint = route({
  method: 'GET',
  path: '/agents/{id}/runs/{run_id}/checkpoints/{message_index}',
  scope,
  tag,
  summary: 'Read a run as it was after so many messages',
  params: RunParams.extend({ message_index: z.int() }),
  query: SessionOfRun,
  response: CheckpointSnapshot,
  errors: ['RUN_NOT_FOUND', 'INVALID_REQUEST', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    const { run, session } = await findOwn(deps, params, query.session_id)
    const shown = await showRun(deps, session, run)
    const { length } = shown.messages
    if (params.message_index < 0 || params.message_index > length) {
      throw new AgentOSError('INVALID_REQUEST', `message_index must be between 0 and ${length}`)
    }
    return toSnapshot(shown, params.message_index)
  },
})

export const forkAgentSession = route({
  method: 'POST',
  path: '/agents/{id}/sessions/{session_id}/fork',
  scope,
  tag: 'Sessions',
  summary: 'Copy a session with its runs that have ended into a new one',
  params: AgentParams.extend({ session_id: z.string() }),
  query: z.object({ user_id: Id.optional().describe('Whose session it must be.') }),
  response: SessionFork,
  errors: ['AGENT_NOT_FOUND', 'INVALID_REQUEST', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    refuseUnknownAgent(deps, params.id)
    const { db } = deps.database
    const sessionId = params.session_id
    const session = await findSession(db, sessionId, { userId: query.user_id })
    const belongs = session?.sessionType === 'agent' && session.componentId === params.id
    const newSessionId = deps.ids.uuid()
    const runs = belongs
      ? await forkSession(db, { sessionId, newSessionId, userId: query.user_id ?? null, newId: deps.ids.uuid })
      : 0
    if (runs > 0) return { session_id: newSessionId, forked_from_session_id: sessionId }
    throw new AgentOSError('INVALID_REQUEST', `Session ${sessionId} has no runs of agent ${params.id} to copy`)
  },
})
