import { expect, test } from 'vitest'
import { NO_USAGE } from '../base/usage.ts'
import type { ModelPart } from '../models/model.ts'
import { addPart, createDraft, finalPartsOf, partialPartsOf } from './draft.ts'

const marks = (id: string) => ({ fake: { id } })
const call = (toolCallId: string): ModelPart => ({ type: 'tool-call', toolCallId, toolName: 'look', input: {} })

function draftOf(...parts: readonly ModelPart[]) {
  const draft = createDraft()
  for (const part of parts) addPart(draft, part)
  return draft
}
const final = (...parts: readonly ModelPart[]) => finalPartsOf(draftOf(...parts), new Set(), () => 'new')

test('joins deltas until their part ends or another kind begins', () => {
  expect(
    final(
      { type: 'reasoning', text: 'a' },
      { type: 'reasoning', text: 'b' },
      { type: 'text', text: 'c' },
      { type: 'part-end', part: 'text', providerMetadata: undefined },
      { type: 'text', text: 'd' },
      call('1'),
      { type: 'text', text: 'e' },
    ),
  ).toEqual([
    { type: 'reasoning', text: 'ab' },
    { type: 'text', text: 'c' },
    { type: 'text', text: 'd' },
    call('1'),
    { type: 'text', text: 'e' },
  ])
})

test('keeps the marks of a provider with the part they belong to', () => {
  expect(
    final(
      { type: 'reasoning', text: 'a' },
      { type: 'text', text: 'b' },
      { type: 'part-end', part: 'reasoning', providerMetadata: marks('r') },
      { type: 'part-end', part: 'text', providerMetadata: marks('t') },
    ),
  ).toEqual([
    { type: 'reasoning', text: 'a', providerMetadata: marks('r') },
    { type: 'text', text: 'b', providerMetadata: marks('t') },
  ])
})

test('keeps the marks of a part without text, and drops parts that hold nothing', () => {
  expect(
    final(
      { type: 'part-end', part: 'reasoning', providerMetadata: marks('hidden') },
      { type: 'text', text: '' },
      { type: 'part-end', part: 'text', providerMetadata: undefined },
    ),
  ).toEqual([{ type: 'reasoning', text: '', providerMetadata: marks('hidden') }])
})

test('gives calls without an id, or with one that is taken, a new one', () => {
  let ids = 0
  const draft = draftOf(call('a'), call('a'), call(''), call('b'))
  const parts = finalPartsOf(draft, new Set(['b']), () => `new-${ids++}`)
  expect(parts.map((part) => (part.type === 'tool-call' ? part.toolCallId : ''))).toEqual([
    'a',
    'new-0',
    'new-1',
    'new-2',
  ])
})

test('leaves calls out of a reply that did not end', () => {
  expect(partialPartsOf(draftOf({ type: 'text', text: 'a' }, call('1'), { type: 'text', text: 'b' }))).toEqual([
    { type: 'text', text: 'a' },
    { type: 'text', text: 'b' },
  ])
})

test('takes usage and reason from the end', () => {
  const usage = { ...NO_USAGE, totalTokens: 3 }
  expect(draftOf({ type: 'finish', usage, reason: 'length' })).toMatchObject({ usage, reason: 'length' })
})
