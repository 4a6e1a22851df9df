/**
 * Runs as Agno shows them: RunOutput for one run, RunSchema in lists. Knows runs that just ended here and runs from the
 * database; both become a {@link ShownRun} first.
 * @module
 */
import type { RunOutput, RunSchema, SessionRunPreview } from '@agentos/wire'
import type { Json, JsonObject } from '../../base/json.ts'
import type { Media } from '../../base/media.ts'
import type { Message } from '../../base/message.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { AgentInfo } from '../../base/runnable.ts'
import { isAtRest, type ModelName, type RunMetrics, type RunOptions, type RunStatus } from '../../base/run.ts'
import type { FinishedRun, LiveRun } from '../../runs/runs.ts'
import type { Run, RunPreview } from '../../storage/runs/runs.ts'
import { generatedIn, toFilledLists, toMediaLists } from './media.ts'
import { toMessage } from './message.ts'
import { toRunMetrics } from './metrics.ts'
import { citedIn, toCitations, toRunReferences } from './references.ts'
import { pauseSentence, toRunRequirement } from './requirement.ts'
import { toIsoSeconds } from './time.ts'
import { toToolExecutionOf, toWaitingTool } from './tool.ts'

export type ShownRun = {
  readonly runId: string
  readonly parentRunId: string | null
  readonly sessionId: string
  readonly agentId: string
  readonly agentName: string
  readonly userId: string | null
  readonly status: RunStatus
  readonly input: string
  /** Null while the run has none. */
  readonly content: Json
  readonly contentType: string
  readonly reasoning: string
  readonly model: ModelName | null
  readonly metrics: RunMetrics | null
  readonly metadata: JsonObject | null
  /** What was attached to the question. */
  readonly inputMedia: readonly Media[]
  readonly sessionState: JsonObject
  readonly messages: readonly Message[]
  /** What it waits for, or was answered. */
  readonly requirements: readonly Requirement[]
  readonly origin: RunOrigin
  /** Events as sent, without RunContent; null when the run was not streamed, or they were not asked for. */
  readonly events: readonly JsonObject[] | null
  /** Milliseconds since the epoch. */
  readonly createdAt: number
}

/** Where a run was copied from; all null for one that was not. */
export type RunOrigin = Pick<
  Run,
  'forkedFromRunId' | 'forkedFromMessageIndex' | 'forkedFromSessionId' | 'regeneratedFrom'
>

const NO_ORIGIN: RunOrigin = {
  forkedFromRunId: null,
  forkedFromMessageIndex: null,
  forkedFromSessionId: null,
  regeneratedFrom: null,
}

/**
 * A run that was started here and ended or paused here at its first attempt.
 * @param request what was asked beside the input
 */
export function fromFinished(live: LiveRun, finished: FinishedRun, request: RunOptions): ShownRun {
  const { result } = finished
  return {
    runId: live.runId,
    parentRunId: null,
    sessionId: live.sessionId,
    agentId: live.agent.id,
    agentName: live.agent.name,
    userId: live.userId,
    status: finished.status,
    input: live.input,
    content: contentOf(finished.status, result.content, result.error?.message, result.requirements ?? []),
    contentType: result.contentType,
    reasoning: result.reasoning,
    model: result.model,
    metrics: result.metrics,
    metadata: mergeMetadata(live.agent.metadata, request.metadata),
    inputMedia: request.media ?? [],
    sessionState: finished.sessionState,
    messages: finished.messages,
    requirements: result.requirements ?? [],
    origin: NO_ORIGIN,
    events: null,
    createdAt: live.createdAt,
  }
}

/** @param agent the agent of that id in the revision that serves now, if it has one */
export function fromStored(
  run: Run,
  context: {
    readonly agent: AgentInfo | undefined
    readonly sessionState: JsonObject
    readonly messages: readonly Message[]
    readonly events: readonly JsonObject[] | null
  },
): ShownRun {
  return {
    runId: run.runId,
    parentRunId: run.parentRunId,
    sessionId: run.sessionId,
    agentId: run.componentId,
    agentName: context.agent?.name ?? run.componentId,
    userId: run.userId,
    status: run.status,
    input: run.input,
    content: contentOf(run.status, run.content, run.error?.message, run.requirements),
    contentType: run.contentType ?? 'str',
    reasoning: run.reasoning ?? '',
    model: run.model,
    metrics: run.metrics,
    metadata: mergeMetadata(context.agent?.metadata ?? null, run.options.metadata),
    inputMedia: run.options.media ?? [],
    sessionState: context.sessionState,
    messages: context.messages,
    requirements: run.requirements,
    origin: run,
    events: context.events,
    createdAt: run.createdAt.getTime(),
  }
}

