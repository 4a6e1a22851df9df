/**
 * Starting a run: inline or in the queue, streamed or as one answer.
 * @module
 */
import { AcceptedRun, AgentEvent, RunHeaders, RunOutput, RunRequest } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import type { Media } from '../../base/media.ts'
import { readFilters } from '../../base/knowledge-filter.ts'
import type { RunOptions } from '../../base/run.ts'
import type { Started } from '../../runs/runs.ts'
import { fromFinished, toRunOutput } from '../agno/run.ts'
import type { AppDeps } from '../deps.ts'
import { type MediaDeps, takeMedia } from '../input/media-input.ts'
import { hashRequest } from '../input/request-hash.ts'
import { type Call, formBody, route } from '../route.ts'
import { acceptRun, finishHere, streamStarted, waitForRest } from '../stream/run-answer.ts'
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
  uploads: { kind: 'media', fields: ['files'] },
  response: RunOutput,
  accepted: AcceptedRun,
  events: AgentEvent,
  errors: [
    'AGENT_NOT_FOUND',
    'INVALID_REQUEST',
    'SESSION_TAKEN',
    'IDEMPOTENCY_CONFLICT',
    'NOT_SUPPORTED',
    'MEDIA_UNSUPPORTED',
    'BODY_TOO_LARGE',
    'TOO_MANY_RUNS',
    'QUEUE_FULL',
    'RUN_NOT_FOUND',
    'RUN_HANDED_OVER',
    'DRAINING',
    'NO_REVISION',
    'DATABASE_UNAVAILABLE',
  ],
  async handle({ params, headers, body, uploads, deps, call }) {
    refuseUnsupported(body)
    const media = await takeMedia(body, uploads, mediaDeps(deps))
    const options = toRunOptions(body, media)
    const started = await deps.runs.start({
      agentId: params.id,
      message: body.message,
      sessionId: body.session_id,
      userId: body.user_id ?? null,
      options,
      streamed: body.stream,
      background: body.background,
      priority: body.priority ?? 0,
      idempotency: toIdempotency(headers['idempotency-key'], body, media),
      traceparent: call.trace.traceparent,
    })
    const { runId, sessionId } = started
    call.trace.names({ runId, sessionId, userId: body.user_id ?? null, agentId: params.id })
    if (body.stream) {
      return streamStarted(started, -1, { textOnly: !body.stream_events, withIndex: body.background }, deps, call)
    }
    return body.background ? acceptRun(started, call) : answerOnce(started, options, deps, call)
  },
})

/** A run that begins and ends here is answered without reading it again. */
async function answerOnce(started: Started, options: RunOptions, deps: AppDeps, call: Call): Promise<RunOutput> {
  const { live, isNew } = started
  if (!live || !isNew) return waitForRest(started, deps, call)
  const finished = await finishHere(live, call)
  if (!finished.atRest) return waitForRest({ ...started, live: undefined }, deps, call)
  return toRunOutput(fromFinished(live, finished, options))
}

/** @throws {AgentOSError} INVALID_REQUEST */
function toIdempotency(
  key: string | undefined,
  body: RunRequest,
  media: readonly Media[],
): { key: string; requestHash: string } | null {
  if (key === undefined) return null
  if (key.length === 0 || key.length > MAX_KEY_LENGTH) {
    throw new AgentOSError(
      'INVALID_REQUEST',
      `Idempotency-Key must be 1 to ${MAX_KEY_LENGTH} characters long, got ${key.length}`,
    )
  }
  // Of what is attached, its hash says enough; its id is new each time.
  const { images: _i, audio: _a, videos: _v, files: _f, input_files: _d, ...asked } = body
  const attached = media.map(({ id: _, ...medium }) => medium)
  return { key, requestHash: hashRequest(attached.length > 0 ? { ...asked, attached } : asked) }
}

function mediaDeps({ database, ids, settings }: AppDeps): MediaDeps {
  const { totalBytes, count } = settings.uploads.media
  return {
    // Looked at only when there is something to store.
    get db() {
      return database.db
    },
    ids,
    mostBytes: totalBytes,
    mostCount: count,
  }
}

function toRunOptions(body: RunRequest, media: readonly Media[]): RunOptions {
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
    ...(body.knowledge_filters && { knowledgeFilters: readFilters(body.knowledge_filters) }),
    ...(body.retries !== undefined && { retries: body.retries }),
    ...(media.length > 0 && { media }),
  }
}

const UNSUPPORTED = ['factory_input'] as const

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
