/**
 * A run while it executes: what it was given, its transcript so far, and what of that is committed. Opening it resolves
 * the author's dependencies and instructions, once per attempt.
 * @module
 */
import type { Ask } from '../base/ask.ts'
import type { Logger, RunContext } from '@agentos/sdk'
import type { Clock } from '../base/clock.ts'
import { AgentOSError } from '../base/errors.ts'
import type { Ids } from '../base/ids.ts'
import type { Message, UserMessage } from '../base/message.ts'
import { reasoningOf, textOf } from '../base/message.ts'
import type { MemoryBacklog, MemoryChange, Recollection, SessionSummary } from '../base/memory.ts'
import type { RunJob, SideUsage, StatePatch, StepEvent } from '../base/run.ts'
import { applyPatch } from '../base/state-patch.ts'
import type { Requirement } from '../base/requirement.ts'
import { untilAborted } from './abort.ts'
import type { PreparedAgent } from './agent.ts'
import { createRunContext } from './context.ts'
import type { Draft } from './draft.ts'
import { answerOpenCalls, usableHistory } from './history.ts'
import type { MediaShelf } from './media.ts'
import { apply, decide, EMPTY_LOOP, lastTurnOf, replay, type LoopState } from './loop.ts'
import { prepareRequestedOutput, type PreparedOutput } from './output.ts'
import { addReferences, writeSearchInstructions } from './knowledge/context.ts'
import { contextOf, recall } from './memory/recall.ts'
import { writeSystemPrompt } from './prompt.ts'
import { copyState } from './state.ts'
import { describeError, describeStack } from './thrown.ts'
import type { ToolOutcome } from './tool-call.ts'
import type { ToolLimits } from './tool-limits.ts'

/** What a run needs of the outside. */
export type RunPorts = {
  readonly emit: (event: StepEvent) => void
  /** Undefined while there is credit for more events, otherwise what to wait for. */
  readonly ready: () => Promise<void> | undefined
  /**
   * Appends to the journal; the run goes on once it is stored. `statePatch` are all changes of the session's state,
   * present when they are others than at the last commit.
   */
  readonly commit: (messages: readonly Message[], statePatch: StatePatch | undefined) => Promise<void>
  /** Asks for what lies in the database. */
  readonly ask: Ask
  /** Whether the run should end before its next model call, so that another replica can go on with it. */
  readonly handOver: () => boolean
  /** Its lines carry the ids of the run. */
  readonly log: Logger
  readonly clock: Clock
  readonly ids: Ids
  /** Aborts when the run is cancelled; the message of its reason says why. */
  readonly signal: AbortSignal
  readonly limits: ToolLimits
  /** Runs the code of a call so that what it asks of others is part of the run's trace; absent where there is none. */
  readonly inTrace?: (toolCallId: string, code: () => Promise<ToolOutcome>) => Promise<ToolOutcome>
}

/** Mutable, and owned by one call of `executeRun`. */
export type Execution = {
  readonly agent: PreparedAgent
  readonly job: RunJob
  readonly ports: RunPorts
  /** Monotonic milliseconds. */
  readonly startedAt: number
  readonly sessionState: Record<string, unknown>
  /** Calls that an earlier attempt had begun or was about to begin when it was lost. */
  readonly inDoubt: ReadonlySet<string>
  /** What the run paused for, by the id of the call. */
  readonly requirements: ReadonlyMap<string, Requirement>
  loop: LoopState
  /** How many of the loop's messages the journal holds. */
  committed: number
  /** Whether a tool with effects has run since the last commit. */
  mustCommit: boolean
  /** Whether code of the author has run since the state was last looked at. */
  stateTouched: boolean
  /** Changes of the state that are committed. */
  statePatch: StatePatch
  /** Reply of the model call under way. */
  draft: Draft | undefined
  /** Whether an earlier attempt has given the answer, and was lost with what remained to be done. */
  readonly answered: boolean
  /** What model calls beside the answer took. */
  readonly beside: SideUsage[]
  /** What the run changes in the memories of its user; empty before its answer is there. */
  memoryChanges: readonly MemoryChange[]
  /** Undefined when the memory manager has read all there was, and before the answer is there. */
  memoryBacklog: MemoryBacklog | undefined
  /** What the session is about now; undefined before its answer is there. */
  summary: SessionSummary | undefined
  /** Text shown so far, of all steps of this turn. */
  text: string
  reasoning: string
  /** What is attached to the messages, as far as a model call has needed it. */
  readonly media: MediaShelf
}

/** What opening a run adds; absent when it failed. */
export type OpenedRun = {
  readonly ctx: RunContext
  readonly output: PreparedOutput | undefined
  /** Earlier messages of the session for the model. */
  readonly history: readonly Message[]
  /** What is remembered; undefined where nobody has asked. */
  readonly recollection?: Recollection | undefined
}

