/**
 * What the fake provider says to one request: the frames of a stream and the same as one message.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { frame, reasoningFrames, tokenFrame, tokenText, type Usage } from './frames.ts'
import { exampleArguments, type ChatRequest } from './request.ts'
import type { Fault, Script } from './script.ts'

export type ToolCall = { readonly id: string; readonly name: string; readonly arguments: string }

export type Answer = {
  readonly frames: readonly Buffer[]
  readonly text: string | null
  readonly toolCalls: readonly ToolCall[]
  readonly finishReason: 'stop' | 'tool_calls'
  readonly usage: Usage | undefined
  readonly usageFrame: boolean
}

/** Bytes per frame of a huge answer. */
const HUGE_CHUNK = 16_384

/**
 * @param fault the fault that hits this answer, if it is one of the answer's content
 * @param text the text of the script whose turn it is; undefined when it has none
 */
export function answer(chat: ChatRequest, script: Script, fault: Fault | undefined, text: string | undefined): Answer {
  const prompt = Math.ceil(chat.characters / 4)
  if (asksForTools(chat, script, fault)) return toolAnswer(chat, script, fault, prompt)

  const thoughts = reasoningFrames(script.reasoning)
  const usage = (completion: number) => (script.usage ? { prompt, completion } : undefined)
  const done = { toolCalls: [], finishReason: 'stop', usageFrame: chat.usageFrame } as const
  if (script.huge > 0) {
    const huge = 'x'.repeat(script.huge)
    const chunk = frame({ content: huge.slice(0, HUGE_CHUNK) })
    const full = Math.floor(script.huge / HUGE_CHUNK)
    const frames = Array.from({ length: full }, () => chunk)
    frames.push(frame({ content: huge.slice(full * HUGE_CHUNK) }))
    return { ...done, frames: [...thoughts, ...frames], text: huge, usage: usage(Math.ceil(script.huge / 4)) }
  }
  const given = script.echo ? chat.user : text
  if (given !== undefined) {
    const words = given.match(/\s*\S+\s*/g) ?? []
    const frames = words.map((word) => frame({ content: word }))
    return { ...done, frames: [...thoughts, ...frames], text: given, usage: usage(words.length) }
  }
  const frames = Array.from({ length: script.tokens }, (_, index) => tokenFrame(index))
  return {
    ...done,
    frames: [...thoughts, ...frames],
    text: chat.stream ? null : tokenText(script.tokens),
    usage: usage(script.tokens + script.reasoning),
  }
}

/** Whether this model call is answered with tool calls. */
export function asksForTools(chat: ChatRequest, script: Script, fault: Fault | undefined): boolean {
  const wantsTool = script.tools.length > 0 || fault === 'unknown-tool' || fault === 'bad-args'
  return wantsTool && chat.call <= script.calls
}

function toolAnswer(chat: ChatRequest, script: Script, fault: Fault | undefined, prompt: number): Answer {
  const names = fault === 'unknown-tool' ? ['no_such_tool'] : script.tools
  const named = names.length > 0 ? names : [...chat.tools.keys()].slice(0, 1)
  // Providers never give an id twice, not even to the same request.
  const id = randomBytes(6).toString('hex')
  const toolCalls = named.map((name, index) => ({
    id: `call_${id}_${index}`,
    name,
    arguments:
      fault === 'bad-args'
        ? '{"city": Oslo'
        : (script.args?.replaceAll('$call', String(chat.call)) ??
          JSON.stringify(exampleArguments(chat.tools.get(name)))),
  }))
  const frames = toolCalls.flatMap((call, index) => {
    const middle = Math.ceil(call.arguments.length / 2)
    const start = { index, id: call.id, type: 'function', function: { name: call.name, arguments: '' } }
    return [
      frame({ tool_calls: [start] }),
      frame({ tool_calls: [{ index, function: { arguments: call.arguments.slice(0, middle) } }] }),
      frame({ tool_calls: [{ index, function: { arguments: call.arguments.slice(middle) } }] }),
    ]
  })
  const usage = script.usage ? { prompt, completion: 12 * toolCalls.length } : undefined
  return { frames, text: null, toolCalls, finishReason: 'tool_calls', usage, usageFrame: chat.usageFrame }
}
