/**
 * Tool calls as Agno's ToolExecution, with all its keys, and the sentence that ends one.
 * @module
 */
import type { ToolExecution as WireToolExecution } from '@agentos/wire'
import { isJsonObject, type Json } from '../../base/json.ts'
import type { ToolMessage } from '../../base/message.ts'
import type { Requirement } from '../../base/requirement.ts'
import type { ToolExecution } from '../../base/run.ts'
import { flagsOf, NO_FLAGS } from './tool-flags.ts'

/** @param requirement what the run paused for at this call, if it did */
export function toToolExecution(tool: ToolExecution, requirement?: Requirement): WireToolExecution {
  const start = tool.createdAt / 1000
  return {
    tool_call_id: tool.toolCallId,
    tool_name: tool.toolName,
    tool_args: isJsonObject(tool.input) ? tool.input : null,
    tool_call_error: tool.isError ?? null,
    result: tool.result ?? null,
    metrics:
      tool.durationMs === undefined
        ? null
        : { start_time: start, end_time: start + tool.durationMs / 1000, duration: tool.durationMs / 1000 },
    child_run_id: null,
    stop_after_tool_call: tool.stopAfterToolCall,
    created_at: Math.floor(start),
    ...(requirement ? flagsOf(requirement) : NO_FLAGS),
    parent_tool_call_id: null,
  }
}

/** The call that a tool message answered. Its message is written when the call ends. */
export function toToolExecutionOf(message: ToolMessage, requirement?: Requirement): WireToolExecution {
  const tool = {
    toolCallId: message.toolCallId,
    toolName: message.toolName,
    input: message.input,
    createdAt: message.createdAt - message.durationMs,
    result: message.content,
    isError: message.isError,
    durationMs: message.durationMs,
    stopAfterToolCall: message.stopAfterToolCall ?? false,
  }
  return toToolExecution(tool, requirement)
}

/** A call that waits for somebody, or for its run to go on. */
export function toWaitingTool(requirement: Requirement): WireToolExecution {
  const { toolCallId, toolName, input, createdAt, stopAfterToolCall, answer } = requirement
  const tool = { toolCallId, toolName, input, createdAt, stopAfterToolCall }
  const result = answer?.result ?? null
  return toToolExecution(result === null ? tool : { ...tool, result }, requirement)
}

const LINE = 80

/** `get_weather(city=Oslo) completed in 0.0010s. `, with long arguments cut as Agno cuts them on an 80-column terminal. */
export function describeCall(tool: ToolExecution): string {
  return `${formatCall(tool.toolName, tool.input)} completed in ${((tool.durationMs ?? 0) / 1000).toFixed(4)}s. `
}

function formatCall(name: string, input: Json): string {
  if (!isJsonObject(input)) return `${name}()`
  const longest = Math.max(20, Math.floor((LINE - name.length - 4) / 2))
  const args = Object.entries(input).map(([key, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${key}=${typeof value === 'string' && text.length > longest ? '...' : text}`
  })
  const call = `${name}(${args.join(', ')})`
  return call.length > LINE ? `${name}(...)` : call
}
