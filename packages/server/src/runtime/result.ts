/**
 * How an execution ended, as the main thread stores it.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import type { Json } from '../base/json.ts'
import { type AssistantMessage, mediaOf, type Message } from '../base/message.ts'
import type { Requirement } from '../base/requirement.ts'
import { NO_PATCH } from '../base/state-patch.ts'
import { referencesOf } from '../base/references.ts'
import type { RunFailure, RunMetrics, RunResult } from '../base/run.ts'
import { addUsage, NO_USAGE } from '../base/usage.ts'
import type { PreparedAgent } from './agent.ts'
import { partialPartsOf } from './draft.ts'
import { elapsedMs } from './elapsed.ts'
import type { Execution, RunPorts } from './execution.ts'
import { diffState } from './state.ts'
import { describeStack } from './thrown.ts'

export type RunEnd =
  | { readonly status: 'COMPLETED'; readonly content: Json; readonly contentType: string }
  | { readonly status: 'CANCELLED' }
  | { readonly status: 'PAUSED'; readonly requirements: readonly Requirement[] }
  | { readonly status: 'PENDING' }
  | { readonly status: 'ERROR'; readonly error: RunFailure }

/** Failures of the catalogue speak for themselves; any other is a defect of ours, whose details go to the log only. */
export function endWithError({ agent, ports }: Execution, error: unknown): RunEnd {
  return { status: 'ERROR', error: toFailure(agent, ports, error) }
}

/** The result of a run whose journal cannot be gone on with. */
export function refuseRun(agent: PreparedAgent, ports: RunPorts, error: unknown): RunResult {
  return {
    status: 'ERROR',
    content: '',
    contentType: 'str',
    reasoning: '',
    model: agent.model.name,
    metrics: { usage: NO_USAGE, durationMs: 0 },
    statePatch: NO_PATCH,
    uncommitted: [],
    error: toFailure(agent, ports, error),
  }
}

/**
 * State that tools have set is kept however the run ends. State that cannot be stored fails a run that would otherwise
 * have gone well: its author has to know.
 */
export function toResult(run: Execution, end: RunEnd): RunResult {
  const { agent, job, ports } = run
  const { patch, problems } = diffState(job.sessionState, run.sessionState)
  for (const problem of problems) ports.log.error(`Agent "${agent.info.id}": ${problem}`)
  const [problem] = problems
  const stateError: RunEnd | undefined =
    problem === undefined || end.status === 'ERROR' || end.status === 'CANCELLED'
      ? undefined
      : { status: 'ERROR', error: { code: 'AGENT_FAILED', message: `Agent "${agent.info.id}": ${problem}` } }
  const settled = stateError ?? end
  const messages = withPartialReply(run)
  const completed = settled.status === 'COMPLETED'
  const media = messages
    .slice(job.inherited)
    .flatMap((message) => (message.role === 'assistant' ? mediaOf(message) : []))
  return {
    status: settled.status,
    content: completed ? settled.content : run.text,
    contentType: completed ? settled.contentType : 'str',
    reasoning: run.reasoning,
    model: agent.model.name,
    metrics: measure(run, messages.slice(job.inherited)),
    statePatch: patch,
    uncommitted: messages.slice(run.committed),
    ...(media.length > 0 ? { media } : {}),
    ...groundsOf(messages.slice(job.inherited)),
    ...(completed && run.memoryChanges.length > 0 ? { memoryChanges: run.memoryChanges } : {}),
    ...(completed && run.memoryBacklog !== undefined ? { memoryBacklog: run.memoryBacklog } : {}),
    ...(completed && run.summary !== undefined ? { summary: run.summary } : {}),
    ...(settled.status === 'ERROR' ? { error: settled.error } : {}),
    ...(settled.status === 'PAUSED' ? { requirements: settled.requirements } : {}),
  }
}

/** What the run rests on. */
function groundsOf(messages: readonly Message[]): Pick<RunResult, 'references' | 'citations'> {
  const references = referencesOf(messages).map(({ message: _, ...found }) => found)
  const citations = messages.flatMap((message) => (message.role === 'assistant' ? (message.citations ?? []) : []))
  return { ...(references.length > 0 && { references }), ...(citations.length > 0 && { citations }) }
}

function toFailure({ info }: PreparedAgent, { log }: RunPorts, error: unknown): RunFailure {
  if (error instanceof AgentOSError) return { code: error.code, message: error.message }
  log.error('A run failed unexpectedly', { error: describeStack(error) })
  return { code: 'INTERNAL', message: `The run of agent "${info.id}" failed unexpectedly` }
}

/** Adds what a model call that did not end has said. */
function withPartialReply({ draft, loop, ports }: Execution): readonly Message[] {
  const parts = draft === undefined ? [] : partialPartsOf(draft)
  if (parts.every((part) => !('text' in part) || part.text === '')) return loop.messages
  const partial: AssistantMessage = {
    role: 'assistant',
    id: ports.ids.uuid(),
    createdAt: ports.clock.now(),
    parts,
    usage: NO_USAGE,
    ...(draft?.timeToFirstTokenMs === undefined ? {} : { timeToFirstTokenMs: draft.timeToFirstTokenMs }),
  }
  return [...loop.messages, partial]
}

function measure({ ports, startedAt, beside }: Execution, messages: readonly Message[]): RunMetrics {
  const replies = messages.filter((message) => message.role === 'assistant')
  const first = replies[0]?.timeToFirstTokenMs
  return {
    usage: [...replies, ...beside].reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
    ...(beside.length > 0 && { beside }),
    durationMs: elapsedMs(ports.clock, startedAt),
    ...(first === undefined ? {} : { timeToFirstTokenMs: first }),
  }
}