export function toRunOutput(run: ShownRun): RunOutput {
  const tools = toolsOf(run)
  const references = toRunReferences(run.messages)
  const checkpoint = checkpointOf(run)
  const { forkedFromRunId, forkedFromMessageIndex, forkedFromSessionId, regeneratedFrom } = run.origin
  return {
    run_id: run.runId,
    agent_id: run.agentId,
    agent_name: run.agentName,
    session_id: run.sessionId,
    ...(run.parentRunId !== null && { parent_run_id: run.parentRunId }),
    ...(run.userId !== null && { user_id: run.userId }),
    ...(run.content !== null && { content: run.content }),
    content_type: run.contentType,
    ...(run.reasoning !== '' && { reasoning_content: run.reasoning }),
    ...(run.model && { model: run.model.id, model_provider: run.model.provider }),
    session_state: run.sessionState,
    created_at: Math.floor(run.createdAt / 1000),
    status: run.status,
    ...(checkpoint !== null && { last_checkpoint_at_message_index: checkpoint }),
    ...(forkedFromRunId !== null && { forked_from_run_id: forkedFromRunId }),
    ...(forkedFromMessageIndex !== null && { forked_from_message_index: forkedFromMessageIndex }),
    ...(forkedFromSessionId !== null && { forked_from_session_id: forkedFromSessionId }),
    ...(regeneratedFrom !== null && { regenerated_from: regeneratedFrom }),
    ...(run.metrics && { metrics: metricsOf(run) }),
    ...(run.events && { events: [...run.events] }),
    messages: run.messages.map((message) => toMessage(message, run.sessionId)),
    ...(run.metadata && { metadata: run.metadata }),
    ...(references.length > 0 && { references }),
    ...toCitations(citedIn(run.messages)),
    ...(tools.length > 0 && { tools }),
    ...(run.requirements.length > 0 && { requirements: run.requirements.map(toRunRequirement) }),
    ...toFilledLists(generatedIn(run.messages), run.sessionId),
    input: { input_content: run.input, ...(run.inputMedia.length > 0 && toInputMedia(run)) },
  }
}

/** With its null keys; {@link dropNulls} takes them away where Agno does. */
export function toRunSchema(run: ShownRun): RunSchema {
  const tools = toolsOf(run)
  return {
    run_id: run.runId,
    parent_run_id: run.parentRunId ?? '',
    agent_id: run.agentId,
    user_id: run.userId ?? '',
    status: run.status,
    cancellation_stage: null,
    run_input: run.input,
    content: run.content,
    run_response_format: run.contentType === 'str' ? 'text' : 'json',
    reasoning_content: run.reasoning,
    reasoning_steps: [],
    metrics: metricsOf(run),
    metadata: run.metadata,
    messages: run.messages.length > 0 ? run.messages.map((message) => toMessage(message, run.sessionId)) : null,
    tools: tools.length > 0 ? tools : null,
    events: run.events && run.events.length > 0 ? [...run.events] : null,
    requirements: run.requirements.length > 0 ? run.requirements.map(toRunRequirement) : null,
    created_at: toIsoSeconds(run.createdAt),
    references: toRunReferences(run.messages),
    citations: toCitations(citedIn(run.messages)).citations ?? null,
    reasoning_messages: [],
    session_state: run.sessionState,
    ...toMediaLists(generatedIn(run.messages), run.sessionId),
    response_audio: null,
    input_media: toInputMedia(run),
    followups: null,
    forked_from_run_id: run.origin.forkedFromRunId,
    forked_from_message_index: run.origin.forkedFromMessageIndex,
    forked_from_session_id: run.origin.forkedFromSessionId,
    regenerated_from: run.origin.regeneratedFrom,
    last_checkpoint_at_message_index: checkpointOf(run),
  }
}

/** A run in short, for lists that are polled. */
export function toRunPreview(run: RunPreview): SessionRunPreview {
  return {
    run_id: run.runId,
    ...(run.parentRunId !== null && { parent_run_id: run.parentRunId }),
    [`${run.runType}_id`]: run.componentId,
    ...(run.userId !== null && { user_id: run.userId }),
    status: run.status,
    run_input: run.input,
    ...(run.content !== null && { content_preview: run.content }),
    created_at: toIsoSeconds(run.createdAt.getTime()),
  }
}

/** A copy without the top-level keys that are null. */
export function dropNulls<T extends object>(value: T): T {
  // Only keys whose type allows null can be null, and those are optional in every schema this is used with.
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== null)) as T
}

function metricsOf({ metrics, model }: ShownRun) {
  return metrics ? toRunMetrics(metrics, model ?? { provider: '', id: '' }) : {}
}

/** With Agno's other word for sounds. */
function toInputMedia({ inputMedia, sessionId }: ShownRun) {
  const { images, videos, audio, files } = toMediaLists(inputMedia, sessionId)
  return { images, videos, audios: audio, files }
}

/** What went wrong where it failed, what is waited for where it paused without a word. */
function contentOf(
  status: RunStatus,
  content: Json,
  problem: string | undefined,
  requirements: readonly Requirement[],
): Json {
  if (status === 'ERROR') return problem ?? content
  if (status !== 'PAUSED' || (content !== null && content !== '')) return content
  return pauseSentence(requirements)
}

/** The calls that have a result, then those that wait. */
function toolsOf({ messages, requirements }: ShownRun) {
  const done = messages.filter((message) => message.role === 'tool')
  const doneIds = new Set(done.map(({ toolCallId }) => toolCallId))
  const requirementOf = new Map(requirements.map((requirement) => [requirement.toolCallId, requirement]))
  return [
    ...done.map((message) => toToolExecutionOf(message, requirementOf.get(message.toolCallId))),
    ...requirements.filter(({ toolCallId }) => !doneIds.has(toolCallId)).map(toWaitingTool),
  ]
}

/** How many messages are safe: of a run that goes on those that are stored, of a fork those it began with. */
function checkpointOf({ status, messages, origin }: ShownRun): number | null {
  return status === 'PAUSED' || !isAtRest(status) ? messages.length : origin.forkedFromMessageIndex
}

function mergeMetadata(agent: JsonObject | null, request: JsonObject | undefined): JsonObject | null {
  return agent === null && request === undefined ? null : { ...agent, ...request }
}
