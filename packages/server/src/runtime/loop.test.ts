import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { AssistantMessage, Message, ToolCall, ToolMessage } from '../base/message.ts'
import { NO_USAGE } from '../base/usage.ts'
import { findFault } from './test-world.ts'
import { apply, decide, EMPTY_LOOP, replay, stopResultOf, type LoopSettings, type LoopState } from './loop.ts'

const base = { id: 'm', createdAt: 0 }
const system: Message = { ...base, role: 'system', content: 'Be kind.' }
const user: Message = { ...base, role: 'user', content: 'Hello' }
const settings: LoopSettings = { maxSteps: 50, toolCallLimit: undefined, toolChoice: 'auto' }

const toolCall = (toolCallId: string): ToolCall => ({ type: 'tool-call', toolCallId, toolName: 'look', input: {} })
const reply = (...calls: readonly string[]): AssistantMessage => ({
  ...base,
  role: 'assistant',
  parts: [{ type: 'text', text: 'Well' }, ...calls.map(toolCall)],
  usage: NO_USAGE,
})
const answer = (toolCallId: string, more: Partial<ToolMessage> = {}): ToolMessage => ({
  ...base,
  role: 'tool',
  toolCallId,
  toolName: 'look',
  input: {},
  content: `result of ${toolCallId}`,
  isError: false,
  durationMs: 1,
  ...more,
})

test('asks the model after the user', () => {
  expect(decide(replay([system, user]), settings)).toEqual({ type: 'call-model', toolChoice: 'auto' })
})

test('finishes with an answer that has no calls', () => {
  expect(decide(replay([user, reply()]), settings)).toEqual({ type: 'finish', reason: 'answer' })
})

test('resumes in the middle of a step with the calls that have no answer yet', () => {
  const state = replay([user, reply('a', 'b', 'c'), answer('b')])
  expect(decide(state, settings)).toEqual({
    type: 'run-tools',
    calls: [
      { call: toolCall('a'), overLimit: false },
      { call: toolCall('c'), overLimit: false },
    ],
  })
})

test('asks the model again once every call is answered', () => {
  const state = replay([user, reply('a', 'b'), answer('b'), answer('a')])
  expect(decide(state, settings)).toEqual({ type: 'call-model', toolChoice: 'auto' })
})

test('finishes with the results of the calls that end the run', () => {
  const stop = { stopAfterToolCall: true }
  const state = replay([user, reply('a', 'b', 'c'), answer('a'), answer('b', stop), answer('c', stop)])
  expect(decide(state, settings)).toEqual({ type: 'finish', reason: 'tool-result' })
  expect(stopResultOf(state)).toBe('result of b\nresult of c')
})

test('stops at the step limit, but still takes the answer of the last step', () => {
  const limited = { ...settings, maxSteps: 1 }
  expect(decide(replay([user, reply('a'), answer('a')]), limited)).toEqual({ type: 'finish', reason: 'step-limit' })
  expect(decide(replay([user, reply()]), limited)).toEqual({ type: 'finish', reason: 'answer' })
})

test('marks the calls past the limit of the run, whichever step asked for them', () => {
  const limited = { ...settings, toolCallLimit: 2 }
  const state = replay([user, reply('a'), answer('a'), reply('b', 'c', 'd')])
  const action = decide(state, limited)
  expect(action.type === 'run-tools' && action.calls.map(({ overLimit }) => overLimit)).toEqual([false, true, true])
})

test('forces a tool only until one was called', () => {
  const forced: LoopSettings = { ...settings, toolChoice: { tool: 'look' } }
  expect(decide(replay([user]), forced)).toEqual({ type: 'call-model', toolChoice: { tool: 'look' } })
  expect(decide(replay([user, reply('a'), answer('a')]), forced)).toEqual({ type: 'call-model', toolChoice: 'auto' })
  const none: LoopSettings = { ...settings, toolChoice: 'none' }
  expect(decide(replay([user, reply('a'), answer('a')]), none)).toEqual({ type: 'call-model', toolChoice: 'none' })
})

