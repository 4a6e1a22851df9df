/**
 * The agent loop as a pure reducer over the run's own transcript: the journal is the state, so a run that another replica
 * takes over goes on exactly where the journal ends. Knows no clock, no I/O and no provider.
 *
 * ```
 *            user                 assistant with calls               assistant without calls
 *   (empty) ------> call-model -----------------------> run-tools            |
 *                    ^      |                              | every call      v
 *                    |      +-- step limit --> finish      | answered      finish
 *                    +-------------------------------------+
 *                    |                                     +-- a call that stops the run --> finish
 *                    +-- user (a correction of the answer, or a new turn: its limits count anew)
 * ```
 * Invariant: each tool call is answered exactly once, before the next assistant message; providers refuse anything else.
 * @module
 */
import { toolCallsOf, type Message, type ToolCall } from '../base/message.ts'
import type { ToolChoice } from '../models/model.ts'

export type LoopSettings = {
  /** Most model calls of a turn. */
  readonly maxSteps: number
  /** Most tool calls of a turn; further ones are answered with an error. */
  readonly toolCallLimit: number | undefined
  /** `required` or a named tool holds until the turn has called a tool, then it is `auto`: a forced call never ends. */
  readonly toolChoice: ToolChoice
}

export type LoopState = {
  /** The run's messages in order, without those of earlier runs. */
  readonly messages: readonly Message[]
  /** Model calls of this turn so far. A run is one turn, unless somebody continues it with a new message. */
  readonly steps: number
  /** Tool calls the model has asked for in this turn so far. */
  readonly calls: number
  /** Calls of the last step without an answer, in the model's order. */
  readonly pending: readonly PendingCall[]
  /** Whether a call of the last step ends the run. */
  readonly stopping: boolean
  /** Times the model was asked to mend its final answer. */
  readonly corrections: number
}

/** A call and how many the turn had asked for before it. */
export type PendingCall = { readonly call: ToolCall; readonly ordinal: number }

export type PlannedCall = {
  readonly call: ToolCall
  /** Past `toolCallLimit`: answer with an error instead of running it. */
  readonly overLimit: boolean
}

export type Action =
  | { readonly type: 'call-model'; readonly toolChoice: ToolChoice }
  | { readonly type: 'run-tools'; readonly calls: readonly PlannedCall[] }
  | { readonly type: 'finish'; readonly reason: 'answer' | 'tool-result' | 'step-limit' }

export const EMPTY_LOOP: LoopState = { messages: [], steps: 0, calls: 0, pending: [], stopping: false, corrections: 0 }

/** What to do next; depends on the transcript alone. */
export function decide(state: LoopState, settings: LoopSettings): Action {
  if (state.pending.length > 0) {
    const limit = settings.toolCallLimit ?? Infinity
    return {
      type: 'run-tools',
      calls: state.pending.map(({ call, ordinal }) => ({ call, overLimit: ordinal >= limit })),
    }
  }
  if (state.stopping) return { type: 'finish', reason: 'tool-result' }
  if (state.messages.at(-1)?.role === 'assistant') return { type: 'finish', reason: 'answer' }
  if (state.steps >= settings.maxSteps) return { type: 'finish', reason: 'step-limit' }
  return { type: 'call-model', toolChoice: toolChoiceOf(state, settings) }
}

function toolChoiceOf(state: LoopState, { toolChoice }: LoopSettings): ToolChoice {
  const forced = toolChoice === 'required' || typeof toolChoice === 'object'
  return forced && state.calls > 0 ? 'auto' : toolChoice
}

/**
 * Adds one message.
 * @throws {TypeError} when the transcript would not be one that a provider accepts
 */
export function apply(state: LoopState, message: Message): LoopState {
  const messages = [...state.messages, message]
  switch (message.role) {
    case 'system':
      if (state.messages.length > 0) throw new TypeError('a system message can only open a run')
      return { ...state, messages }
    case 'user':
      refuseWhilePending(state, 'user')
      if (message.isCorrection) return { ...state, messages, corrections: state.corrections + 1 }
      return { ...EMPTY_LOOP, messages }
    case 'assistant': {
      refuseWhilePending(state, 'assistant')
      const pending = toolCallsOf(message).map((call, index) => ({ call, ordinal: state.calls + index }))
      return {
        ...state,
        messages,
        steps: state.steps + 1,
        calls: state.calls + pending.length,
        pending,
        stopping: false,
      }
    }
    case 'tool': {
      const index = state.pending.findIndex(({ call }) => call.toolCallId === message.toolCallId)
      if (index < 0) throw new TypeError(`no call "${message.toolCallId}" waits for an answer`)
      const stopping = state.stopping || message.stopAfterToolCall === true
      return { ...state, messages, pending: state.pending.toSpliced(index, 1), stopping }
    }
  }
}

/**
 * The state that a journal leaves.
 * @throws {TypeError} when its messages are not a transcript
 */
export function replay(journal: readonly Message[]): LoopState {
  return journal.reduce(apply, EMPTY_LOOP)
}

/** The messages of the last turn: from what the user said last, however the model was then asked to mend its answer. */
export function lastTurnOf(messages: readonly Message[]): readonly Message[] {
  return messages.slice(messages.findLastIndex((message) => message.role === 'user' && !message.isCorrection) + 1)
}

/** Results of the calls that ended the turn, one per line; one call is the rule. */
export function stopResultOf(state: LoopState): string {
  const results: string[] = []
  for (const message of lastTurnOf(state.messages)) {
    if (message.role === 'tool' && message.stopAfterToolCall === true) results.push(message.content)
  }
  return results.join('\n')
}

function refuseWhilePending(state: LoopState, role: string): void {
  const open = state.pending[0]
  if (open) throw new TypeError(`call "${open.call.toolCallId}" has no answer, so no ${role} message may follow`)
}
