/**
 * What becomes of a call before anything of it happens: it runs, it is answered without running, or the run pauses for
 * it. Decided from the tool, from what people have answered, and from whether an earlier attempt may have run it already.
 *
 * | Call | Tool with effect `once` | Other tools |
 * | --- | --- | --- |
 * | nobody has to be asked | runs | runs |
 * | the same, but it may have run already | pauses: outcome unknown | runs (`keyed`: with the same key) |
 * | somebody has to be asked | pauses | pauses |
 * | somebody agreed | runs | runs |
 * | the same, but it may have run since | pauses: outcome unknown | runs |
 * | answered otherwise (rejected, result, selections) | answered, as often as need be | the same |
 * @module
 */
import { isJsonObject, type Json } from '../base/json.ts'
import type { ToolCall } from '../base/message.ts'
import type { PauseKind, Requirement, RequirementAnswer } from '../base/requirement.ts'
import type { Execution } from './execution.ts'
import { fillFields, layOver, readQuestions, type ToolGate } from './gate.ts'
import type { PlannedCall } from './loop.ts'
import type { PreparedTool } from './tool.ts'
import { answerCall, inspectCall, type ToolCallDeps, type ToolOutcome } from './tool-call.ts'

export type CallPlan =
  /** `call` carries the input that the tool gets: the model's, or what a person has made of it. */
  | { readonly type: 'run'; readonly call: ToolCall }
  /** Answered by us, and shown like a call that ran and failed. */
  | { readonly type: 'refuse'; readonly call: ToolCall; readonly outcome: ToolOutcome }
  /** Answered by a person. */
  | { readonly type: 'answer'; readonly call: ToolCall; readonly outcome: ToolOutcome; readonly stops: boolean }
  | { readonly type: 'pause'; readonly requirement: Requirement }

/** Never rejects. */
export async function planCall(
  run: Execution,
  { call, overLimit }: PlannedCall,
  deps: ToolCallDeps,
): Promise<CallPlan> {
  const { agent, requirements } = run
  if (overLimit) {
    const limit = agent.loop.toolCallLimit
    return refuse(call, `Not called: the limit of ${limit} tool calls is reached. Answer with what you know.`)
  }
  const requirement = requirements.get(call.toolCallId)
  if (requirement !== undefined) return followRequirement(run, call, requirement)
  const tool = agent.tools.get(call.toolName)
  if (tool?.gate !== undefined) return passGate(run, call, tool, tool.gate, deps)
  return isRisky(run, call) ? pauseFor(run, 'outcome-unknown', call) : { type: 'run', call }
}

/** Whether the call may have run already, and must not run twice. A tool that is gone counts as one that must not. */
function isRisky({ agent, inDoubt }: Execution, { toolCallId, toolName }: ToolCall): boolean {
  return inDoubt.has(toolCallId) && (agent.tools.get(toolName)?.effect ?? 'once') === 'once'
}

async function passGate(
  run: Execution,
  call: ToolCall,
  tool: PreparedTool,
  gate: ToolGate,
  deps: ToolCallDeps,
): Promise<CallPlan> {
  const isNeeded = gate.kind === 'confirmation' ? gate.isNeeded : undefined
  // Where each call decides anew, the earlier attempt may have decided to run it.
  if (isNeeded !== undefined && isRisky(run, call)) return pauseFor(run, 'outcome-unknown', call)
  if (gate.kind === 'user-input') {
    // What does not fit yet, a person may still set right.
    if (call.input === '' || isJsonObject(call.input)) return pauseFor(run, gate.kind, call)
    return refuse(call, `The arguments of tool "${tool.name}" are not a JSON object, so it was not called.`)
  }
  const inspection = await inspectCall(tool, call, isNeeded, deps)
  if (!inspection.ok) return { type: 'refuse', call, outcome: inspection.outcome }
  return inspection.asks ? pauseFor(run, gate.kind, call) : { type: 'run', call }
}

