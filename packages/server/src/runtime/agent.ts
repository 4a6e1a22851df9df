/**
 * An agent made ready to run: model resolved, tools in one form, schemas compiled, and the plain data that `/agents`
 * shows. Everything that can be wrong with a definition is found here, at load, not in the first run.
 * @module
 */
import { isDefinition, type Agent, type AgentOptions, type AiTool, type ModelSettings, type Tool } from '@agentos/sdk'
import type { AgentInfo, ToolInfo } from '../base/runnable.ts'
import type { Model, ModelTool } from '../models/model.ts'
import type { Models } from '../models/registry.ts'
import type { LoopSettings } from './loop.ts'
import { describeKnowledge, prepareKnowledge, type PreparedKnowledge } from './knowledge/prepare.ts'
import { knowledgeTools } from './knowledge/tools.ts'
import { prepareMemory, type PreparedMemory } from './memory/prepare.ts'
import { prepareOutput, type PreparedOutput } from './output.ts'
import { toJsonObject } from './state.ts'
import { prepareTool, type PreparedTool } from './tool.ts'

/** An agent as the loader found it. */
export type FoundAgent = {
  readonly agent: Agent
  readonly id: string
  /** Relative to the agents folder. */
  readonly file: string
  /** Text of `instructions.md` beside the file. */
  readonly instructions: string | undefined
  /** Id of the knowledge base that the folder `knowledge/` beside the file is. */
  readonly knowledge?: string | undefined
  /** Tools of `tools/*.ts` beside the file. */
  readonly tools: readonly Tool[]
}

export type PrepareDeps = {
  readonly models: Pick<Models, 'resolve'>
  /** For agents that name no model, as `provider:id`. */
  readonly defaultModel: string
}

export type PreparedAgent = {
  readonly info: AgentInfo
  readonly model: Model
  readonly tools: ReadonlyMap<string, PreparedTool>
  /** The same tools as a model is told of them. */
  readonly modelTools: readonly ModelTool[]
  readonly output: PreparedOutput | undefined
  /** Undefined for an agent that looks nothing up. */
  readonly knowledge: PreparedKnowledge | undefined
  /** Undefined for an agent that remembers nothing beyond its session. */
  readonly memory: PreparedMemory | undefined
  readonly loop: LoopSettings
  readonly settings: ModelSettings
  readonly instructions: NonNullable<AgentOptions['instructions']>
  readonly dependencies: Readonly<Record<string, unknown>>
  readonly addSessionStateToContext: boolean
  readonly addDependenciesToContext: boolean
}

/**
 * @throws {AgentOSError} MODEL_UNKNOWN
 * @throws {TypeError} naming the tool or option that cannot work
 */
export async function prepareAgent(found: FoundAgent, deps: PrepareDeps): Promise<PreparedAgent> {
  const { options } = found.agent
  const who = `agent "${found.id}"`
  const model = await deps.models.resolve(options.model ?? deps.defaultModel)
  const tools = await prepareTools(found, who)
  const memory = await prepareMemory(options, model, deps.models)
  const knowledge = prepareKnowledge(options, found.knowledge, who)
  const knowing = knowledge === undefined ? [] : await knowledgeTools(knowledge)
  for (const tool of [...knowing, ...(memory?.tools ?? [])]) addTool(tools, tool, who)
  checkToolChoice(options.toolChoice, tools, who)
  const output =
    options.outputSchema === undefined ? undefined : await prepareOutput(options.outputSchema, `${who}: outputSchema`)
  const instructions = options.instructions ?? found.instructions ?? ''
  return {
    info: describeAgent(found, { model, tools, output, instructions, memory, knowledge }, who),
    memory,
    knowledge,
    model,
    tools,
    modelTools: [...tools.values()].map(({ name, description, parameters }) => ({ name, description, parameters })),
    output,
    loop: {
      maxSteps: options.maxSteps ?? 50,
      toolCallLimit: options.toolCallLimit,
      toolChoice: options.toolChoice ?? 'auto',
    },
    settings: options.modelSettings ?? {},
    instructions,
    dependencies: options.dependencies ?? {},
    addSessionStateToContext: options.addSessionStateToContext ?? false,
    addDependenciesToContext: options.addDependenciesToContext ?? false,
  }
}

