/**
 * Joining the stream of a run again, on any replica: with Agno's control frames, or as a plain event stream that browsers
 * reconnect by themselves.
 * @module
 */
import { AgentEvent, type ResumeFrame, ResumeRequest, RunEventsHeaders, RunEventsQuery } from '@agentos/wire'
import type { z } from 'zod'
import { AgentOSError } from '../../base/errors.ts'
import { isAtRest } from '../../base/run.ts'
import type { Following } from '../../runs/runs.ts'
import { findRun, type Run } from '../../storage/runs/runs.ts'
import type { AppDeps } from '../deps.ts'
import { type Call, formBody, route, type STREAMED } from '../route.ts'
import { streamFollowing } from '../stream/run-answer.ts'
import { formatFrame } from '../stream/sse.ts'
import { refuseUnknownAgent } from './agents.ts'
import { RunParams } from './runs.ts'

const tag = 'Runs'
const scope = 'agents:run'

export const resumeRun = route({
  method: 'POST',
  path: '/agents/{id}/runs/{run_id}/resume',
  scope,
  traced: true,
  tag,
  summary: 'What a client has missed of a run, then what comes; control frames say which is which',
  params: RunParams,
  body: formBody(ResumeRequest),
  events: AgentEvent,
  errors: ['AGENT_NOT_FOUND', 'INVALID_REQUEST', 'DATABASE_UNAVAILABLE'],
  async handle({ params, body, deps, call }) {
    refuseUnknownAgent(deps, params.id)
    const asked = body.last_event_index ?? -1
    const run = await findFollowed(deps, params, body.session_id)
    if (run) call.trace.joins(run)
    if (run) refuseAbsurd(run, asked, 'last_event_index')
    const following = run && (await deps.runs.follow(run.runId, asked))
    if (!following) {
      // As in Agno, whose clients look for the frame and not for a status.
      const error = formatControl({ event: 'error', error: `Run ${params.run_id} not found in buffer or database` })
      return streamFollowing(NOTHING, { textOnly: false, withIndex: true, opening: error }, deps, call)
    }
    return streamResumed(following, asked, deps, call)
  },
})

export const getRunEvents = route({
  method: 'GET',
  path: '/agents/{id}/runs/{run_id}/events',
  scope,
  traced: true,
  tag,
  summary:
    'The events of a run after Last-Event-ID, then what comes, until the run is at rest; 204 when nothing is left',
  params: RunParams,
  query: RunEventsQuery,
  headers: RunEventsHeaders,
  events: AgentEvent,
  errors: ['RUN_NOT_FOUND', 'INVALID_REQUEST', 'DATABASE_UNAVAILABLE'],
  async handle({ params, query, headers, deps, call }) {
    // A browser that reconnects asks for the same address again and tells its place in the header.
    const asked = headers['last-event-id'] ?? query.last_event_id ?? -1
    const run = await findFollowed(deps, params, query.session_id)
    if (run) call.trace.joins(run)
    if (run) refuseAbsurd(run, asked, 'Last-Event-ID')
    const following = run && (await deps.runs.follow(run.runId, asked))
    if (!following) throw new AgentOSError('RUN_NOT_FOUND', 'Run not found')
    if (isAtRest(following.status) && following.missed.length === 0) {
      // What makes a browser's EventSource stop asking again.
      call.setStatus(204)
      return undefined
    }
    return streamFollowing(following, { textOnly: false, withIndex: false }, deps, call)
  },
})

const NOTHING: Pick<Following, 'missed' | 'subscribe'> = {
  missed: [],
  subscribe: ({ onEnd }) => {
    onEnd()
    return () => {}
  },
}

async function findFollowed(
  deps: AppDeps,
  { id, run_id: runId }: z.output<typeof RunParams>,
  sessionId: string | undefined,
): Promise<Run | undefined> {
  const run = await findRun(deps.database.db, runId)
  const belongs = run?.componentId === id && (sessionId === undefined || run.sessionId === sessionId)
  return belongs ? run : undefined
}

/** More than an attempt can use: the gap before it and its events. */
const INDEXES_PER_ATTEMPT = 2_000_000

/** @throws {AgentOSError} INVALID_REQUEST for an index that no event of the run can have */
function refuseAbsurd({ runId, status, settledIndex, attempt }: Run, asked: number, field: string): void {
  // While a run goes on, a client may have seen more than its owner has stored.
  const last = isAtRest(status) ? settledIndex : Math.max(0, settledIndex) + (attempt + 1) * INDEXES_PER_ATTEMPT
  if (asked <= last || asked < 0) return
  throw new AgentOSError('INVALID_REQUEST', `${field} must be -1 to ${last} for run ${runId}, got ${asked}`)
}

function streamResumed(following: Following, asked: number, deps: AppDeps, call: Call): typeof STREAMED {
  const { runId: run_id, status, missed, lastIndex } = following
  const count = lastIndex + 1
  const plain = { textOnly: false, withIndex: true }
  if (isAtRest(status)) {
    const replay = formatControl({
      event: 'replay',
      run_id,
      status: status.toLowerCase(),
      total_events: missed.length,
      total_buffered: count,
      last_event_index_requested: asked,
      message: `Run ${status.toLowerCase()}. Replaying ${missed.length} missed events (of ${count} total).`,
    })
    return streamFollowing(following, { ...plain, opening: replay }, deps, call)
  }
  const catchUp = formatControl({
    event: 'catch_up',
    run_id,
    status: 'running',
    missed_events: missed.length,
    current_event_count: count,
    message: `Catching up on ${missed.length} missed events.`,
  })
  const subscribed = formatControl({
    event: 'subscribed',
    run_id,
    status: 'running',
    current_event_count: count,
    message: 'Subscribed to agent run. Receiving live events.',
  })
  return streamFollowing(
    following,
    { ...plain, ...(missed.length > 0 && { opening: catchUp }), subscribed },
    deps,
    call,
  )
}

/** JSON with spaces, as Agno writes these frames. */
function formatControl(frame: ResumeFrame): string {
  const pairs = Object.entries(frame).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
  return formatFrame(frame.event, `{${pairs.join(', ')}}`)
}
