/**
 * Agents: a model, instructions and tools under an id. Options carry Agno's names in camelCase.
 * @module
 */
import type { RunContext } from './context.ts'
import { define, isDefinition, refuseUnknown, show } from './definition.ts'
import { type AiTool, isAiTool } from './ai-tool.ts'
import { isKnowledge, type Knowledge } from './knowledge.ts'
import {
  isLearning,
  isMemoryManager,
  isSessionSummaryManager,
  type LearningOptions,
  type MemoryManager,
  type SessionSummaryManager,
} from './memory.ts'
import { isModelInstance, type ModelInstance } from './model.ts'
import type { Schema } from './schema.ts'
import type { Tool } from './tool.ts'

/** Sampling settings, passed to the provider as they are. */
export interface ModelSettings {
  readonly temperature?: number
  readonly maxOutputTokens?: number
  readonly topP?: number
  readonly topK?: number
  readonly presencePenalty?: number
  readonly frequencyPenalty?: number
  readonly stopSequences?: readonly string[]
  readonly seed?: number
  /** Options of one provider under its name, for example `{ openai: { reasoningEffort: 'low' } }`. */
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
}

export interface AgentOptions {
  /** Letters, digits, `_`, `-` and, but not first, `.`; 1 to 128, unique in the folder. Default: folder or file name. */
  readonly id?: string
  /** Default: the id. */
  readonly name?: string
  readonly description?: string
  readonly role?: string
  /** `provider:id`, for example `openai:gpt-5-mini`, or an AI SDK model. Default: AGENTOS_DEFAULT_MODEL. */
  readonly model?: string | ModelInstance
  /** System prompt: text, lines, or a function of the run. Default: `instructions.md` beside the file, if it exists. */
  readonly instructions?: string | readonly string[] | ((ctx: RunContext) => string | Promise<string>)
  readonly expectedOutput?: string
  readonly additionalContext?: string
  /** Tools of {@link tool}, or AI SDK tools under their names. */
  readonly tools?: readonly Tool[] | Readonly<Record<string, Tool | AiTool>>
  /** Most tool calls in one run; further calls are answered with an error. Default: no limit. */
  readonly toolCallLimit?: number
  readonly toolChoice?: 'auto' | 'none' | 'required' | { readonly tool: string }
  /** Most model calls in one run, 1 to 1000; default 50. */
  readonly maxSteps?: number
  /** Structured answer; the answer's `content` is then an object. */
  readonly outputSchema?: Schema
  /** Earlier runs of the session in the context; default 3, 0 to 1000. */
  readonly numHistoryRuns?: number
  /** Default true. */
  readonly addHistoryToContext?: boolean
  /** State a new session starts with. JSON values only. */
  readonly sessionState?: Readonly<Record<string, unknown>>
  readonly addSessionStateToContext?: boolean
  /** Hand what is attached to a message (images, audio, video, files) to the model; default true. */
  readonly sendMediaToModel?: boolean
  /** Keep that once the run is over; default true. Without it, later runs of the session do not see it. */
  readonly storeMedia?: boolean
  /** Values for tools and instructions; functions are called once per run. */
  readonly dependencies?: Readonly<Record<string, unknown>>
  readonly addDependenciesToContext?: boolean
  readonly addDatetimeToContext?: boolean
  /** IANA time zone of that date, default UTC. */
  readonly timezone?: string
  /** Ask for Markdown answers. */
  readonly markdown?: boolean
  /** Remember what the user says: the memory manager looks at every message, beside the answer. Default false. */
  readonly enableUserMemories?: boolean
  /** Let the model manage memories itself, with the tool `update_user_memory`, instead. Default false. */
  readonly enableAgenticMemory?: boolean
  /** Tell the model what is remembered of the user. Default true for an agent that remembers. */
  readonly addMemoriesToContext?: boolean
  /** Who remembers. Default: the agent's model, with the server's instructions. */
  readonly memoryManager?: MemoryManager
  /** Sum the session up after each run. Default false. */
  readonly enableSessionSummaries?: boolean
  /** Tell the model that summary. Default true for an agent that sums up. */
  readonly addSessionSummaryToContext?: boolean
  /** Who sums up. Default: the agent's model, with the server's instructions. */
  readonly sessionSummaryManager?: SessionSummaryManager
  /** Tools to find and read earlier sessions of the same user. Default false. */
  readonly searchPastSessions?: boolean
  /** Sessions that a search looks at, the newest first; default 20, 1 to 100. */
  readonly numPastSessionsToSearch?: number
  /** Runs of each that it shows; default 3, 1 to 20. */
  readonly numPastSessionRunsInSearch?: number
  /** What it learns for all its conversations. Default: nothing. */
  readonly learning?: LearningOptions
  /** Where it looks things up: a base, or the id of one. Default: the folder `knowledge/` beside agent.ts, if there is one. */
  readonly knowledge?: Knowledge | string
  /** The tool `search_knowledge_base`, with which the model searches. Default true for an agent with knowledge. */
  readonly searchKnowledge?: boolean
  /** Tell the model to search before it answers. Default true. */
  readonly addSearchKnowledgeInstructions?: boolean
  /** Search for what the user says, and add what is found to the message. Default false. */
  readonly addKnowledgeToContext?: boolean
  /** What documents have to be: values by the keys of their metadata, or expressions of Agno, `{ op: 'IN', ... }`. */
  readonly knowledgeFilters?: KnowledgeFilters
  /** Let the model choose filters too. Default false. */
  readonly enableAgenticKnowledgeFilters?: boolean
  /** Looks things up instead of the server, for a search of your own. */
  readonly knowledgeRetriever?: KnowledgeRetriever
  /** The tool `add_to_knowledge`, with which the model keeps what it has learned. Default false. */
  readonly updateKnowledge?: boolean
  /** Most documents of a search, 1 to 1000; default that of the base. */
  readonly knowledgeMaxResults?: number
  readonly modelSettings?: ModelSettings
  /** Model calls tried again after a passing failure, 0 to 10; default 2. */
  readonly retries?: number
  /** Seconds before the first retry, 0 to 60; default 1. A provider's Retry-After wins. */
  readonly delayBetweenRetries?: number
  /** Double the delay at each retry; default true. */
  readonly exponentialBackoff?: boolean
  /** Shown to people before the first message. */
  readonly introduction?: string
  /** Suggestions a chat shows. */
  readonly quickPrompts?: readonly string[]
  readonly metadata?: Readonly<Record<string, unknown>>
}

