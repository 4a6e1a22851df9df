/**
 * Executes a run: does what the loop decides, shows it as events and commits it to the journal. Ends in a result, always;
 * terminal events are the main thread's. A run that pauses or is handed over ends too; a later attempt goes on with it.
 *
 * Commits: a reply with tool calls before its tools run; their results before the next model call, unless every tool of
 * the step may simply run again; what comes last stays in `uncommitted`, to be stored together with the run's end, its
 * pause or its hand-over.
 * @module
 */
import { AgentOSError } from '../base/errors.ts'
import { textOf, type AssistantMessage } from '../base/message.ts'
import type { RunJob, RunResult } from '../base/run.ts'
import type { ModelRequest, ToolChoice } from '../models/model.ts'
import type { PreparedAgent } from './agent.ts'
import { finalPartsOf } from './draft.ts'
import { elapsedMs } from './elapsed.ts'
import { createExecution, openRun, type Execution, type OpenedRun, type RunPorts } from './execution.ts'
import { commitMessages } from './journal.ts'
import { apply, decide, stopResultOf } from './loop.ts'
import { loadMedia, storeFiles } from './media.ts'
import { startSideWork } from './memory/beside.ts'
import { callModel } from './model-call.ts'
import { parseOutput } from './output.ts'
import { endWithError, refuseRun, toResult, type RunEnd } from './result.ts'
import { runTools } from './tool-step.ts'
import { describeIssues } from './validation.ts'

/** Times a model may mend a structured answer. */
const MOST_CORRECTIONS = 1

/** As for agents: a caller cannot ask for more than an author can. */
const MOST_RETRIES = 10

/** Never rejects: a failure is a result of status ERROR, an aborted signal one of status CANCELLED. */
export async function executeRun(agent: PreparedAgent, job: RunJob, ports: RunPorts): Promise<RunResult> {
  let run: Execution
  try {
    run = createExecution(agent, job, ports)
  } catch (error) {
    return refuseRun(agent, ports, error)
  }
  let end: RunEnd
  try {
    if (job.journal.length === 0) ports.emit({ type: 'run-start', at: ports.clock.now(), model: agent.model.name })
    end = await complete(run, await openRun(run))
  } catch (error) {
    end = ports.signal.aborted ? { status: 'CANCELLED' } : endWithError(run, error)
  }
  return toResult(run, end)
}

async function complete(run: Execution, opened: OpenedRun): Promise<RunEnd> {
  const sideWork = startSideWork(run, opened.recollection)
  try {
    const end = await advance(run, opened)
    if (end.status === 'COMPLETED') await sideWork.complete()
    return end
  } finally {
    await sideWork.stop()
  }
}

async function advance(run: Execution, opened: OpenedRun): Promise<RunEnd> {
  for (;;) {
    const action = decide(run.loop, run.agent.loop)
    if (action.type === 'finish') {
      const end = await finish(run, opened, action.reason)
      if (end !== undefined) return end
      continue
    }
    run.ports.signal.throwIfAborted()
    if (action.type === 'call-model') {
      if (run.ports.handOver()) return { status: 'PENDING' }
      await takeStep(run, opened, action.toolChoice)
      continue
    }
    const requirements = await runTools(run, opened, action.calls)
    if (requirements.length === 0) continue
    run.ports.signal.throwIfAborted()
    return endContent(run, { status: 'PAUSED', requirements })
  }
}