async function prepareTools({ agent, tools: beside }: FoundAgent, who: string): Promise<Map<string, PreparedTool>> {
  const named = namedTools(agent.options.tools)
  // A tool that lies beside the agent may also be imported and listed by it.
  const listed = new Set(named.map(([, tool]) => tool))
  for (const tool of beside) if (!listed.has(tool)) named.push([tool.name, tool])
  const prepared = new Map<string, PreparedTool>()
  for (const [key, definition] of named) {
    addTool(prepared, await prepareTool(definition, key), who)
  }
  return prepared
}

function addTool(tools: Map<string, PreparedTool>, tool: PreparedTool, who: string): void {
  if (tools.has(tool.name)) throw new TypeError(`${who} has two tools named "${tool.name}"; a name must be unique`)
  tools.set(tool.name, tool)
}

function namedTools(tools: AgentOptions['tools']): [string, Tool | AiTool][] {
  if (tools === undefined) return []
  return Object.entries(tools).map(([key, tool]: [string, Tool | AiTool]) => [nameOf(tool) ?? key, tool])
}

function nameOf(tool: Tool | AiTool): string | undefined {
  return isDefinition(tool, 'tool') && 'name' in tool ? tool.name : undefined
}

function checkToolChoice(choice: AgentOptions['toolChoice'], tools: ReadonlyMap<string, unknown>, who: string): void {
  if (choice === 'required' && tools.size === 0)
    throw new TypeError(`${who}: toolChoice is "required", but it has no tools`)
  if (typeof choice !== 'object' || tools.has(choice.tool)) return
  const known = tools.size === 0 ? 'it has no tools' : `its tools are ${[...tools.keys()].join(', ')}`
  throw new TypeError(`${who}: toolChoice names the tool "${choice.tool}", but ${known}`)
}

type Prepared = Pick<PreparedAgent, 'model' | 'tools' | 'output' | 'instructions' | 'memory' | 'knowledge'>

function describeAgent({ agent: { options }, id, file }: FoundAgent, prepared: Prepared, who: string): AgentInfo {
  const { model, tools, output, instructions, memory, knowledge } = prepared
  const { toolChoice } = options
  return {
    id,
    name: options.name ?? id,
    description: options.description ?? null,
    role: options.role ?? null,
    model: model.name,
    modelSettings: toJsonObject({ ...options.modelSettings }, `${who}: modelSettings`),
    instructions: describeInstructions(instructions),
    expectedOutput: options.expectedOutput ?? null,
    additionalContext: options.additionalContext ?? null,
    introduction: options.introduction ?? null,
    markdown: options.markdown ?? false,
    addDatetimeToContext: options.addDatetimeToContext ?? false,
    timezone: options.timezone ?? null,
    tools: [...tools.values()].map(describeTool),
    toolCallLimit: options.toolCallLimit ?? null,
    toolChoice: typeof toolChoice === 'object' ? toolChoice.tool : (toolChoice ?? null),
    addHistoryToContext: options.addHistoryToContext ?? true,
    numHistoryRuns: options.numHistoryRuns ?? 3,
    retries: options.retries ?? 2,
    delayBetweenRetriesSeconds: options.delayBetweenRetries ?? 1,
    exponentialBackoff: options.exponentialBackoff ?? true,
    outputSchema: output === undefined ? null : { name: output.name, schema: output.schema },
    quickPrompts: options.quickPrompts ?? [],
    ...(memory !== undefined && { memory: memory.info }),
    ...(knowledge !== undefined && { knowledge: describeKnowledge(knowledge) }),
    metadata: options.metadata === undefined ? null : toJsonObject(options.metadata, `${who}: metadata`),
    sessionState: options.sessionState === undefined ? {} : toJsonObject(options.sessionState, `${who}: sessionState`),
    ...(options.sendMediaToModel === false && { sendMediaToModel: false as const }),
    ...(options.storeMedia === false && { storeMedia: false as const }),
    file,
  }
}

function describeTool({ name, description, parameters, inputSchema, effect, gate, approval }: PreparedTool): ToolInfo {
  return {
    name,
    description,
    parameters,
    effect,
    ...(inputSchema !== parameters && { inputSchema }),
    ...(gate !== undefined && { pause: gate.kind }),
    ...(approval !== null && { approval }),
  }
}

function describeInstructions(instructions: PreparedAgent['instructions']): string | null {
  if (typeof instructions === 'function') return null
  const text = typeof instructions === 'string' ? instructions.trim() : instructions.join('\n')
  return text === '' ? null : text
}
