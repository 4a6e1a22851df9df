import type { LanguageModelV4Prompt } from '@ai-sdk/provider'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import type { AssistantMessage, Message, ToolCall, ToolMessage } from '../base/message.ts'
import { NO_USAGE } from '../base/usage.ts'
import { toPrompt } from './prompt.ts'

const base = { id: 'm', createdAt: 0 }
const user = (content: string): Message => ({ ...base, role: 'user', content })
const assistant = (...parts: AssistantMessage['parts']): AssistantMessage => ({
  ...base,
  role: 'assistant',
  parts,
  usage: NO_USAGE,
})
const call = (toolCallId: string, input: ToolCall['input'] = {}): ToolCall => ({
  type: 'tool-call',
  toolCallId,
  toolName: 'weather',
  input,
})
const result = (toolCallId: string, more: Partial<ToolMessage> = {}): ToolMessage => ({
  ...base,
  role: 'tool',
  toolCallId,
  toolName: 'weather',
  input: {},
  content: 'sunny',
  isError: false,
  durationMs: 1,
  ...more,
})

/** What a provider would refuse in a prompt. */
function flawsOf(prompt: LanguageModelV4Prompt): readonly string[] {
  return prompt.flatMap((message, index) => {
    const { role, content } = message
    const next = prompt[index + 1]
    const calls = role === 'assistant' ? content.flatMap((part) => (part.type === 'tool-call' ? [part] : [])) : []
    const answers =
      next?.role === 'tool' ? next.content.flatMap((part) => ('toolCallId' in part ? [part.toolCallId] : [])) : []
    const paired = calls.map(({ toolCallId }) => toolCallId).join() === answers.join()
    return [
      ...(role !== 'system' && content.length === 0 ? [`${role} ${index} is empty`] : []),
      ...(role === 'assistant' && !paired ? [`calls of ${index} and results differ`] : []),
      ...(role === 'tool' && prompt[index - 1]?.role !== 'assistant' ? [`results at ${index} without calls`] : []),
      ...calls.filter(({ input }) => typeof input !== 'object').map(() => `input at ${index} is no object`),
    ]
  })
}

describe('prompt', () => {
  test('carries system, user and assistant messages in their order', () => {
    expect(
      toPrompt([
        { ...base, role: 'system', content: 'Be kind' },
        user('Hi'),
        assistant({ type: 'text', text: 'Hello' }),
      ]),
    ).toEqual([
      { role: 'system', content: 'Be kind' },
      { role: 'user', content: [{ type: 'text', text: 'Hi' }] },
      { role: 'assistant', content: [{ type: 'text', text: 'Hello' }] },
    ])
  })

  test('gives results as text, errors as error text, in the order of the calls', () => {
    const [, tool] = toPrompt([
      assistant(call('a'), call('b')),
      result('b', { content: 'no such city', isError: true }),
      result('a'),
    ])
    expect(tool).toEqual({
      role: 'tool',
      content: [
        { type: 'tool-result', toolCallId: 'a', toolName: 'weather', output: { type: 'text', value: 'sunny' } },
        {
          type: 'tool-result',
          toolCallId: 'b',
          toolName: 'weather',
          output: { type: 'error-text', value: 'no such city' },
        },
      ],
    })
  })

  test('marks of the provider go back with their part', () => {
    const providerMetadata = { anthropic: { signature: 's' } }
    const [message] = toPrompt([
      assistant(
        { type: 'reasoning', text: '', providerMetadata },
        { type: 'text', text: 'Hi', providerMetadata },
        { ...call('a'), providerMetadata },
      ),
      result('a'),
    ])
    expect(message).toMatchObject({
      content: [
        { type: 'reasoning', text: '', providerOptions: providerMetadata },
        { type: 'text', text: 'Hi', providerOptions: providerMetadata },
        { type: 'tool-call', providerOptions: providerMetadata },
      ],
    })
  })

  test('a call without its result gets an error as result', () => {
    const prompt = toPrompt([user('Hi'), assistant(call('a')), user('Still there?')])
    expect(prompt[2]).toMatchObject({
      role: 'tool',
      content: [{ toolCallId: 'a', output: { type: 'error-text', value: 'The call was not carried out.' } }],
    })
  })

  test('arguments that were not JSON go back inside an object', () => {
    expect(toPrompt([assistant(call('a', '{"city": Oslo')), result('a')])[0]).toMatchObject({
      content: [{ type: 'tool-call', input: { rawInvalidInput: '{"city": Oslo' } }],
    })
  })

  test('an assistant message without content is left out', () => {
    expect(
      toPrompt([user('Hi'), assistant({ type: 'text', text: '' }), assistant({ type: 'reasoning', text: '' })]),
    ).toHaveLength(1)
  })

  const ids = fc.constantFrom('a', 'b', 'c')
  const metadata = fc.option(
    fc.constant<{ readonly p: JsonObject }>({ p: { mark: 1 } }).map((providerMetadata) => ({ providerMetadata })),
    { nil: {} },
  )
  const part = fc.oneof(
    fc.tuple(fc.string(), metadata).map(([text, marks]) => ({ type: 'text' as const, text, ...marks })),
    fc.tuple(fc.string(), metadata).map(([text, marks]) => ({ type: 'reasoning' as const, text, ...marks })),
    fc
      .tuple(ids, fc.jsonValue(), metadata)
      .map(([id, input, marks]) => ({ ...call(id, input as ToolCall['input']), ...marks })),
  )
  const message = fc.oneof(
    fc.string().map(user),
    fc.string().map((content): Message => ({ ...base, role: 'system', content })),
    fc
      .uniqueArray(part, { selector: (one) => ('toolCallId' in one ? one.toolCallId : one), maxLength: 5 })
      .map((parts) => assistant(...parts)),
    fc.tuple(ids, fc.boolean()).map(([id, isError]) => result(id, { isError })),
  )

  test('whatever the transcript holds, calls and results pair up and contents are not empty', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        expect(flawsOf(toPrompt(messages))).toEqual([])
      }),
    )
  })

  test('nothing that was said is lost or changed', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const said = messages.flatMap((one) => (one.role === 'system' || one.role === 'user' ? [one.content] : []))
        const texts = messages.flatMap((one) =>
          one.role === 'assistant'
            ? one.parts.flatMap((p) => (p.type === 'text' && p.text !== '' ? [p.text] : []))
            : [],
        )
        const prompt = toPrompt(messages)
        const sent = prompt.flatMap((one) => {
          if (one.role === 'system') return [one.content]
          return one.role === 'user' ? one.content.flatMap((p) => (p.type === 'text' ? [p.text] : [])) : []
        })
        const answered = prompt.flatMap((one) =>
          one.role === 'assistant' ? one.content.flatMap((p) => (p.type === 'text' ? [p.text] : [])) : [],
        )
        expect(sent).toEqual(said)
        expect(answered).toEqual(texts)
      }),
    )
  })
})
