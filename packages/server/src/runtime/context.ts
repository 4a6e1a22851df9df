/**
 * What the author's functions see of a run.
 * @module
 */
import type { Logger, RunContext, ToolContext } from '@agentos/sdk'
import type { ToolCall } from '../base/message.ts'
import type { RunJob } from '../base/run.ts'

export type RunContextParts = {
  readonly job: RunJob
  readonly sessionState: Record<string, unknown>
  readonly dependencies: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
  readonly log: Logger
}

/** Frozen, so that a state that is replaced instead of changed fails loudly instead of being lost. */
export function createRunContext({ job, ...parts }: RunContextParts): RunContext {
  const { runId, sessionId, agentId } = job
  return Object.freeze({
    ...parts,
    runId,
    sessionId,
    userId: job.userId ?? undefined,
    agentId,
  })
}

/** @param signal of the call: aborts with the run and at the call's own timeout */
export function createToolContext(ctx: RunContext, call: ToolCall, signal: AbortSignal): ToolContext {
  const { toolCallId, toolName } = call
  return Object.freeze({
    ...ctx,
    signal,
    log: withFields(ctx.log, { tool_name: toolName, tool_call_id: toolCallId }),
    toolCallId,
    effectKey: `${ctx.runId}:${toolCallId}`,
  })
}

function withFields(log: Logger, fixed: Record<string, unknown>): Logger {
  return {
    debug: (message, fields) => log.debug(message, { ...fields, ...fixed }),
    info: (message, fields) => log.info(message, { ...fields, ...fixed }),
    warn: (message, fields) => log.warn(message, { ...fields, ...fixed }),
    error: (message, fields) => log.error(message, { ...fields, ...fixed }),
  }
}
