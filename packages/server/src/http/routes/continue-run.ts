/**
 * Going on with a run: with answers to what it paused for, after an error, or as a fork of it.
 * @module
 */
import { AcceptedRun, AgentEvent, ContinueRequest, RunOutput } from '@agentos/wire'
import { AgentOSError } from '../../base/errors.ts'
import { findRun, type Run } from '../../storage/runs/runs.ts'
import { formBody, route } from '../route.ts'
import { acceptRun, streamStarted, waitForRest } from '../stream/run-answer.ts'
import { readSentTools, toAnswers } from '../input/sent-answers.ts'
import type { AppDeps } from '../deps.ts'
import { refuseUnknownAgent } from './agents.ts'
import { RunParams } from './runs.ts'

export const continueRun = route({
  method: 'POST',
  path: '/agents/{id}/runs/{run_id}/continue',
  scope: 'agents:run',
  traced: true,
  tag: 'Runs',
  summary: 'Go on with a run: answer what it waits for, try again after an error, fork it, or regenerate its answer',
  params: RunParams,
  body: formBody(ContinueRequest),
  response: RunOutput,
  accepted: AcceptedRun,
  events: AgentEvent,
  errors: [
    'AGENT_NOT_FOUND',
    'INVALID_REQUEST',
    'RUN_NOT_FOUND',
    'RUN_NOT_PAUSED',
    'RUN_NOT_CONTINUABLE',
    'APPROVAL_PENDING',
    'TOO_MANY_RUNS',
    'RUN_HANDED_OVER',
    'DRAINING',
    'NO_REVISION',
    'DATABASE_UNAVAILABLE',
  ],
  async handle({ params, body, deps, call }) {
    const sent = readSentTools(body)
    refuseUnknownAgent(deps, params.id)
    // The words of this route are Agno's; clients compare them.
    const sessionId = body.session_id
    if (sessionId === undefined) throw invalid('session_id is required for this action')
    const continueFrom = readContinueFrom(body.continue_from)
    refuseConflicts(body, continueFrom)
    const run = await findContinued(deps, params.id, params.run_id, sessionId)
    call.trace.joins(run)
    const started = await deps.runs.continue({
      agentId: params.id,
      runId: params.run_id,
      sessionId,
      userId: body.user_id ?? null,
      answers: toAnswers(sent, run.requirements),
      input: body.input ?? body.additional_instructions,
      continueFrom,
      fork: body.fork,
      regenerate: body.regenerate,
      replaceOriginal: body.replace_original,
      background: body.background,
      streamed: body.stream,
      mayApprove: call.caller.may('approvals:write'),
      resolvedBy: body.user_id ?? null,
      traceparent: call.trace.traceparent,
    })
    call.trace.names({ runId: started.runId, sessionId, userId: run.userId, agentId: params.id })
    if (body.stream) {
      // The same run goes on after what it has settled; a fork begins.
      const afterIndex = started.runId === run.runId ? run.settledIndex : -1
      return streamStarted(started, afterIndex, { textOnly: !body.stream_events, withIndex: true }, deps, call)
    }
    return body.background ? acceptRun(started, call) : waitForRest(started, deps, call)
  },
})

function readContinueFrom(given: string | number): 'end' | 'last_user' | number {
  const text = String(given).trim()
  if (text === 'end' || text === 'last_user') return text
  if (/^-?\d{1,9}$/.test(text)) return Number(text)
  throw invalid("Invalid continue_from. Use 'end', 'last_user', or a numeric message index.")
}

function refuseConflicts(body: ContinueRequest, continueFrom: 'end' | 'last_user' | number): void {
  if (body.additional_instructions !== undefined && body.input !== undefined) {
    throw invalid('Provide either `additional_instructions` or `input`, not both.')
  }
  if (body.replace_original !== undefined && !body.regenerate) {
    throw invalid('`replace_original` only makes sense with `regenerate=True`.')
  }
  if (body.regenerate && body.fork) {
    throw invalid('`regenerate=True` always makes a new run; do not pass `fork=True` with it.')
  }
  if (body.regenerate && typeof continueFrom === 'number') {
    throw invalid('`regenerate=True` derives the continuation boundary automatically.')
  }
}

async function findContinued(deps: AppDeps, agentId: string, runId: string, sessionId: string): Promise<Run> {
  const run = await findRun(deps.database.db, runId)
  if (run?.sessionId === sessionId && run.componentId === agentId) return run
  throw new AgentOSError('RUN_NOT_FOUND', `No runs found for run ID ${runId}`)
}

function invalid(message: string): AgentOSError {
  return new AgentOSError('INVALID_REQUEST', message)
}
