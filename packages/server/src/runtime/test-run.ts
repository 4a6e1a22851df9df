/**
 * A run for tests: ports that keep everything in memory, and a model that is a function of the request.
 * @module
 */
import type { AgentOptions, Tool } from '@agentos/sdk'
import { agent } from '@agentos/sdk'
import type { Message } from '../base/message.ts'
import type { RunJob, RunResult, StatePatch, StepEvent } from '../base/run.ts'
import { NO_USAGE } from '../base/usage.ts'
import type { Model, ModelPart, ModelRequest } from '../models/model.ts'
import { prepareAgent } from './agent.ts'
import { executeRun } from './execute.ts'
import type { RunPorts } from './execution.ts'

/** What the model does in each of its calls; the last turn repeats. */
export type Turn = (request: ModelRequest, signal: AbortSignal) => Iterable<ModelPart> | AsyncIterable<ModelPart>

export type LogLine = {
  readonly level: string
  readonly message: string
  readonly fields: Record<string, unknown> | undefined
}

export type TestRun = {
  readonly result: RunResult
  readonly events: readonly StepEvent[]
  /** Kinds of the events in order, repeated `content` and `reasoning` once. */
  readonly kinds: readonly string[]
  readonly commits: readonly (readonly Message[])[]
  /** The state that went along with each commit. */
  readonly patches: readonly (StatePatch | undefined)[]
  /** Everything the run said, committed or not. */
  readonly messages: readonly Message[]
  readonly requests: readonly ModelRequest[]
  readonly log: readonly LogLine[]
}

export type TestRunOptions = {
  readonly agent?: AgentOptions
  readonly beside?: readonly Tool[]
  readonly turns: readonly Turn[]
  readonly job?: Partial<RunJob>
  readonly ports?: Partial<RunPorts>
}

export const USAGE = { ...NO_USAGE, inputTokens: 10, outputTokens: 5, totalTokens: 15 }

/** A turn that says `text`, a word at a time. */
export const say =
  (text: string): Turn =>
  () => [
    ...text.split(/(?<= )/).map((word): ModelPart => ({ type: 'text', text: word })),
    { type: 'finish', usage: USAGE, reason: 'stop' },
  ]

/** A turn that calls tools: name and input each. The ids are `call-1`, `call-2`, ... anew in each turn. */
export const call =
  (...calls: readonly (readonly [name: string, input: unknown])[]): Turn =>
  () => [
    ...calls.map(([toolName, input], index): ModelPart => {
      // Tests hand over JSON, or what a broken model would send instead.
      return { type: 'tool-call', toolCallId: `call-${index + 1}`, toolName, input: input as string }
    }),
    { type: 'finish', usage: USAGE, reason: 'tool-calls' },
  ]

const JOB: RunJob = {
  runId: 'run-1',
  sessionId: 'session-1',
  userId: null,
  agentId: 'desk',
  attempt: 1,
  input: 'Hello',
  history: [],
  journal: [],
  inherited: 0,
  interrupted: false,
  requirements: [],
  statePatch: { set: {}, unset: [] },
  sessionState: {},
  request: {},
  trace: { traceId: '0af7651916cd43dd8448eb211c80319c', parentSpanId: null, sampled: true },
}

export async function testRun(options: TestRunOptions): Promise<TestRun> {
  const requests: ModelRequest[] = []
  const model: Model = {
    name: { provider: 'fake', id: 'one' },
    async *stream(request, signal) {
      const turn = options.turns[Math.min(requests.length, options.turns.length - 1)]
      requests.push(request)
      if (turn !== undefined) yield* turn(request, signal)
    },
  }
  const prepared = await prepareAgent(
    {
      agent: agent({ delayBetweenRetries: 0.001, ...options.agent }),
      id: 'desk',
      file: 'desk.ts',
      instructions: undefined,
      tools: options.beside ?? [],
    },
    { models: { resolve: () => Promise.resolve(model) }, defaultModel: 'fake:one' },
  )
  const events: StepEvent[] = []
  const commits: (readonly Message[])[] = []
  const patches: (StatePatch | undefined)[] = []
  const log: LogLine[] = []
  const result = await executeRun(
    prepared,
    { ...JOB, ...options.job },
    { ...memoryPorts(events, commits, patches, log), ...options.ports },
  )
  const kinds = events.map(({ type }) => type).filter((kind, index, all) => !(isDelta(kind) && all[index - 1] === kind))
  const messages = [...commits.flat(), ...result.uncommitted]
  return { result, events, kinds, commits, patches, messages, requests, log }
}

function memoryPorts(
  events: StepEvent[],
  commits: (readonly Message[])[],
  patches: (StatePatch | undefined)[],
  log: LogLine[],
): RunPorts {
  let now = 1_000
  let ids = 0
  const write = (level: string) => (message: string, fields?: Record<string, unknown>) => {
    log.push({ level, message, fields })
  }
  return {
    emit: (event) => events.push(event),
    ready: () => undefined,
    commit: (messages, statePatch) => {
      commits.push(messages)
      patches.push(statePatch)
      return Promise.resolve()
    },
    handOver: () => false,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    clock: { now: () => now++, monotonic: () => now++ },
    ids: { uuid: () => `00000000-0000-7000-8000-${String(ids++).padStart(12, '0')}` },
    signal: new AbortController().signal,
    ask: () => Promise.reject(new Error('nobody answers here')),
    limits: { toolTimeoutMs: 1_000, toolResultBytes: 1_000 },
  }
}

function isDelta(kind: string): boolean {
  return kind === 'content' || kind === 'reasoning'
}
