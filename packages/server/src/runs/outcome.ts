/**
 * How a run comes out: its last events, and what becomes of a result that a limit or a loss has changed.
 * @module
 */
import type { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import { textOf } from '../base/message.ts'
import type { RunJob, RunResult, TerminalEvent } from '../base/run.ts'
import { addUsage, NO_USAGE } from '../base/usage.ts'
import type { RunAgent } from './live-run.ts'

/** As in Agno, a cancelled run says so, and then completes. A run that is handed over says nothing: it goes on. */
export function terminalEvents(
  runId: string,
  result: RunResult,
  sessionState: JsonObject,
  at: number,
): readonly TerminalEvent[] {
  const end = { type: 'run-end', at, result, sessionState } as const
  switch (result.status) {
    case 'COMPLETED':
      return [end]
    case 'PENDING':
      return []
    case 'PAUSED':
      return [{ type: 'run-pause', at, requirements: result.requirements ?? [] }]
    case 'ERROR': {
      const error = result.error ?? { code: 'INTERNAL', message: 'The run failed without a reason' }
      return [{ type: 'run-error', at, error }]
    }
    case 'CANCELLED': {
      const content = typeof result.content === 'string' ? result.content : JSON.stringify(result.content)
      return [{ type: 'run-cancel', at, reason: `Run ${runId} was cancelled`, content }, end]
    }
  }
}

/** The run began with the state its caller gave, so only what it changed since is in its own patch. */
export function withRequestedState({ request }: RunJob, result: RunResult): RunResult {
  if (request.sessionState === undefined) return result
  const { set, unset } = result.statePatch
  return { ...result, statePatch: { set: { ...request.sessionState, ...set }, unset } }
}

/** A run that completed, or waits for answers, before it could be stopped has done so. */
export function asFailure(result: RunResult, { code, message }: AgentOSError): RunResult {
  if (result.status === 'COMPLETED' || result.status === 'PAUSED') return result
  return { ...result, status: 'ERROR', error: { code, message } }
}

/** What a run has to show that ends here without being executed: the text and the state of what it committed. */
export function emptyResult(
  { agent, job, createdAt }: { readonly agent: RunAgent; readonly job: RunJob; readonly createdAt: number },
  now: number,
): RunResult {
  const said = job.journal.filter((message) => message.role === 'assistant')
  return {
    status: 'CANCELLED',
    content: said.map(textOf).join(''),
    contentType: 'str',
    reasoning: '',
    model: agent.model,
    metrics: {
      usage: said.reduce((sum, reply) => addUsage(sum, reply.usage), NO_USAGE),
      durationMs: Math.max(0, now - createdAt),
    },
    statePatch: job.statePatch,
    uncommitted: [],
  }
}
