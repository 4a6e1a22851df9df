/**
 * Tools in one form, whether they come from the SDK's `tool()`, from the AI SDK or, through it, from an MCP server.
 * @module
 */
import { isAiTool, isDefinition, type AiTool, type Tool, type ToolContext } from '@agentos/sdk'
import type { Message } from '../base/message.ts'
import type { ApprovalType } from '../base/requirement.ts'
import type { Effect } from '../base/runnable.ts'
import { toAiMessages } from './ai-messages.ts'
import { isJsonObject, type JsonObject } from '../base/json.ts'
import { hideFields, prepareGate, type IsConfirmationNeeded, type ToolGate } from './gate.ts'
import type { Inside } from './inside.ts'
import { prepareSchema, type PreparedSchema } from './schema.ts'

export type PreparedTool = {
  readonly name: string
  readonly description: string
  /** JSON Schema of an object, as providers demand, without what only a person fills in. */
  readonly parameters: JsonObject
  /** The same with all arguments. */
  readonly inputSchema: JsonObject
  readonly effect: Effect
  readonly timeoutMs: number | undefined
  readonly stopAfterToolCall: boolean
  readonly validate: PreparedSchema['validate']
  /**
   * @param input as validated
   * @param transcript messages that led to the call, without the system message and the reply that holds the call
   * @param inside for tools of the server itself
   */
  readonly run:
    | ((input: unknown, ctx: ToolContext, transcript: readonly Message[], inside: Inside) => unknown)
    | undefined
  /** What a call waits for; undefined when the model may call it by itself. */
  readonly gate: ToolGate | undefined
  readonly approval: ApprovalType | null
}

/**
 * @param name the key an AI SDK tool stands under; a tool of the SDK has a name of its own
 * @throws {TypeError} naming the tool, when its schema cannot become JSON Schema or it needs what a run cannot give
 */
export async function prepareTool(tool: Tool | AiTool, name: string): Promise<PreparedTool> {
  // isDefinition looks for the SDK's own mark, which only tool() sets.
  if (isDefinition(tool, 'tool')) return prepareSdkTool(tool as Tool)
  if (isAiTool(tool)) return prepareAiTool(tool, name)
  throw new TypeError(`tool "${name}" must come from tool() of @agentos/sdk or of the AI SDK`)
}

async function prepareSdkTool(tool: Tool): Promise<PreparedTool> {
  const what = `tool "${tool.name}"`
  const schema = await prepareSchema(tool.input, what)
  // `run` declares its input as the schema's output, which is what `validate` yields.
  const run = tool.run as ((input: unknown, ctx: ToolContext) => unknown) | undefined
  const parameters = toParameters(schema.json, what)
  return {
    name: tool.name,
    description: tool.description,
    parameters: hideFields(tool.pause, parameters),
    inputSchema: parameters,
    effect: tool.effect,
    timeoutMs: tool.timeoutMs,
    stopAfterToolCall: tool.stopAfterToolCall,
    validate: schema.validate,
    run: run === undefined ? undefined : (input, ctx) => run(input, ctx),
    gate: prepareGate(tool.pause, parameters, what),
    approval: tool.approval ?? null,
  }
}

/** What of an AI SDK tool matters here; the rest is for its own loop. */
type AiToolParts = AiTool & {
  readonly type?: unknown
  readonly needsApproval?: unknown
  readonly toModelOutput?: unknown
  readonly metadata?: unknown
}

async function prepareAiTool(tool: AiToolParts, name: string): Promise<PreparedTool> {
  const what = `tool "${name}"`
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) {
    throw new TypeError(`${what}: its key must be 1 to 64 letters, digits, "_" or "-"`)
  }
  if (tool.type === 'provider' || tool.type === 'provider-defined') {
    throw new TypeError(`${what} is a tool of a provider, which this server does not run; give it an execute function`)
  }
  const schema = await prepareSchema(tool.inputSchema, what)
  const parameters = toParameters(schema.json, what)
  return {
    name,
    description: describeAiTool(tool.description, what),
    parameters,
    inputSchema: parameters,
    effect: effectOf(tool.metadata),
    timeoutMs: undefined,
    stopAfterToolCall: false,
    validate: schema.validate,
    run: prepareExecute(tool, what),
    gate: prepareAiGate(tool, what),
    approval: null,
  }
}

