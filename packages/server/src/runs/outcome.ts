/**
 * How a run comes out: its last events, and what becomes of a result that a limit or a loss has changed.
 * @module
 */
import type { AgentOSError } from '../base/errors.ts'
import type { JsonObject } from '../base/json.ts'
import { textOf } from '../base/message.ts'
import type { RunJob, RunResult, TerminalEvent } from '../base/run.ts'
import type { AgentInfo } from '../base/runnable.ts'
import { addUsage, NO_USAGE } from '../base/usage.ts'
import type { Journal } from './journal.ts'

/** What a run shows of its agent, also when the serving revision has none of that id any more. */
export type RunAgent = Pick<AgentInfo, 'id' | 'name' | 'metadata' | 'model'> &
  Partial<Pick<AgentInfo, 'tools' | 'modelSettings'>>

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

/** The run began with what its caller gave laid over the state, so only what it changed since is in its own patch. */
export function withRequestedState({ request, sessionState }: RunJob, result: RunResult): RunResult {
  if (request.sessionState === undefined) return result
  const { set, unset } = result.statePatch
  const given = Object.keys(request.sessionState).map((key) => [key, sessionState[key] ?? null] as const)
  return { ...result, statePatch: { set: { ...Object.fromEntries(given), ...set }, unset } }
}

/** A run that completed, or waits for answers, before it could be stopped has done so. */
export function asFailure(result: RunResult, { code, message }: AgentOSError): RunResult {
  if (result.status === 'COMPLETED' || result.status === 'PAUSED') return result
  return { ...result, status: 'ERROR', error: { code, message } }
}

/** A run that would wait for answers, or for another replica, does not when somebody has asked it to stop. */
function asCancelled(result: RunResult): RunResult {
  if (result.status !== 'PAUSED' && result.status !== 'PENDING') return result
  const { requirements: _, ...rest } = result
  return { ...rest, status: 'CANCELLED' }
}

/** What a cancelled run has to show when nobody is there to tell: the text, the usage and the state that it committed. */
export function committedResult(
  {
    agent,
    createdAt,
    job,
  }: { readonly agent: Pick<AgentInfo, 'model'>; readonly createdAt: number; readonly job: RunJob },
  { messages, statePatch }: Pick<Journal, 'messages' | 'statePatch'>,
  now: number,
): RunResult {
  const said = messages.slice(job.inherited).filter((message) => message.role === 'assistant')
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
    statePatch: statePatch(),
    uncommitted: [],
  }
}

/** What was decided about a run before it ended. */
export type Verdict = {
  /** It ends as an error, because of a limit; the first one stands. */
  readonly failWith: (error: AgentOSError) => void
  /** Somebody asked it to stop: it does not pause and goes nowhere else any more. */
  readonly cancel: () => void
  /** Whether it is to end, whatever becomes of its execution. */
  readonly isGiven: () => boolean
  readonly apply: (reported: RunResult) => RunResult
}

export function createVerdict(): Verdict {
  let failure: AgentOSError | undefined
  let isCancelled = false
  return {
    failWith: (error) => void (failure ??= error),
    cancel: () => void (isCancelled = true),
    isGiven: () => failure !== undefined || isCancelled,
    apply(reported) {
      if (failure !== undefined) return asFailure(reported, failure)
      return isCancelled ? asCancelled(reported) : reported
    },
  }
}
