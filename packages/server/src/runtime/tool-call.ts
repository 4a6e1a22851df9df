/**
 * One tool call from the model's request to the text it gets back. Whatever the tool does (throws, hangs, returns ten
 * megabytes or something that is no JSON), the outcome is text for the model and the run goes on.
 * @module
 */
import type { RunContext } from '@agentos/sdk'
import type { Clock } from '../base/clock.ts'
import type { Json } from '../base/json.ts'
import type { Message, ToolCall } from '../base/message.ts'
import { untilAborted } from './abort.ts'
import { createToolContext } from './context.ts'
import { elapsedMs } from './elapsed.ts'
import type { IsConfirmationNeeded } from './gate.ts'
import type { Inside } from './inside.ts'
import { cutToolText, describeThrown, type FoundBy, writeToolResult, type ToolText } from './tool-result.ts'
import { describeStack } from './thrown.ts'
import type { ToolLimits } from './tool-limits.ts'
import type { PreparedTool } from './tool.ts'
import { describeIssues, type Validation } from './validation.ts'

export type ToolCallDeps = {
  readonly tools: ReadonlyMap<string, PreparedTool>
  readonly ctx: RunContext
  /** Messages that led to the call, for tools of the AI SDK. */
  readonly transcript: readonly Message[]
  /** For tools of the server itself. */
  readonly inside: Inside
  readonly limits: ToolLimits
  readonly clock: Clock
}

export type ToolOutcome = {
  readonly content: string
  readonly isError: boolean
  readonly durationMs: number
  /** Whether the tool's own code was called. */
  readonly ran: boolean
  /** Present where `content` is what was found, whole. */
  readonly found?: FoundBy
}

/**
 * Runs the tool with the call's input. Never rejects. Ends at the tool's timeout or when the run's signal aborts, even if
 * the tool does not.
 */
export async function runToolCall(call: ToolCall, deps: ToolCallDeps): Promise<ToolOutcome> {
  const started = deps.clock.monotonic()
  const progress = { ran: false }
  const tool = deps.tools.get(call.toolName)
  const { text, isError, found } =
    tool === undefined
      ? unknownTool(call, deps)
      : await withinLimits(tool, deps, (signal) => validateAndRun(tool, call, deps, signal, progress))
  const content = cutToolText(text, deps.limits.toolResultBytes)
  return {
    content,
    isError,
    durationMs: elapsedMs(deps.clock, started),
    ran: progress.ran,
    ...(found !== undefined && content === text && { found }),
  }
}

/** The outcome of a call that was answered without running anything. */
export function answerCall(content: string, isError: boolean): ToolOutcome {
  return { content, isError, durationMs: 0, ran: false }
}

export type Inspection =
  | { readonly ok: true; readonly asks: boolean }
  /** What the model is told. */
  | { readonly ok: false; readonly outcome: ToolOutcome }

/**
 * Whether a call may be put to a person at all (its input fits), and whether it has to be. Never rejects; the author's
 * code keeps to the same limits as in a call.
 */
export async function inspectCall(
  tool: PreparedTool,
  call: ToolCall,
  isNeeded: IsConfirmationNeeded | undefined,
  deps: ToolCallDeps,
): Promise<Inspection> {
  let asks = true
  const failure = await withinLimits(tool, deps, async (signal) => {
    const validation = await validateInput(tool, call.input)
    if (!validation.ok) return failed(misfit(tool, call.input, validation.issues))
    if (isNeeded === undefined) return NO_FAILURE
    asks = Boolean(await isNeeded(validation.value, createToolContext(deps.ctx, call, signal), deps.transcript))
    return NO_FAILURE
  })
  if (failure === NO_FAILURE) return { ok: true, asks }
  return { ok: false, outcome: answerCall(cutToolText(failure.text, deps.limits.toolResultBytes), true) }
}

const NO_FAILURE: ToolText = { text: '', isError: false }

/** Runs the author's code with a time limit of its own; what goes wrong becomes text. */
async function withinLimits(
  tool: PreparedTool,
  { ctx, limits }: ToolCallDeps,
  work: (signal: AbortSignal) => Promise<ToolText>,
): Promise<ToolText> {
  const timeoutMs = tool.timeoutMs ?? limits.toolTimeoutMs
  const controller = new AbortController()
  const stop = () => controller.abort(ctx.signal.reason)
  if (ctx.signal.aborted) stop()
  else ctx.signal.addEventListener('abort', stop, { once: true })
  const timer = setTimeout(
    () => controller.abort(new DOMException(`Tool "${tool.name}" took longer than ${timeoutMs} ms`, 'TimeoutError')),
    timeoutMs,
  )
  try {
    return await untilAborted(work(controller.signal), controller.signal, () =>
      ctx.log.warn('A tool ended after its call was given up; its result is dropped', { tool_name: tool.name }),
    )
  } catch (error) {
    if (ctx.signal.aborted) return failed(`The run ended before tool "${tool.name}" did.`)
    if (controller.signal.aborted) {
      ctx.log.warn('A tool took too long and was given up', { tool_name: tool.name, timeout_ms: timeoutMs })
      return failed(`Tool "${tool.name}" gave no result within ${timeoutMs} ms and was given up.`)
    }
    ctx.log.warn('A tool failed', { tool_name: tool.name, error: describeStack(error) })
    return failed(describeThrown(error, tool.name))
  } finally {
    clearTimeout(timer)
    ctx.signal.removeEventListener('abort', stop)
  }
}

async function validateAndRun(
  tool: PreparedTool,
  call: ToolCall,
  deps: ToolCallDeps,
  signal: AbortSignal,
  progress: { ran: boolean },
): Promise<ToolText> {
  if (tool.run === undefined) return failed(`Tool "${tool.name}" is not run here, and nobody has sent its result.`)
  const validation = await validateInput(tool, call.input)
  if (!validation.ok) return failed(misfit(tool, call.input, validation.issues))
  signal.throwIfAborted()
  progress.ran = true
  const ctx = createToolContext(deps.ctx, call, signal)
  const result = await tool.run(validation.value, ctx, deps.transcript, deps.inside)
  return writeToolResult(result, tool.name)
}

/** Providers send empty text when a tool without arguments is called. */
function validateInput(tool: PreparedTool, input: Json): Promise<Validation> {
  return tool.validate(input === '' ? {} : input)
}

function misfit(tool: PreparedTool, input: Json, issues: Extract<Validation, { ok: false }>['issues']): string {
  const reason = typeof input === 'string' ? '- the arguments are not a JSON object' : describeIssues(issues)
  return `The arguments of tool "${tool.name}" do not fit its schema, so it was not called:\n${reason}`
}

function unknownTool(call: ToolCall, { tools }: ToolCallDeps): ToolText {
  const names = [...tools.keys()]
  const known = names.length === 0 ? 'There are no tools.' : `Tools that exist: ${names.join(', ')}.`
  return failed(`There is no tool "${call.toolName}". ${known}`)
}

function failed(text: string): ToolText {
  return { text, isError: true }
}
