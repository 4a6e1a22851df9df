/**
 * Runs of an agent: start, list, read, cancel.
 * @module
 */
import { AgentEvent, RunListQuery, RunOutput, RunRequest, RunSchema, SessionOfRun } from '@agentos/wire'
import { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import type { RunOptions } from '../../base/run.ts'
import type { LiveRun } from '../../runs/runs.ts'
import { findRun, listRuns } from '../../storage/runs.ts'
import { findSession } from '../../storage/sessions.ts'
import { fromFinished, toRunOutput, toRunSchema } from '../agno-run.ts'
import type { AppDeps } from '../deps.ts'
import { type Call, formBody, route, STREAMED } from '../route.ts'
import { streamRun } from '../run-stream.ts'
import { STREAM_HEADERS } from '../sse.ts'
import { showRun, showRuns } from '../stored-run.ts'
import { AGENT_NOT_FOUND, AgentParams } from './agents.ts'

const tag = 'Runs'
const scope = 'agents:run'
const RunParams = AgentParams.extend({ run_id: z.string() })

export const startRun = route({
  method: 'POST',
  path: '/agents/{id}/runs',
  scope,
  tag,
  summary: 'Run an agent: a stream of events, or the whole run with stream=false',
  params: AgentParams,
  body: formBody(RunRequest),
  response: RunOutput,
  events: AgentEvent,
  errors: [
    'AGENT_NOT_FOUND',
    'SESSION_TAKEN',
    'NOT_SUPPORTED',
    'TOO_MANY_RUNS',
    'DRAINING',
    'NO_REVISION',
    'DATABASE_UNAVAILABLE',
  ],
  async handle({ params, body, deps, call }) {
    refuseUnsupported(body)
    // A client that wants an answer about its body gets it before anything is stored.
    if (deps.registry.current()?.manifest.agents.some(({ id }) => id === params.id) === false) {
      throw new AgentOSError('AGENT_NOT_FOUND', AGENT_NOT_FOUND)
    }
    const live = await deps.runs.start({
      agentId: params.id,
      message: body.message,
      sessionId: body.session_id,
      userId: body.user_id ?? null,
      options: toRunOptions(body),
      streamed: body.stream,
    })
    return body.stream ? stream(live, body, deps, call) : waitForRun(live, body, call)
  },
})

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
    const runs = await listRuns(db, session.sessionId, { componentId: params.id, status: query.status })
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
    const { db } = deps.database
    const [run, session] = await Promise.all([findRun(db, params.run_id), findSession(db, query.session_id)])
    const belongs = run?.sessionId === query.session_id && run.componentId === params.id
    if (!run || !session || !belongs) throw new AgentOSError('RUN_NOT_FOUND', 'Run not found')
    return toRunOutput(await showRun(deps, session, run))
  },
})

export const cancelRun = route({
  method: 'POST',
  path: '/agents/{id}/runs/{run_id}/cancel',
  scope,
  tag,
  summary: 'Ask a run to stop; unknown and ended runs are fine',
  params: RunParams,
  response: z.object({}),
  errors: ['DATABASE_UNAVAILABLE'],
  async handle({ params, deps }) {
    await deps.runs.cancel(params.run_id)
    return {}
  },
})

function stream(live: LiveRun, body: RunRequest, deps: AppDeps, call: Call): typeof STREAMED {
  const { response, register } = call.takeOver({ ...STREAM_HEADERS, 'x-agentos-revision': live.revision })
  const handle = streamRun(live, response, {
    clock: deps.clock,
    heartbeatMs: deps.settings.heartbeatMs,
    bufferBytes: deps.settings.streamBufferBytes,
    textOnly: !body.stream_events,
    onOver: () => forget(),
  })
  const forget = register(handle)
  return STREAMED
}

async function waitForRun(live: LiveRun, body: RunRequest, call: Call): Promise<RunOutput> {
  call.setHeader('x-agentos-revision', live.revision)
  const stopListening = call.onDisconnect(live.disconnected)
  const finished = await live.finished
  stopListening()
  if (!finished.stored) {
    throw new AgentOSError(
      'DATABASE_UNAVAILABLE',
      `The end of run ${live.runId} could not be stored; read the run later`,
    )
  }
  return toRunOutput(fromFinished(live, finished, body.metadata))
}

function toRunOptions(body: RunRequest): RunOptions {
  return {
    ...(body.session_state && { sessionState: body.session_state }),
    ...(body.dependencies && { dependencies: body.dependencies }),
    ...(body.metadata && { metadata: body.metadata }),
    ...(body.output_schema && { outputSchema: body.output_schema }),
    ...(body.add_history_to_context !== undefined && { addHistoryToContext: body.add_history_to_context }),
    ...(body.add_dependencies_to_context !== undefined && {
      addDependenciesToContext: body.add_dependencies_to_context,
    }),
    ...(body.add_session_state_to_context !== undefined && {
      addSessionStateToContext: body.add_session_state_to_context,
    }),
    ...(body.retries !== undefined && { retries: body.retries }),
  }
}

const UNSUPPORTED = ['files', 'images', 'audio', 'videos', 'input_files', 'knowledge_filters', 'factory_input'] as const

/** Fields that would change the answer if they were served, and so must not be dropped in silence. */
function refuseUnsupported(body: RunRequest): void {
  const used = UNSUPPORTED.filter((name) => !isEmpty(body[name]))
  if (used.length > 0) throw new AgentOSError('NOT_SUPPORTED', `Not supported yet: ${used.join(', ')}`)
  if (body.background) throw new AgentOSError('NOT_SUPPORTED', 'background=true is not supported yet; use stream=true')
  if (body.yield_run_output === true) throw new AgentOSError('NOT_SUPPORTED', 'yield_run_output=true is not supported')
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
