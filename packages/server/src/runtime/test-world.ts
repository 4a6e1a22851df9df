/**
 * A world for tests in which replicas die: a database and side effects that outlive attempts, people who answer, and a
 * counter that ends an attempt at any chosen point. What is a point: before and after each event, each commit, each side
 * effect and the end of an attempt.
 * @module
 */
import { agent, askUser, tool, type Effect, type Tool } from '@agentos/sdk'
import { isJsonObject, type JsonObject } from '../base/json.ts'
import { toolCallsOf, type Message } from '../base/message.ts'
import type { Requirement, RequirementAnswer } from '../base/requirement.ts'
import type { RunResult, StatePatch } from '../base/run.ts'
import { applyPatch, NO_PATCH } from '../base/state-patch.ts'
import { traceOf } from '../base/trace-context.ts'
import type { Model, ModelPart } from '../models/model.ts'
import { prepareAgent, type PreparedAgent } from './agent.ts'
import { executeRun } from './execute.ts'
import type { RunPorts } from './execution.ts'
import { USAGE } from './test-run.ts'

export const EFFECTS = ['read', 'idempotent', 'keyed', 'once'] as const satisfies readonly Effect[]
export const GATES = ['free', 'confirmed', 'sometimes', 'filled', 'elsewhere', 'asked'] as const

export type ScriptedCall = {
  readonly effect: Effect
  readonly gate: (typeof GATES)[number]
  /** What a person says to a confirmation. */
  readonly confirmed: boolean
  /** What a person says when its outcome is unknown: run it again, or what it returned. */
  readonly again: boolean
  readonly changesState: boolean
}

export type Script = {
  /** Calls of each step; after the last one the model answers. */
  readonly steps: readonly (readonly ScriptedCall[])[]
  /** Questions whether to hand over, counted over the whole run, that are answered with yes. */
  readonly handOvers: readonly number[]
}

export type WorldRun = {
  readonly result: RunResult
  readonly journal: readonly Message[]
  readonly sessionState: JsonObject
  readonly attempts: number
  readonly pauses: number
  readonly crashes: number
  /** Points that the attempts have passed. */
  readonly points: number
  /** Keys that came with each side effect, by call. */
  readonly effects: ReadonlyMap<string, readonly string[]>
  /** How often people let each call run. */
  readonly confirmations: ReadonlyMap<string, number>
  /** Calls whose outcome was unknown once. */
  readonly unknown: ReadonlySet<string>
}

const MOST_ATTEMPTS = 200

/** The name of a call's tool. */
const nameOf = ({ effect, gate }: ScriptedCall) => (gate === 'asked' ? 'ask_user' : `${effect}_${gate}`)
const idOf = (step: number, index: number) => `s${step}c${index}`

/** What a tool does, handed in as a dependency of the run. */
type Act = (id: string, key: string, state: Record<string, unknown>, changesState: boolean) => Promise<string>

/** An agent with a tool for every effect and way to ask; prepared once, because schemas take their time. */
export async function prepareWorldAgent(): Promise<PreparedAgent> {
  const tools = EFFECTS.flatMap((effect) =>
    GATES.filter((gate) => gate !== 'asked').map((gate) => makeTool(effect, gate)),
  )
  const model: Model = {
    name: { provider: 'fake', id: 'one' },
    stream: () => {
      throw new Error('each run brings its own')
    },
  }
  return prepareAgent(
    { agent: agent({ tools: [...tools, askUser()] }), id: 'desk', file: 'desk.ts', instructions: 'Go.', tools: [] },
    { models: { resolve: () => Promise.resolve(model) }, defaultModel: 'fake:one' },
  )
}