type Filter = Readonly<Record<string, unknown>>

/** One filter, or several that all have to hold. */
export type KnowledgeFilters = Filter | readonly Filter[]

/** Documents, best first: texts, or objects that JSON can carry. `filters` are those of the agent and of the run. */
export type KnowledgeRetriever = (
  query: string,
  options: { readonly maxResults?: number; readonly filters: readonly Filter[]; readonly ctx: RunContext },
) => readonly unknown[] | undefined | Promise<readonly unknown[] | undefined>

/** An agent as {@link agent} made it; `options` are checked, defaults are the server's. */
export interface Agent {
  readonly kind: 'agent'
  readonly options: AgentOptions
}

const MODEL_SETTINGS = [
  'temperature',
  'maxOutputTokens',
  'topP',
  'topK',
  'presencePenalty',
  'frequencyPenalty',
  'stopSequences',
  'seed',
  'providerOptions',
] satisfies readonly (keyof ModelSettings)[]

const TEXT = 'text'
const FLAG = 'true or false'
const RECORD = 'an object'
type Kind = (value: unknown) => true | string

const isText: Kind = (value) => typeof value === 'string' || TEXT
const isFlag: Kind = (value) => typeof value === 'boolean' || FLAG
const isRecord: Kind = (value) => (typeof value === 'object' && value !== null && !Array.isArray(value)) || RECORD
const isTexts: Kind = (value) =>
  (Array.isArray(value) && value.every((item) => typeof item === 'string')) || 'a list of texts'
const isNumber =
  (min: number, max: number, whole: boolean): Kind =>
  (value) =>
    (typeof value === 'number' && value >= min && value <= max && (!whole || Number.isInteger(value))) ||
    `a ${whole ? 'whole ' : ''}number from ${min} to ${max}`
const either =
  (...kinds: readonly Kind[]): Kind =>
  (value) => {
    const misses = kinds.map((kind) => kind(value))
    return misses.includes(true) || misses.join(' or ')
  }
const isFunction: Kind = (value) => typeof value === 'function' || 'a function'