test('gives the model another turn after a correction', () => {
  const state = replay([user, reply(), { ...user, isCorrection: true }])
  expect(state.corrections).toBe(1)
  expect(decide(state, settings)).toEqual({ type: 'call-model', toolChoice: 'auto' })
})

test.each([
  ['a reply while a call has no answer', [user, reply('a'), reply()], /call "a" has no answer/],
  ['a user message while a call has no answer', [user, reply('a'), user], /call "a" has no answer/],
  ['an answer that nobody asked for', [user, answer('x')], /no call "x" waits/],
  ['a second answer', [user, reply('a'), answer('a'), answer('a')], /no call "a" waits/],
  ['a late system message', [user, system], /can only open a run/],
])('refuses %s', (_, journal: readonly Message[], reason) => {
  expect(() => replay(journal)).toThrow(reason)
})

/** What a model and its tools may do in one step: calls (each with its fate), in whatever order they end. */
const step = fc.record({
  calls: fc.array(fc.record({ stops: fc.boolean(), fails: fc.boolean(), rank: fc.integer() }), { maxLength: 4 }),
})
const limits = fc.record({
  maxSteps: fc.integer({ min: 1, max: 6 }),
  toolCallLimit: fc.option(fc.integer({ min: 0, max: 8 }), { nil: undefined }),
  toolChoice: fc.constantFrom<LoopSettings['toolChoice']>('auto', 'none', 'required', { tool: 'look' }),
})

type Script = readonly { readonly calls: readonly { stops: boolean; fails: boolean; rank: number }[] }[]

/** Plays a run to its end, as `executeRun` would. */
function play(script: Script, settings: LoopSettings) {
  let state: LoopState = [system, user].reduce(apply, EMPTY_LOOP)
  let ran = 0
  const trace = [state]
  for (;;) {
    const action = decide(state, settings)
    if (action.type === 'finish') return { state, reason: action.reason, ran, trace }
    if (action.type === 'call-model') {
      const ids = (script[state.steps]?.calls ?? []).map((_, index) => `${state.steps}-${index}`)
      state = apply(state, reply(...ids))
      trace.push(state)
      continue
    }
    const fates = script[state.steps - 1]?.calls ?? []
    const ended = action.calls.map(({ call, overLimit }) => {
      const fate = fates[Number(call.toolCallId.split('-')[1])]
      const fails = overLimit || fate?.fails === true
      if (!overLimit) ran++
      const stops = fate?.stops === true && !fails
      const more = stops ? { stopAfterToolCall: true } : {}
      return { rank: fate?.rank ?? 0, message: answer(call.toolCallId, { isError: fails, ...more }) }
    })
    for (const { message } of ended.toSorted((a, b) => a.rank - b.rank)) {
      state = apply(state, message)
      trace.push(state)
    }
  }
}

test('property: every run ends, within its limits, with a transcript that a provider accepts', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), limits, (script, settings) => {
      const { state, reason, ran } = play(script, settings)
      expect(findFault(state.messages)).toBeUndefined()
      expect(state.steps).toBeLessThanOrEqual(settings.maxSteps)
      expect(ran).toBeLessThanOrEqual(settings.toolCallLimit ?? Infinity)
      const stopped = state.messages.some((message) => message.role === 'tool' && message.stopAfterToolCall === true)
      expect(reason === 'tool-result').toBe(stopped)
    }),
  )
})

test('property: at every prefix of a journal, the next action is that of the run that wrote it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), limits, (script, settings) => {
      for (const state of play(script, settings).trace) {
        const rebuilt = replay(JSON.parse(JSON.stringify(state.messages)) as Message[])
        expect(rebuilt).toEqual(state)
        expect(decide(rebuilt, settings)).toEqual(decide(state, settings))
      }
    }),
  )
})