function makeTool(effect: Effect, gate: Exclude<ScriptedCall['gate'], 'asked'>): Tool {
  const input = { type: 'object', properties: { id: { type: 'string' }, word: { type: 'string' } }, required: ['id'] }
  const basics = { name: `${effect}_${gate}`, input }
  if (gate === 'elsewhere') return tool({ ...basics, externalExecution: true })
  const run = (given: Record<string, unknown>, ctx: Parameters<NonNullable<Tool['run']>>[1]) =>
    // The world puts it there.
    (ctx.dependencies['act'] as Act)(
      String(given['id']),
      ctx.effectKey,
      ctx.sessionState,
      given['changesState'] === true,
    )
  if (gate === 'filled') return tool({ ...basics, effect, run, requiresUserInput: ['word'] })
  return tool({ ...basics, effect, run, requiresConfirmation: gate === 'confirmed' })
}

/** @param crashes points after which each attempt dies, in order; attempts beyond them live */
export async function runInWorld(base: PreparedAgent, script: Script, crashes: readonly number[]): Promise<WorldRun> {
  const effects = new Map<string, string[]>()
  const confirmations = new Map<string, number>()
  const unknown = new Set<string>()
  const stored = {
    journal: [] as Message[],
    statePatch: NO_PATCH,
    sessionState: { kept: 1, gone: 1 } as JsonObject,
    requirements: [] as readonly Requirement[],
    interrupted: false,
  }
  const count = { attempts: 0, pauses: 0, crashes: 0, points: 0, questions: 0, ids: 0, now: 1_000 }
  for (;;) {
    if (++count.attempts > MOST_ATTEMPTS) throw new Error(`the run did not end within ${MOST_ATTEMPTS} attempts`)
    const life = createLife(crashes[count.attempts - 1], count)
    const act: Act = async (id, key, state, changesState) => {
      life.point()
      life.demand()
      effects.set(id, [...(effects.get(id) ?? []), key])
      if (changesState) state[id] = Number(state[id] ?? 0) + 1
      if (changesState) delete state['gone']
      await Promise.resolve()
      life.point()
      return `ran ${id}`
    }
    const ports: RunPorts = {
      emit: () => {
        life.point()
        life.point()
      },
      ready: () => undefined,
      commit: async (messages, statePatch) => {
        life.point()
        life.demand()
        stored.journal.push(...messages)
        if (statePatch !== undefined) stored.statePatch = statePatch
        await Promise.resolve()
        life.point()
        life.demand()
      },
      handOver: () => script.handOvers.includes(count.questions++),
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      clock: { now: () => count.now++, monotonic: () => count.now++ },
      ids: { uuid: () => `id-${count.ids++}` },
      signal: life.signal,
      ask: () => Promise.reject(new Error('nobody answers here')),
      limits: { toolTimeoutMs: 10_000, toolResultBytes: 1_000 },
    }
    const prepared = withGates({ ...base, model: modelOf(script), dependencies: { act: () => act } }, script)
    const result = await executeRun(prepared, jobOf(stored, count.attempts), ports)
    life.point()
    if (life.isOver()) {
      count.crashes++
      stored.interrupted = true
      continue
    }
    stored.journal.push(...result.uncommitted)
    stored.sessionState = applyPatch(stored.sessionState, result.statePatch)
    stored.statePatch = NO_PATCH
    stored.interrupted = false
    if (result.status === 'PENDING') continue
    if (result.status !== 'PAUSED') {
      const { journal, sessionState } = stored
      return { result, journal, sessionState, effects, confirmations, unknown, ...count }
    }
    count.pauses++
    stored.requirements = (result.requirements ?? []).map((requirement) => {
      const answer = answerOf(script, requirement)
      const { toolCallId: id, kind } = requirement
      if (kind === 'outcome-unknown') unknown.add(id)
      const mayRun = answer.confirmed === true || answer.values !== null
      if (mayRun) confirmations.set(id, (confirmations.get(id) ?? 0) + 1)
      return { ...requirement, answer }
    })
  }
}

/** An attempt that dies at a point: from then on nothing it does counts. */
function createLife(pointsLeft: number | undefined, count: { points: number }) {
  const controller = new AbortController()
  let left = pointsLeft ?? Infinity
  return {
    signal: controller.signal,
    isOver: () => controller.signal.aborted,
    point: () => {
      count.points++
      if (left-- <= 0) controller.abort(new Error('the replica died'))
    },
    demand: () => controller.signal.throwIfAborted(),
  }
}

