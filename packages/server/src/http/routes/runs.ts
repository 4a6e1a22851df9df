/**
 * Runs of an agent: list, read, cancel.
 * @module
 */
import { RunListQuery, RunOutput, RunSchema, SessionOfRun } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { findRun, listRuns, type Run } from '../../storage/runs/runs.ts'
import { findSession, type Session } from '../../storage/sessions/sessions.ts'
import { toRunOutput, toRunSchema } from '../agno/run.ts'
import type { AppDeps } from '../deps.ts'
import { route } from '../route.ts'
import { showRun, showRuns } from '../stored-run.ts'
import { AgentParams } from './agents.ts'

const tag = 'Runs'
const scope = 'agents:run'
export const RunParams = AgentParams.extend({ run_id: z.string() })

export const getRuns = route({
  method: 'GET',
  path: '/agents/{id}/runs',
  scope,
  tag,
  summary: 'List the runs of a session with this agent, oldest first',
  params: AgentParams,
  query: RunListQuery,
  response: z.array(RunSchema),
  errors: ['SESSION_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    const { db } = deps.database
    const session = await findSession(db, query.session_id)
    if (!session) throw new AgentOSError('SESSION_NOT_FOUND', 'Session not found')
    const runs = await listRuns(db, session.sessionId, {
      componentId: params.id,
      statuses: query.status && [query.status],
    })
    return (await showRuns(deps, session, runs)).map(toRunSchema)
  },
})

export const getRun = route({
  method: 'GET',
  path: '/agents/{id}/runs/{run_id}',
  scope,
  tag,
  summary: 'Read one run',
  params: RunParams,
  query: SessionOfRun,
  response: RunOutput,
  errors: ['RUN_NOT_FOUND', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, deps }) {
    const { run, session } = await findOwn(deps, params, query.session_id)
    return toRunOutput(await showRun(deps, session, run))
  },
})

export const cancelRun = route({
  method: 'POST',
  path: '/agents/{id}/runs/{run_id}/cancel',
  scope,
  traced: true,
  tag,
  summary: 'Ask a run to stop; unknown and ended runs are fine',
  params: RunParams,
  response: z.object({}),
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ params, deps, call }) {
    // Read only where somebody is told of it.
    const run = deps.tracing && (await findRun(deps.database.db, params.run_id))
    if (run) call.trace.joins(run)
    await deps.runs.cancel(params.run_id)
    return {}
  },
})

/** @throws {AgentOSError} RUN_NOT_FOUND also for a run of another session or agent */
export async function findOwn(
  { database: { db } }: Pick<AppDeps, 'database'>,
  params: z.output<typeof RunParams>,
  sessionId: string,
): Promise<{ readonly run: Run; readonly session: Session }> {
  const [run, session] = await Promise.all([findRun(db, params.run_id), findSession(db, sessionId)])
  const belongs = run?.sessionId === sessionId && run.componentId === params.id
  if (!run || !session || !belongs) throw new AgentOSError('RUN_NOT_FOUND', 'Run not found')
  return { run, session }
}