async function takeStep(run: Execution, opened: OpenedRun, toolChoice: ToolChoice): Promise<void> {
  const { agent, job, ports } = run
  const { model, info } = agent
  const { clock, ids, emit } = ports
  if (run.mustCommit) await commitMessages(run)
  const startedAt = clock.monotonic()
  emit({ type: 'model-start', at: clock.now(), model: model.name })
  const draft = await callModel(await writeRequest(run, opened, toolChoice), {
    ...ports,
    model,
    retry: {
      retries: Math.min(job.request.retries ?? info.retries, MOST_RETRIES),
      delayMs: info.delayBetweenRetriesSeconds * 1000,
      exponential: info.exponentialBackoff,
    },
    show: opened.output === undefined,
    emit: (event) => {
      if (event.type === 'content') run.text += event.text
      else if (event.type === 'reasoning') run.reasoning += event.text
      emit(event)
    },
    onDraft: (draft) => (run.draft = draft),
  })
  const { usage, timeToFirstTokenMs: first } = draft
  const time = first === undefined ? {} : { timeToFirstTokenMs: first }
  const reason = draft.reason === undefined ? {} : { finishReason: draft.reason }
  emit({ type: 'model-end', at: clock.now(), model: model.name, usage, ...time, ...reason })
  const parts = await storeFiles(finalPartsOf(draft, callIdsOf(run), ids.uuid), draft, ports)
  const took = { ...time, durationMs: elapsedMs(clock, startedAt) }
  const cited = draft.sources.length > 0 ? { citations: draft.sources } : {}
  const said = { role: 'assistant', id: ids.uuid(), createdAt: clock.now(), parts, usage } as const
  const message: AssistantMessage = { ...said, ...cited, ...took }
  run.loop = apply(run.loop, message)
  run.draft = undefined
  if (draft.reason === 'content-filter' && parts.length === 0) {
    throw new AgentOSError(
      'MODEL_REJECTED',
      `The content filter of ${model.name.provider}:${model.name.id} withheld the answer`,
    )
  }
  if (draft.reason === 'length') ports.log.warn('The model stopped at its token limit')
  if (run.loop.pending.length > 0) await commitMessages(run)
}

async function writeRequest(
  { agent, loop, media, ports }: Execution,
  { history, output }: OpenedRun,
  toolChoice: ToolChoice,
): Promise<ModelRequest> {
  // An empty reply (before a correction) is no message to a provider.
  const own = loop.messages.filter((message) => message.role !== 'assistant' || message.parts.length > 0)
  const system = own[0]?.role === 'system' ? 1 : 0
  const messages = history.length === 0 ? own : [...own.slice(0, system), ...history, ...own.slice(system)]
  return {
    messages,
    ...(agent.info.sendMediaToModel !== false && { media: await loadMedia(messages, media, ports) }),
    tools: agent.modelTools,
    toolChoice,
    output: output && { name: output.name, schema: output.schema },
    settings: agent.settings,
  }
}

/** @returns how the run ends, or undefined when the model gets another turn */
async function finish(
  run: Execution,
  { output }: OpenedRun,
  reason: 'answer' | 'tool-result' | 'step-limit',
): Promise<RunEnd | undefined> {
  const { agent, ports, loop } = run
  if (reason === 'step-limit') {
    throw new AgentOSError(
      'STEP_LIMIT',
      `Agent "${agent.info.id}" made ${loop.steps} model calls without a final answer`,
    )
  }
  if (reason === 'tool-result') return endWithText(run, stopResultOf(loop))
  if (output === undefined) return endContent(run, { status: 'COMPLETED', content: run.text, contentType: 'str' })
  const last = loop.messages.at(-1)
  const parsed = await parseOutput(last?.role === 'assistant' ? textOf(last) : '', output)
  if (parsed.ok) {
    showText(run, JSON.stringify(parsed.content))
    return endContent(run, { status: 'COMPLETED', content: parsed.content, contentType: output.name })
  }
  const issues = describeIssues(parsed.issues)
  if (loop.corrections >= MOST_CORRECTIONS || loop.steps >= agent.loop.maxSteps) {
    throw new AgentOSError(
      'OUTPUT_INVALID',
      `The answer of agent "${agent.info.id}" does not fit ${output.name}:\n${issues}`,
    )
  }
  const content = `Your answer does not fit the schema ${output.name}:\n${issues}\nAnswer again, with JSON that fits it and nothing else.`
  const message = { role: 'user', id: ports.ids.uuid(), createdAt: ports.clock.now(), content } as const
  run.loop = apply(loop, { ...message, isCorrection: true })
  return undefined
}

function endWithText(run: Execution, text: string): RunEnd {
  showText(run, text)
  return endContent(run, { status: 'COMPLETED', content: text, contentType: 'str' })
}

/** What an earlier attempt has shown is not shown again. */
function showText(run: Execution, text: string): void {
  run.text += text
  if (text !== '' && !run.answered) run.ports.emit({ type: 'content', at: run.ports.clock.now(), text })
}

function endContent(run: Execution, end: RunEnd): RunEnd {
  if (!run.answered) run.ports.emit({ type: 'content-end', at: run.ports.clock.now() })
  return end
}

function callIdsOf({ loop }: Execution): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const message of loop.messages) if (message.role === 'tool') ids.add(message.toolCallId)
  return ids
}