function jobOf(
  stored: {
    readonly journal: readonly Message[]
    readonly statePatch: StatePatch
    readonly sessionState: JsonObject
    readonly requirements: readonly Requirement[]
    readonly interrupted: boolean
  },
  attempt: number,
) {
  const ids = { runId: 'run-1', sessionId: 'session-1', userId: null, agentId: 'desk' }
  // What an attempt is given went through a database.
  const copy = structuredClone(stored)
  return {
    ...ids,
    attempt,
    input: 'Go',
    history: [],
    inherited: 0,
    request: {},
    trace: traceOf('run-1', null),
    ...copy,
  }
}

/** As a tool of the AI SDK that decides for each call whether to ask. */
function withGates(prepared: PreparedAgent, script: Script): PreparedAgent {
  const isNeeded = (input: unknown) => {
    const id = isJsonObject(input) ? input['id'] : undefined
    const call = typeof id === 'string' ? callOf(script, id) : undefined
    return call?.confirmed === false || call?.again === true
  }
  const tools = [...prepared.tools].map(([name, one]): [string, typeof one] => {
    return name.endsWith('_sometimes') ? [name, { ...one, gate: { kind: 'confirmation', isNeeded } }] : [name, one]
  })
  return { ...prepared, tools: new Map(tools) }
}

function callOf({ steps }: Script, id: string): ScriptedCall | undefined {
  const [step, index] = id.slice(1).split('c').map(Number)
  return steps[step ?? -1]?.[index ?? -1]
}

function answerOf(script: Script, { kind, toolCallId }: Requirement): RequirementAnswer {
  const none: RequirementAnswer = { confirmed: null, note: null, values: null, selections: null, result: null }
  const call = callOf(script, toolCallId)
  switch (kind) {
    case 'confirmation':
      return { ...none, confirmed: call?.confirmed ?? false }
    case 'user-input':
      return { ...none, values: { word: `word ${toolCallId}` } }
    case 'user-feedback':
      return { ...none, selections: [['A']] }
    case 'external-execution':
      return { ...none, result: `sent ${toolCallId}` }
    case 'outcome-unknown':
      return call?.again === true ? { ...none, confirmed: true } : { ...none, result: 'reported' }
  }
}

/** A model that does what the script says for the step that the transcript has come to. */
function modelOf({ steps }: Script): Model {
  return {
    name: { provider: 'fake', id: 'one' },
    async *stream({ messages }): AsyncGenerator<ModelPart> {
      const step = messages.filter(({ role }) => role === 'assistant').length
      const calls = steps[step] ?? []
      yield { type: 'text', text: calls.length === 0 ? 'Done.' : `Step ${step}. ` }
      for (const [index, call] of calls.entries()) {
        const id = idOf(step, index)
        const question = { question: `${id}?`, header: id, options: [{ label: 'A' }] }
        const input = call.gate === 'asked' ? { questions: [question] } : { id, changesState: call.changesState }
        yield { type: 'tool-call', toolCallId: id, toolName: nameOf(call), input }
      }
      yield { type: 'finish', usage: USAGE, reason: calls.length > 0 ? 'tool-calls' : 'stop' }
    },
  }
}

/** Every call of a script, with its id. */
export function callsOf({ steps }: Script): readonly (readonly [id: string, call: ScriptedCall])[] {
  return steps.flatMap((calls, step) => calls.map((call, index) => [idOf(step, index), call] as const))
}

/** The first thing in a transcript that a provider would refuse. */
export function findFault(messages: readonly Message[]): string | undefined {
  let open = new Set<string>()
  for (const message of messages) {
    if (message.role === 'tool') {
      if (!open.delete(message.toolCallId)) return `${message.toolCallId} is answered without being open`
      continue
    }
    if (open.size > 0) return `${[...open].join(', ')} is open when a ${message.role} message follows`
    open = new Set(message.role === 'assistant' ? toolCallsOf(message).map((call) => call.toolCallId) : [])
  }
  return open.size > 0 ? `${[...open].join(', ')} is open at the end` : undefined
}
