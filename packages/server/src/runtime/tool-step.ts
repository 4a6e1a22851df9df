/**
 * The calls of one step, at the same time: those that need nobody run, those that were answered are passed on, and for
 * the rest the run pauses.
 * @module
 */
import type { ToolCall, ToolMessage } from '../base/message.ts'
import type { Requirement } from '../base/requirement.ts'
import type { ToolExecution } from '../base/run.ts'
import { planCall, type CallPlan } from './call-plan.ts'
import type { Execution, OpenedRun, RunPorts } from './execution.ts'
import type { Inside } from './inside.ts'
import { apply, type PlannedCall } from './loop.ts'
import { runToolCall, type ToolCallDeps, type ToolOutcome } from './tool-call.ts'

/**
 * Adds a tool message for each call that was answered, in the model's order.
 * @returns what the others wait for; empty when every call has its answer
 */
export async function runTools(
  run: Execution,
  opened: OpenedRun,
  calls: readonly PlannedCall[],
): Promise<readonly Requirement[]> {
  const { ports, agent, loop } = run
  const { ctx, history } = opened
  const { clock, limits } = ports
  const transcript = [...history, ...loop.messages.slice(0, loop.messages.findLastIndex(isReply))]
  const deps: ToolCallDeps = { tools: agent.tools, ctx, transcript, inside: insideOf(run), limits, clock }
  const plans = await Promise.all(calls.map((planned) => planCall(run, planned, deps)))
  const started = showStarts(run, plans)
  const answers = await Promise.all(
    plans.map(async (plan, index) => {
      if (plan.type === 'pause') return undefined
      const outcome = plan.type === 'run' ? await inTrace(ports, plan.call, deps) : plan.outcome
      showEnd(run, started[index], outcome)
      return toToolMessage(run, plan, outcome)
    }),
  )
  for (const answer of answers) if (answer !== undefined) run.loop = apply(run.loop, answer)
  run.stateTouched = true
  const credit = ports.ready()
  if (credit !== undefined) await credit
  return plans.flatMap((plan) => (plan.type === 'pause' ? [plan.requirement] : []))
}

function insideOf({ ports: { ask, clock, ids, log, limits }, job: { request }, beside }: Execution): Inside {
  return { ask, clock, ids, log, limits, request, spend: (usage) => void beside.push(usage) }
}

function inTrace({ inTrace: trace }: RunPorts, call: ToolCall, deps: ToolCallDeps): Promise<ToolOutcome> {
  const run = () => runToolCall(call, deps)
  return trace === undefined ? run() : trace(call.toolCallId, run)
}

/** Calls that pause and words of a person show no event, as in Agno: their clients know of them by the pause. */
function showStarts(
  { agent, ports: { clock, emit } }: Execution,
  plans: readonly CallPlan[],
): readonly (ToolExecution | undefined)[] {
  const createdAt = clock.now()
  const started = plans.map((plan): ToolExecution | undefined => {
    if (plan.type !== 'run' && plan.type !== 'refuse') return undefined
    const { toolCallId, toolName, input } = plan.call
    const stopAfterToolCall = agent.tools.get(toolName)?.stopAfterToolCall ?? false
    return { toolCallId, toolName, input, createdAt, stopAfterToolCall }
  })
  for (const tool of started) if (tool !== undefined) emit({ type: 'tool-start', at: createdAt, tool })
  return started
}

function showEnd({ ports: { clock, emit } }: Execution, tool: ToolExecution | undefined, outcome: ToolOutcome): void {
  if (tool === undefined) return
  const { content, isError, durationMs } = outcome
  emit({ type: 'tool-end', at: clock.now(), tool: { ...tool, result: content, isError, durationMs } })
}

function toToolMessage(
  run: Execution,
  plan: Exclude<CallPlan, { type: 'pause' }>,
  { content, isError, durationMs, ran, found }: ToolOutcome,
): ToolMessage {
  const { agent, ports } = run
  const { toolCallId, toolName, input } = plan.call
  const tool = agent.tools.get(toolName)
  if (ran && tool?.effect !== 'read' && tool?.effect !== 'idempotent') run.mustCommit = true
  const message = { role: 'tool', toolCallId, toolName, input, content, isError, durationMs } as const
  const retrieval = found === undefined ? {} : { retrieval: { ...found, from: 0, to: content.length } }
  const base = { ...message, ...retrieval, id: ports.ids.uuid(), createdAt: ports.clock.now() }
  // A call that failed ends nothing: the model hears of it and can do better.
  const stops = plan.type === 'answer' ? plan.stops : tool?.stopAfterToolCall === true && !isError
  return stops ? { ...base, stopAfterToolCall: true } : base
}

function isReply(message: { readonly role: string }): boolean {
  return message.role === 'assistant'
}