/** @throws {TypeError} when the job's journal is not a transcript */
export function createExecution(agent: PreparedAgent, job: RunJob, ports: RunPorts): Execution {
  const loop = replay(answerOpenCalls(job.journal))
  const said = lastTurnOf(job.journal).filter((message) => message.role === 'assistant')
  return {
    agent,
    job,
    ports,
    startedAt: ports.clock.monotonic(),
    sessionState: copyState(applyPatch(job.sessionState, job.statePatch)),
    inDoubt: new Set(job.interrupted ? loop.pending.map(({ call }) => call.toolCallId) : []),
    requirements: new Map(job.requirements.map((requirement) => [requirement.toolCallId, requirement])),
    loop,
    committed: loop.messages.length,
    mustCommit: false,
    // Instructions and dependencies may be functions, and run before the first commit.
    stateTouched: true,
    statePatch: job.statePatch,
    draft: undefined,
    answered: job.interrupted && decide(loop, agent.loop).type === 'finish',
    beside: [],
    memoryChanges: [],
    memoryBacklog: undefined,
    summary: undefined,
    // A structured answer is shown once, at the end.
    text: agent.output === undefined && job.request.outputSchema === undefined ? said.map(textOf).join('') : '',
    reasoning: said.map(reasoningOf).join(''),
    media: new Map(),
  }
}

/**
 * Resolves dependencies and, on the first attempt, writes the system and the user message; later attempts keep those of
 * the journal, so that the model sees the same run.
 * @throws {AgentOSError} AGENT_FAILED when the author's code throws, INVALID_REQUEST for a bad schema of the caller
 */
export async function openRun(run: Execution): Promise<OpenedRun> {
  const { agent, job, ports } = run
  const { media } = job.request
  const question = { role: 'user', id: ports.ids.uuid(), createdAt: ports.clock.now(), content: job.input } as const
  const user: UserMessage = media === undefined ? question : { ...question, media }
  try {
    const output = await chooseOutput(run)
    const ctx = await createContext(run)
    const addHistory = job.request.addHistoryToContext ?? agent.info.addHistoryToContext
    const history = addHistory ? usableHistory(job.history) : []
    if (run.loop.messages.length > 0) return { ctx, output, history }
    const recollection = await untilAborted(recall(agent.memory, job.userId, ports.ask), ports.signal)
    const content = await writePrompt(run, ctx, recollection)
    if (content !== '') {
      run.loop = apply(run.loop, { role: 'system', id: ports.ids.uuid(), createdAt: ports.clock.now(), content })
    }
    run.loop = apply(run.loop, await addReferences(agent.knowledge, user, { job, ctx, ports }))
    return { ctx, output, history, recollection }
  } catch (error) {
    // What was asked belongs to the session, also when the run fails before its first model call.
    if (run.loop.messages.length === 0) run.loop = apply(EMPTY_LOOP, user)
    throw error
  }
}

async function chooseOutput({ agent, job }: Execution): Promise<PreparedOutput | undefined> {
  const { outputSchema } = job.request
  if (outputSchema === undefined) return agent.output
  try {
    return await prepareRequestedOutput(outputSchema)
  } catch (cause) {
    throw new AgentOSError('INVALID_REQUEST', describeError(cause), { cause })
  }
}

async function createContext(run: Execution): Promise<RunContext> {
  const { agent, job, ports, sessionState } = run
  const metadata = { ...agent.info.metadata, ...job.request.metadata }
  const parts = { job, sessionState, metadata, signal: ports.signal, log: ports.log }
  const bare = createRunContext({ ...parts, dependencies: {} })
  const wanted = { ...agent.dependencies, ...job.request.dependencies }
  const resolved = await Promise.all(
    Object.entries(wanted).map(async ([name, value]): Promise<[string, unknown]> => {
      if (typeof value !== 'function') return [name, value]
      return [name, await callAuthor(run, `dependency "${name}"`, () => value(bare) as unknown)]
    }),
  )
  return createRunContext({ ...parts, dependencies: Object.freeze(Object.fromEntries(resolved)) })
}

async function writePrompt(run: Execution, ctx: RunContext, recollection: Recollection | undefined): Promise<string> {
  const { agent, job, ports } = run
  const { info, instructions } = agent
  const text: unknown =
    typeof instructions === 'function' ? await callAuthor(run, 'instructions', () => instructions(ctx)) : instructions
  if (typeof text !== 'string' && !Array.isArray(text)) {
    throw new AgentOSError('AGENT_FAILED', `Agent "${info.id}": instructions must return text, got ${typeof text}`)
  }
  const { addDependenciesToContext = agent.addDependenciesToContext } = job.request
  const { addSessionStateToContext = agent.addSessionStateToContext } = job.request
  return writeSystemPrompt({
    description: info.description,
    role: info.role,
    instructions: text,
    markdown: info.markdown,
    datetime: info.addDatetimeToContext ? { at: ports.clock.now(), timezone: info.timezone ?? 'UTC' } : undefined,
    expectedOutput: info.expectedOutput,
    additionalContext: info.additionalContext,
    knowledge: await writeSearchInstructions(agent.knowledge, ports),
    ...contextOf(agent.memory, job.userId, recollection),
    dependencies: addDependenciesToContext ? ctx.dependencies : undefined,
    sessionState: addSessionStateToContext ? job.sessionState : undefined,
  })
}

/** Runs a function of the agent's author; a cancel does not wait for it. */
async function callAuthor(run: Execution, what: string, call: () => unknown): Promise<unknown> {
  const { signal, log } = run.ports
  signal.throwIfAborted()
  try {
    return await untilAborted(Promise.resolve().then(call), signal)
  } catch (cause) {
    signal.throwIfAborted()
    const message = `Agent "${run.agent.info.id}": ${what} threw: ${describeError(cause)}`
    log.error(message, { error: describeStack(cause) })
    throw new AgentOSError('AGENT_FAILED', message, { cause })
  }
}