/** An answer that is missing rejects a confirmation, as in Agno; everything else goes on waiting. */
function followRequirement(run: Execution, call: ToolCall, requirement: Requirement): CallPlan {
  const { kind, answer } = requirement
  if (kind === 'outcome-unknown') return followUnknown(run, call, requirement)
  if (answer?.confirmed === false || (kind === 'confirmation' && answer?.confirmed !== true)) {
    return answered(call, requirement, answer?.note ?? 'Function call was rejected by the user', true)
  }
  if (answer === null) return { type: 'pause', requirement }
  switch (kind) {
    case 'confirmation':
      return runConfirmed(run, call, call.input)
    case 'user-input': {
      const gate = run.agent.tools.get(call.toolName)?.gate
      const fields = gate?.kind === kind ? gate.fields : []
      return runConfirmed(run, call, layOver(fields, call.input, answer.values ?? {}))
    }
    case 'user-feedback':
      return answered(call, requirement, writeSelections(requirement, answer), false)
    case 'external-execution':
      if (answer.result === null) return { type: 'pause', requirement }
      return answered(call, requirement, answer.result, false)
  }
}

function followUnknown(run: Execution, call: ToolCall, requirement: Requirement): CallPlan {
  const { answer, input, toolName } = requirement
  if (answer === null) return { type: 'pause', requirement }
  if (answer.result !== null) return answered(call, requirement, answer.result, false)
  if (answer.confirmed === true) return runConfirmed(run, call, input)
  const unknown = `The server stopped while tool "${toolName}" was called, so it is unknown whether it took effect. It was not called again.`
  return answered(call, requirement, answer.note === null ? unknown : `${unknown} ${answer.note}`, true)
}

/** Runs the call, unless the attempt that was to run it was lost: then nobody knows, however it was confirmed. */
function runConfirmed(run: Execution, call: ToolCall, input: Json): CallPlan {
  const confirmed: ToolCall = { ...call, input }
  if (isRisky(run, call)) return pauseFor(run, 'outcome-unknown', confirmed)
  const gate = run.agent.tools.get(call.toolName)?.gate
  // The revision that runs it now may have nothing to run.
  if (gate?.kind === 'external-execution' || gate?.kind === 'user-feedback') return pauseFor(run, gate.kind, confirmed)
  return { type: 'run', call: confirmed }
}

function pauseFor({ agent, ports }: Execution, kind: PauseKind, call: ToolCall): CallPlan {
  const { toolCallId, toolName, input } = call
  const tool = agent.tools.get(toolName)
  const gate = tool?.gate
  const approval = tool?.approval ?? null
  const requirement: Requirement = {
    id: ports.ids.uuid(),
    createdAt: ports.clock.now(),
    kind,
    toolCallId,
    toolName,
    input,
    stopAfterToolCall: tool?.stopAfterToolCall ?? false,
    fields: kind === 'user-input' && gate?.kind === kind ? fillFields(gate.fields, input) : [],
    questions: kind === 'user-feedback' ? readQuestions(input) : [],
    silent: kind === 'external-execution' && gate?.kind === kind && gate.silent,
    approval,
    approvalId: approval === null ? null : ports.ids.uuid(),
    answer: null,
  }
  return { type: 'pause', requirement }
}

/** The words of a person. A rejected call ends nothing: the model hears of it and can do better. */
function answered(call: ToolCall, { input, stopAfterToolCall }: Requirement, text: string, isError: boolean): CallPlan {
  return {
    type: 'answer',
    call: { ...call, input },
    outcome: answerCall(text, isError),
    stops: stopAfterToolCall && !isError,
  }
}

function refuse(call: ToolCall, text: string): CallPlan {
  return { type: 'refuse', call, outcome: answerCall(text, true) }
}

function writeSelections({ questions }: Requirement, { selections }: RequirementAnswer): string {
  const selected = questions.map(({ question }, index) => ({ question, selected: selections?.[index] ?? [] }))
  return `User feedback received: ${JSON.stringify(selected)}`
}
