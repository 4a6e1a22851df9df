/**
 * The answer to a request that started a run or went on with one: a stream of its events, the whole run once it is at
 * rest, or where to find it while it waits in the queue. Where the run happens makes no difference to the client.
 * @module
 */
import type { AcceptedRun, RunOutput } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import type { FinishedRun, Following, LiveRun, Started } from '../../runs/runs.ts'
import { findRun } from '../../storage/runs/runs.ts'
import { findSession } from '../../storage/sessions/sessions.ts'
import { toRunOutput } from '../agno/run.ts'
import type { AppDeps } from '../deps.ts'
import { type Call, STREAMED } from '../route.ts'
import { type RunStreamOptions, streamRun } from './run-stream.ts'
import { STREAM_HEADERS } from './sse.ts'
import { showRun } from '../stored-run.ts'

export type StreamChoices = Pick<RunStreamOptions, 'textOnly' | 'withIndex'> &
  Partial<Pick<RunStreamOptions, 'opening' | 'subscribed' | 'onLeft'>>

/** 202: where to find a run that waits. */
export function acceptRun({ runId, sessionId, status }: Started, call: Call): AcceptedRun {
  call.setStatus(202)
  return { run_id: runId, session_id: sessionId, status }
}

/**
 * Streams what came of a request.
 * @param afterIndex the last event that is not part of the answer; -1 for none. Not looked at for a run that is new here
 */
export async function streamStarted(
  started: Started,
  afterIndex: number,
  choices: StreamChoices,
  deps: AppDeps,
  call: Call,
): Promise<typeof STREAMED> {
  const { live, isNew, runId } = started
  if (live) call.setHeader('x-agentos-revision', live.revision)
  const own = { ...choices, ...(live && { onLeft: () => leave(live) }) }
  // Nothing is awaited between the start of a run and its first listener.
  if (live && isNew) return streamFollowing(deps.runs.followLive(live), own, deps, call)
  const following = await deps.runs.follow(runId, afterIndex)
  if (!following) throw new AgentOSError('RUN_NOT_FOUND', `Run ${runId} is gone`)
  return streamFollowing(following, own, deps, call)
}

/** The client of a run went away; a background run belongs to no client. */
function leave(live: LiveRun): void {
  if (!live.background) live.disconnected()
}

/** To be called in the tick that got `following`. */
export function streamFollowing(
  following: Pick<Following, 'missed' | 'subscribe'>,
  choices: StreamChoices,
  deps: AppDeps,
  call: Call,
): typeof STREAMED {
  const { response, register } = call.takeOver(STREAM_HEADERS)
  let isOver = false
  let forget = () => {}
  deps.metrics?.streamOpened()
  const handle = streamRun(following, response, {
    onLeft: () => {},
    ...choices,
    clock: deps.clock,
    heartbeatMs: deps.settings.heartbeatMs,
    bufferBytes: deps.settings.streamBufferBytes,
    onCut: deps.metrics?.clientCut,
    onOver: () => {
      isOver = true
      deps.metrics?.streamClosed()
      forget()
    },
  })
  if (!isOver) forget = register(handle)
  return STREAMED
}

/** The run as it is stored, once it has ended or waits for answers, wherever that happens. */
export async function waitForRest(started: Started, deps: AppDeps, call: Call): Promise<RunOutput> {
  const { live, isNew, runId, sessionId } = started
  if (live && isNew && (await finishHere(live, call)).atRest) return readRun(runId, sessionId, deps)
  const leaving = new AbortController()
  const stopListening = call.onDisconnect(() => {
    leaving.abort(new AgentOSError('RUN_HANDED_OVER', 'The client went away'))
  })
  try {
    await deps.runs.wait(runId, leaving.signal)
  } finally {
    stopListening()
  }
  return readRun(runId, sessionId, deps)
}

/** Waits until the run is at rest or has left this replica; its client may go away meanwhile. */
export async function finishHere(live: LiveRun, call: Call): Promise<FinishedRun> {
  call.setHeader('x-agentos-revision', live.revision)
  const stopListening = call.onDisconnect(() => leave(live))
  const finished = await live.finished
  stopListening()
  return finished
}

async function readRun(runId: string, sessionId: string, deps: AppDeps): Promise<RunOutput> {
  const { db } = deps.database
  const [run, session] = await Promise.all([findRun(db, runId), findSession(db, sessionId)])
  if (!run || !session) throw new AgentOSError('RUN_NOT_FOUND', `Run ${runId} is gone`)
  return toRunOutput(await showRun(deps, session, run))
}