function prepareExecute(tool: AiToolParts, what: string): PreparedTool['run'] {
  if (tool.execute === undefined) return undefined
  if (typeof tool.execute !== 'function') throw new TypeError(`${what}: execute must be a function`)
  const execute = tool.execute as (input: unknown, options: unknown) => unknown
  const toModelOutput =
    typeof tool.toModelOutput === 'function' ? (tool.toModelOutput as (options: object) => unknown) : undefined
  return async (input, ctx, transcript) => {
    const output = await lastOf(execute.call(tool, input, callOptions(ctx, transcript)))
    if (toModelOutput === undefined) return output
    return fromModelOutput(await toModelOutput.call(tool, { toolCallId: ctx.toolCallId, input, output }), what)
  }
}

/** The AI SDK's ways to ask: `needsApproval`, and no `execute`. Its clients answer the one or carry out the other. */
function prepareAiGate(tool: AiToolParts, what: string): ToolGate | undefined {
  const { needsApproval } = tool
  const asks = needsApproval !== undefined && needsApproval !== false
  if (asks && needsApproval !== true && typeof needsApproval !== 'function') {
    throw new TypeError(`${what}: needsApproval must be true, false or a function`)
  }
  if (tool.execute === undefined) {
    if (!asks) return { kind: 'external-execution', silent: false }
    throw new TypeError(`${what} has needsApproval but no execute function; a call waits for one or the other`)
  }
  if (!asks) return undefined
  const ask = needsApproval as true | ((input: unknown, options: unknown) => unknown)
  const isNeeded: IsConfirmationNeeded | undefined =
    ask === true ? undefined : (input, ctx, transcript) => ask.call(tool, input, callOptions(ctx, transcript))
  return { kind: 'confirmation', isNeeded }
}

function callOptions(ctx: ToolContext, transcript: readonly Message[]) {
  return {
    toolCallId: ctx.toolCallId,
    abortSignal: ctx.signal,
    context: ctx,
    get messages() {
      return toAiMessages(transcript)
    },
  }
}

/** What an MCP server says of its tool, as `@ai-sdk/mcp` hands it on; who lists a server in an agent trusts it. */
function effectOf(metadata: unknown): Effect {
  const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined
  if (!isJsonObject(annotations)) return 'once'
  if (annotations['readOnlyHint'] === true) return 'read'
  return annotations['idempotentHint'] === true ? 'idempotent' : 'once'
}

/** Preliminary results are for a UI that shows progress; the last one is the result. */
async function lastOf(result: unknown): Promise<unknown> {
  if (typeof result !== 'object' || result === null || !(Symbol.asyncIterator in result)) return result
  let last: unknown
  for await (const value of result as AsyncIterable<unknown>) last = value
  return last
}

/** The AI SDK's ToolResultOutput as a value, or as what to throw. */
function fromModelOutput(output: unknown, what: string): unknown {
  if (typeof output !== 'object' || output === null || !('type' in output)) {
    throw new TypeError(`${what}: toModelOutput() must return an object with a type`)
  }
  const value = 'value' in output ? output.value : undefined
  switch (output.type) {
    case 'text':
    case 'json':
      return value
    case 'error-text':
      throw new Error(String(value))
    case 'error-json':
      throw new Error(JSON.stringify(value))
    case 'content':
      if (Array.isArray(value)) return value.map(textOfContent).join('\n')
  }
  throw new TypeError(`${what}: toModelOutput() of type ${JSON.stringify(output.type)} is not supported`)
}

function textOfContent(part: unknown): string {
  if (!isJsonObject(part)) return '[left out]'
  const { type, text } = part
  return type === 'text' && typeof text === 'string' ? text : `[${JSON.stringify(type)} left out]`
}

function describeAiTool(description: unknown, what: string): string {
  const text: unknown = typeof description === 'function' ? description({ context: {} }) : description
  if (text === undefined) return ''
  if (typeof text !== 'string') throw new TypeError(`${what}: description must be text`)
  return text
}

function toParameters(json: JsonObject, what: string): JsonObject {
  const type = json['type']
  if (type !== undefined && type !== 'object') {
    throw new TypeError(
      `${what}: input must describe an object, as models pass arguments by name; got type ${JSON.stringify(type)}`,
    )
  }
  // Providers refuse an object that does not list its properties.
  return { type: 'object', properties: {}, ...json }
}