const KINDS: Readonly<Record<keyof AgentOptions, Kind>> = {
  id: (value) =>
    (typeof value === 'string' && /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}$/.test(value)) ||
    '1 to 128 letters, digits, "_", "-" or ".", and not begin with "."',
  name: isText,
  description: isText,
  role: isText,
  model: (value) => typeof value === 'string' || isModelInstance(value) || '"provider:id" or an AI SDK model',
  instructions: either(isText, isTexts, isFunction),
  expectedOutput: isText,
  additionalContext: isText,
  tools: either((value) => Array.isArray(value) || 'a list of tools', isRecord),
  toolCallLimit: isNumber(0, 10_000, true),
  toolChoice: either(
    (value) => value === 'auto' || value === 'none' || value === 'required' || '"auto", "none", "required"',
    (value) =>
      (typeof value === 'object' && value !== null && 'tool' in value && typeof value.tool === 'string') ||
      '{ tool: name }',
  ),
  maxSteps: isNumber(1, 1000, true),
  outputSchema: either(isRecord, isFunction),
  numHistoryRuns: isNumber(0, 1000, true),
  addHistoryToContext: isFlag,
  sessionState: isRecord,
  addSessionStateToContext: isFlag,
  sendMediaToModel: isFlag,
  storeMedia: isFlag,
  dependencies: isRecord,
  addDependenciesToContext: isFlag,
  addDatetimeToContext: isFlag,
  timezone: (value) => isTimeZone(value) || 'an IANA time zone, such as "Europe/Oslo"',
  markdown: isFlag,
  enableUserMemories: isFlag,
  enableAgenticMemory: isFlag,
  addMemoriesToContext: isFlag,
  memoryManager: (value) => isMemoryManager(value) || 'what memoryManager() makes',
  enableSessionSummaries: isFlag,
  addSessionSummaryToContext: isFlag,
  sessionSummaryManager: (value) => isSessionSummaryManager(value) || 'what sessionSummaryManager() makes',
  searchPastSessions: isFlag,
  numPastSessionsToSearch: isNumber(1, 100, true),
  numPastSessionRunsInSearch: isNumber(1, 20, true),
  learning: isLearning,
  knowledge: (value) =>
    isKnowledge(value) || (typeof value === 'string' && value !== '') || 'what knowledge() makes, or its id',
  searchKnowledge: isFlag,
  addSearchKnowledgeInstructions: isFlag,
  addKnowledgeToContext: isFlag,
  knowledgeFilters: either((value) => Array.isArray(value) || 'a list of filters', isRecord),
  enableAgenticKnowledgeFilters: isFlag,
  knowledgeRetriever: isFunction,
  updateKnowledge: isFlag,
  knowledgeMaxResults: isNumber(1, 1000, true),
  modelSettings: isRecord,
  retries: isNumber(0, 10, true),
  delayBetweenRetries: isNumber(0, 60, false),
  exponentialBackoff: isFlag,
  introduction: isText,
  quickPrompts: isTexts,
  metadata: isRecord,
}

/**
 * Defines an agent. Export it from a file of the agents folder, as default or by name.
 * @throws {TypeError} when an option is unknown or of the wrong kind; the message names it and what it takes
 */
export function agent(options: AgentOptions): Agent {
  refuseUnknown('agent()', options, Object.keys(KINDS))
  const label = [options.id, options.name].find((name) => typeof name === 'string')
  const who = label === undefined ? 'agent()' : `agent "${label}"`
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const verdict = KINDS[name as keyof AgentOptions](value)
    if (verdict !== true) throw new TypeError(`${who}: ${name} must be ${verdict}, got ${show(value)}`)
  }
  checkTools(who, options.tools)
  if (options.modelSettings) refuseUnknown(`${who}: modelSettings`, options.modelSettings, MODEL_SETTINGS)
  return define({ kind: 'agent', options: freezeCopy(options) })
}

/** Whether `value` is an agent, made by this or another copy of the SDK. */
export function isAgent(value: unknown): value is Agent {
  return isDefinition(value, 'agent')
}

function checkTools(who: string, tools: AgentOptions['tools']): void {
  if (tools === undefined) return
  const named = Object.entries(tools) as [string, unknown][]
  const list = Array.isArray(tools)
  for (const [key, value] of named) {
    if (isDefinition(value, 'tool')) continue
    if (!list && isAiTool(value)) continue
    const hint = isAiTool(value)
      ? 'an AI SDK tool has no name of its own: write tools: { name: tool }'
      : 'it must come from tool()'
    throw new TypeError(`${who}: tools${list ? `[${key}]` : `.${key}`} is ${show(value)}; ${hint}`)
  }
}

function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string') return false
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone !== ''
  } catch {
    // Intl tells of an unknown zone only by throwing.
    return false
  }
}

/** A copy whose lists and plain objects, one level down, can no longer be changed either. */
function freezeCopy(options: AgentOptions): AgentOptions {
  const copies = Object.entries(options).map(([name, value]: [string, unknown]) => {
    if (Array.isArray(value)) return [name, Object.freeze([...(value as readonly unknown[])])]
    const plain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
    // What is frozen may be a definition, whose mark a copy would lose.
    const copied = plain && name !== 'model' && name !== 'outputSchema' && !Object.isFrozen(value)
    return [name, copied ? Object.freeze({ ...value }) : value]
  })
  // The same keys with the same values, copied.
  return Object.freeze(Object.fromEntries(copies) as AgentOptions)
}
