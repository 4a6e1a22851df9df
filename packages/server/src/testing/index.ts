/**
 * The implementation behind `@agentos/sdk/testing`: an agent run once, in this process, by the runtime of the server,
 * with a scripted model and ports that keep everything in memory.
 * @module
 */
import type { Agent } from '@agentos/sdk'
import type { AgentRun, RunAgentOptions } from '@agentos/sdk/testing'
import { systemClock } from '../base/clock.ts'
import { createIds, type Ids } from '../base/ids.ts'
import type { Ask } from '../base/ask.ts'
import type { JsonObject } from '../base/json.ts'
import type { Message } from '../base/message.ts'
import type { RunJob, RunResult } from '../base/run.ts'
import { referencesOf } from '../base/references.ts'
import { applyPatch, NO_PATCH } from '../base/state-patch.ts'
import { traceOf } from '../base/trace-context.ts'
import { prepareAgent, type PreparedAgent } from '../runtime/agent.ts'
import { executeRun } from '../runtime/execute.ts'
import type { RunPorts } from '../runtime/execution.ts'
import { toJsonObject } from '../runtime/state.ts'
import { createAnswers, describeRequirement, type ScriptedAnswers } from './answers.ts'
import { createTestAsk } from './knowledge.ts'
import { withMemories } from './memory.ts'
import { createScriptedModel } from './scripted-model.ts'

const LIMITS = { toolTimeoutMs: 10_000, toolResultBytes: 262_144 }

/**
 * Runs an agent once against a scripted model, through every pause that the test has answers for. Retries do not wait.
 * @throws {TypeError} when the agent or an option cannot work
 */
export async function runAgent(agent: Agent, options: RunAgentOptions): Promise<AgentRun> {
  const ids = createIds(systemClock)
  const id = agent.options.id ?? 'agent'
  const model = createScriptedModel(options.script, ids)
  // What stands beside the agent's file, a test brings along.
  const { instructions, tools = [] } = options
  const knowledge = options.knowledge === undefined ? undefined : id
  const found = { agent, id, file: `${id}.ts`, instructions, knowledge, tools }
  const deps = { models: { resolve: () => Promise.resolve(model) }, defaultModel: 'scripted:test' }
  const answers = createAnswers(options.answers ?? [])
  const prepared = withDependencies(withoutSideWork(withoutDelays(await prepareAgent(found, deps))), options)
  const runId = ids.uuid()
  const job: RunJob = {
    runId,
    sessionId: ids.uuid(),
    userId: options.userId ?? null,
    agentId: id,
    attempt: 1,
    input: options.message,
    history: [],
    journal: [],
    inherited: 0,
    interrupted: false,
    requirements: [],
    statePatch: NO_PATCH,
    sessionState: { ...prepared.info.sessionState, ...toJsonObject(options.sessionState ?? {}, 'sessionState') },
    request: {},
    trace: traceOf(runId, null),
  }
  const { result, messages, sessionState } = await runToRest(prepared, job, {
    ids,
    answers,
    ask: withMemories(createTestAsk(options.knowledge), options.memories ?? []),
  })
  if (result.status !== 'PAUSED') answers.refuseUnused()
  return {
    // Nobody asks a run of a test to hand over.
    status: result.status === 'PENDING' ? 'ERROR' : result.status,
    requirements: (result.requirements ?? []).map(describeRequirement),
    content: result.content,
    error: result.error?.message,
    toolCalls: messages.flatMap((message) =>
      message.role === 'tool'
        ? [{ name: message.toolName, input: message.input, result: message.content, isError: message.isError }]
        : [],
    ),
    references: referencesOf(messages).map(({ query, documents }) => ({ query, documents })),
    sessionState,
    systemPrompt: messages.find((message) => message.role === 'system')?.content ?? '',
  }
}

type RunAtRest = {
  readonly result: RunResult
  readonly messages: readonly Message[]
  readonly sessionState: JsonObject
}

/** What stands around a run of a test. */
type TestWorld = { readonly ids: Ids; readonly answers: ScriptedAnswers; readonly ask: Ask }

/** As the server does: each answer to a pause is a new attempt, on what the one before has left. */
async function runToRest(prepared: PreparedAgent, job: RunJob, world: TestWorld): Promise<RunAtRest> {
  const { ids, answers, ask } = world
  const messages = [...job.journal]
  const result = await executeRun(prepared, job, {
    emit: () => {},
    ready: () => undefined,
    commit: (more) => {
      messages.push(...more)
      return Promise.resolve()
    },
    handOver: () => false,
    log: SILENT,
    clock: systemClock,
    ids,
    signal: new AbortController().signal,
    ask,
    limits: LIMITS,
  })
  messages.push(...result.uncommitted)
  const sessionState = applyPatch(job.sessionState, result.statePatch)
  const requirements = result.requirements === undefined ? undefined : answers.answer(result.requirements)
  if (requirements === undefined) return { result, messages, sessionState }
  const next = { ...job, attempt: job.attempt + 1, journal: messages, requirements, sessionState }
  return runToRest(prepared, next, world)
}

/** A test may hand over anything as a dependency, clients and functions included. */
function withDependencies(prepared: PreparedAgent, { dependencies }: RunAgentOptions): PreparedAgent {
  return { ...prepared, dependencies: { ...prepared.dependencies, ...dependencies } }
}

/** What models do beside the answer would use up the script in no order that a test could know. */
function withoutSideWork(prepared: PreparedAgent): PreparedAgent {
  if (prepared.memory === undefined) return prepared
  return { ...prepared, memory: { ...prepared.memory, extractor: undefined, summarizer: undefined } }
}

function withoutDelays(prepared: PreparedAgent): PreparedAgent {
  return { ...prepared, info: { ...prepared.info, delayBetweenRetriesSeconds: 0 } }
}

/** Failures show in the result; a test's output stays its own. */
const SILENT: RunPorts['log'] = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
