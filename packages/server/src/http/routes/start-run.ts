/**
 * Starting a run: inline or in the queue, streamed or as one answer.
 * @module
 */
import { AcceptedRun, AgentEvent, RunHeaders, RunOutput, RunRequest } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import type { RunOptions } from '../../base/run.ts'
import type { Started } from '../../runs/runs.ts'
import { fromFinished, toRunOutput } from '../agno-run.ts'
import type { AppDeps } from '../deps.ts'
import { hashRequest } from '../request-hash.ts'
import { type Call, formBody, route } from '../route.ts'
import { acceptRun, finishHere, streamStarted, waitForRest } from '../run-answer.ts'
import { AgentParams } from './agents.ts'

/** Longest Idempotency-Key, in characters. */
const MAX_KEY_LENGTH = 512

export const startRun = route({
  method: 'POST',
  path: '/agents/{id}/runs',
  scope: 'agents:run',
  traced: true,
  tag: 'Runs',
  summary: 'Run an agent: a stream of events, the whole run with stream=false, or a place in the queue',
  params: AgentParams,
  headers: RunHeaders,
  body: formBody(RunRequest),
  response: RunOutput,
  accepted: AcceptedRun,
  events: AgentEvent,
  errors: [
    'AGENT_NOT_FOUND',
    'INVALID_REQUEST',
    'SESSION_TAKEN',
    'IDEMPOTENCY_CONFLICT',
    'NOT_SUPPORTED',
    'TOO_MANY_RUNS',
    'QUEUE_FULL',
    'RUN_NOT_FOUND',
    'RUN_HANDED_OVER',
    'DRAINING',
    'NO_REVISION',
    'DATABASE_UNAVAILABLE',
  ],
  async handle({ params, headers, body, deps, call }) {
    refuseUnsupported(body)
    const started = await deps.runs.start({
      agentId: params.id,
      message: body.message,
      sessionId: body.session_id,
      userId: body.user_id ?? null,
      options: toRunOptions(body),
      streamed: body.stream,
      background: body.background,
      priority: body.priority ?? 0,
      idempotency: toIdempotency(headers['idempotency-key'], body),
      traceparent: call.trace.traceparent,
    })
    const { runId, sessionId } = started
    call.trace.names({ runId, sessionId, userId: body.user_id ?? null, agentId: params.id })
    if (body.stream) {
      return streamStarted(started, -1, { textOnly: !body.stream_events, withIndex: body.background }, deps, call)
    }
    return body.background ? acceptRun(started, call) : answerOnce(started, body, deps, call)
  },
})

/** A run that begins and ends here is answered without reading it again. */
async function answerOnce(started: Started, body: RunRequest, deps: AppDeps, call: Call): Promise<RunOutput> {
  const { live, isNew } = started
  if (!live || !isNew) return waitForRest(started, deps, call)
  const finished = await finishHere(live, call)
  if (!finished.atRest) return waitForRest({ ...started, live: undefined }, deps, call)
  return toRunOutput(fromFinished(live, finished, body.metadata))
}

/** @throws {AgentOSError} INVALID_REQUEST */
function toIdempotency(key: string | undefined, body: RunRequest): { key: string; requestHash: string } | null {
  if (key === undefined) return null
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw new AgentOSError(
      'INVALID_REQUEST',
      `Idempotency-Key must be 1 to ${MAX_KEY_LENGTH} characters long, got ${key.length}`,
    )
  }
  return { key, requestHash: hashRequest(body) }
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
  if (body.yield_run_output === true) throw new AgentOSError('NOT_SUPPORTED', 'yield_run_output=true is not supported')
  if (body.priority !== undefined && !body.background) {
    throw new AgentOSError('INVALID_REQUEST', 'priority needs background=true: other runs start at once')
  }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}
