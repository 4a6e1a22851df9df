/**
 * Hands over what schedules lead to: a run goes into the queue and lives on by itself; anything else is called here and
 * now, once.
 * @module
 */
import type { Ids } from '../base/ids.ts'
import { isJsonObject, type JsonObject, parseJson } from '../base/json.ts'
import type { Db } from '../storage/database.ts'
import {
  endScheduleRun,
  type EndedScheduleRun,
  markCalling,
  markRunBegun,
  putBack,
  type QueueLease,
  type ScheduleEnd,
  type ScheduleHandOver,
} from '../storage/schedules/schedule-queue.ts'
import type { ScheduleMethod } from '../storage/schedules/schedules.ts'
import type { Log } from '../telemetry/log.ts'
import type { Turns } from './turns.ts'

export type ScheduleRequest = {
  readonly method: ScheduleMethod
  /** A path of this server, with its query. */
  readonly endpoint: string
  readonly payload: JsonObject | null
  /** Names the request in logs and traces. */
  readonly requestId: string
  /** Of a run: the same key gets the same run. */
  readonly idempotencyKey?: string
}

/** The answer of this server. */
type ScheduleAnswer = { readonly status: number; readonly body: string }

/** Puts a request to this very server, with the rights of whoever made the schedule. @throws the signal's reason */
export type Send = (request: ScheduleRequest, signal?: AbortSignal) => Promise<ScheduleAnswer>

export type DispatchDeps = {
  readonly db: Db
  readonly ids: Ids
  readonly log: Log
  readonly lease: QueueLease
  readonly send: Send
  /** Bounds the runs that are begun at once: requests of users need connections, too. */
  readonly turns: Turns
  /** Hears of what has been handed over or begun, and of what has ended here. */
  readonly onBegun: (run: ScheduleHandOver) => void
  readonly onEnded: (ended: EndedScheduleRun) => void
}

/** How long what cannot be handed over now waits, in milliseconds. */
const PUT_BACK_MS = 3000
/** Longest answer that is kept as the error, in characters. */
const MAX_ERROR = 2000

/** Starting a run: the only endpoint whose work outlives its answer. */
const RUN_ENDPOINT = /^\/(agents|teams|workflows)\/[^/]+\/runs\/?$/

function isRunEndpoint(method: string, endpoint: string): boolean {
  return method === 'POST' && RUN_ENDPOINT.test(endpoint.replace(/\?.*$/s, ''))
}

/**
 * Hands one over, and stores what became of that.
 * @param signal ends a call; a run is begun whatever it says
 * @throws {AgentOSError} DATABASE_UNAVAILABLE; whoever comes once the lease has run out does it again
 */
export async function dispatch(deps: DispatchDeps, run: ScheduleHandOver, signal: AbortSignal): Promise<void> {
  if (isRunEndpoint(run.method, run.endpoint)) await deps.turns(() => beginRun(deps, run))
  else await makeCall(deps, run, signal)
}

async function beginRun(deps: DispatchDeps, run: ScheduleHandOver): Promise<void> {
  const { scheduleRunId, scheduleId } = run
  const { owner } = deps.lease
  const { status, body } = await deps.send({
    method: 'POST',
    endpoint: run.endpoint,
    payload: asBackground(run),
    requestId: scheduleRunId,
    idempotencyKey: `schedule-run:${scheduleRunId}`,
  })
  const answer = readAnswer(body)
  const { run_id: runId, session_id: sessionId } = answer
  if (status < 300 && typeof runId === 'string' && typeof sessionId === 'string') {
    await markRunBegun(deps.db, scheduleRunId, owner, { statusCode: status, runId, sessionId })
    deps.onBegun(run)
    deps.log.info('a schedule began a run', { schedule_id: scheduleId, schedule_run_id: scheduleRunId, run_id: runId })
    return
  }
  // This replica is stopping, has no agents yet, or the queue is full.
  const isPassing = status === 429 || status === 503
  if (isPassing && (await putBack(deps.db, scheduleRunId, owner, PUT_BACK_MS))) return
  await end(deps, run, { status: 'failed', statusCode: status, error: describeRefusal(status, body, answer) })
}

/** What the payload says of the run, and that nobody waits for it here. */
function asBackground({ payload, scheduleId, scheduleRunId }: ScheduleHandOver): JsonObject {
  const { version: _version, stream_events: _events, ...fields } = payload ?? {}
  const metadata = isJsonObject(fields['metadata']) ? fields['metadata'] : {}
  const origin = { schedule_id: scheduleId, schedule_run_id: scheduleRunId }
  return { ...fields, metadata: { ...metadata, ...origin }, stream: false, background: true }
}

async function makeCall(deps: DispatchDeps, run: ScheduleHandOver, signal: AbortSignal): Promise<void> {
  const { scheduleRunId, method, endpoint, payload, timeoutSeconds } = run
  if (!(await markCalling(deps.db, scheduleRunId, deps.lease))) return
  deps.onBegun(run)
  const timeout = AbortSignal.timeout(timeoutSeconds * 1000)
  const both = AbortSignal.any([signal, timeout])
  try {
    const { status, body } = await deps.send({ method, endpoint, payload, requestId: scheduleRunId }, both)
    const isOk = status >= 200 && status < 300
    const error = isOk ? null : describeRefusal(status, body, readAnswer(body))
    await end(deps, run, { status: isOk ? 'success' : 'failed', statusCode: status, error })
  } catch (error) {
    if (!both.aborted) throw error
    const reason = timeout.aborted ? `The call took longer than ${timeoutSeconds} s` : 'The server stopped'
    await end(deps, run, { status: 'failed', statusCode: null, error: reason })
  }
}

async function end(deps: DispatchDeps, run: ScheduleHandOver, outcome: ScheduleEnd): Promise<void> {
  const { db, ids, lease } = deps
  const ended = await endScheduleRun(db, run.scheduleRunId, { owner: lease.owner, retryId: ids.uuid() }, outcome)
  if (ended !== undefined) deps.onEnded(ended)
}

function describeRefusal(status: number, body: string, { detail }: JsonObject): string {
  const words = typeof detail === 'string' ? detail : body
  return `HTTP ${status}: ${words}`.slice(0, MAX_ERROR)
}

function readAnswer(body: string): JsonObject {
  const answer = parseJson(body)
  return isJsonObject(answer) ? answer : {}
}
