import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ModelPart } from './model.ts'
import { createSequence, toFinishReason, toUsage, type StreamPart } from './sequence.ts'

function run(...parts: readonly StreamPart[]): ModelPart[] {
  const sequence = createSequence()
  return [...parts.flatMap((part) => sequence.accept(part)), ...sequence.end()]
}
const text = (id: string, delta: string): StreamPart => ({ type: 'text-delta', id, delta })
const tool = (toolCallId: string, input: unknown = '{}'): StreamPart => ({
  type: 'tool-call',
  toolCallId,
  toolName: 't',
  input,
})

/** Parts that stand inside another, or ends without their part. */
function overlaps(parts: readonly ModelPart[]): readonly string[] {
  const problems: string[] = []
  let open: ModelPart['type'] | undefined
  for (const part of parts) {
    const kind = part.type === 'part-end' ? part.part : part.type === 'tool-call' ? undefined : part.type
    const wanted: readonly (string | undefined)[] =
      part.type === 'part-end' ? [kind] : kind === undefined ? [undefined] : [kind, undefined]
    // An end on its own is right for a part that has marks and no text; here none has marks.
    if (!wanted.includes(open)) problems.push(`${part.type} while ${open ?? 'nothing'} is open`)
    open = part.type === 'part-end' ? undefined : kind
  }
  return open === undefined ? problems : [...problems, `${open} never ends`]
}

describe('sequence', () => {
  test('ends each part with the marks of its start, deltas and end together', () => {
    expect(
      run(
        { type: 'reasoning-start', id: '0', providerMetadata: { p: { a: 1 } } },
        { type: 'reasoning-delta', id: '0', delta: 'hm' },
        { type: 'reasoning-delta', id: '0', delta: '', providerMetadata: { p: { signature: 's' } } },
        { type: 'reasoning-end', id: '0', providerMetadata: { q: { b: 2 } } },
      ),
    ).toEqual([
      { type: 'reasoning', text: 'hm' },
      { type: 'part-end', part: 'reasoning', providerMetadata: { p: { a: 1, signature: 's' }, q: { b: 2 } } },
    ])
  })

  test('a source is told at once, whatever is open: it belongs to the whole answer', () => {
    expect(
      run(
        text('0', 'so'),
        { type: 'source', sourceType: 'url', id: 's', url: 'https://x.example', title: 'X' },
        {
          type: 'source',
          sourceType: 'document',
          id: 'd',
          title: 'Y',
          filename: 'y.pdf',
          providerMetadata: { anthropic: { citedText: 'it is so' } },
        },
        { type: 'source', sourceType: 'url', id: 'without a url' },
        text('0', ' it is'),
        { type: 'text-end', id: '0' },
      ),
    ).toEqual([
      { type: 'text', text: 'so' },
      { type: 'source', source: { type: 'url', url: 'https://x.example', title: 'X' } },
      { type: 'source', source: { type: 'document', title: 'Y', fileName: 'y.pdf', citedText: 'it is so' } },
      { type: 'text', text: ' it is' },
      { type: 'part-end', part: 'text', providerMetadata: undefined },
    ])
  })

  test('a part without text is told only when it has marks', () => {
    expect(run({ type: 'text-start', id: '0' }, { type: 'text-end', id: '0' })).toEqual([])
    expect(
      run(
        { type: 'reasoning-start', id: '0' },
        { type: 'reasoning-end', id: '0', providerMetadata: { p: { item: 'x' } } },
      ),
    ).toEqual([{ type: 'part-end', part: 'reasoning', providerMetadata: { p: { item: 'x' } } }])
  })

  test('a tool call inside an open text comes after it', () => {
    expect(run(text('0', 'a'), tool('c'), text('0', 'b'), { type: 'text-end', id: '0' })).toEqual([
      { type: 'text', text: 'a' },
      { type: 'text', text: 'b' },
      { type: 'part-end', part: 'text', providerMetadata: undefined },
      { type: 'tool-call', toolCallId: 'c', toolName: 't', input: {} },
    ])
  })

  test('a part that never ends is ended with the stream', () => {
    expect(run(text('0', 'a'), text('1', 'b'), tool('c')).map(({ type }) => type)).toEqual([
      'text',
      'part-end',
      'text',
      'part-end',
      'tool-call',
    ])
  })

  test('calls that the provider carries out itself and unknown parts are left out', () => {
    expect(
      run({ ...tool('c'), providerExecuted: true }, { type: 'source', id: '0' }, { type: 'raw' }, { type: 'ping' }),
    ).toEqual([])
  })

  test.each([
    ['{"a":1}', { a: 1 }],
    ['', {}],
    ['  ', {}],
    ['{"a":', '{"a":'],
    ['null', null],
    [{ a: 1 }, { a: 1 }],
    [undefined, {}],
  ])('input %j becomes %j', (input, parsed) => {
    expect(run(tool('c', input))).toEqual([{ type: 'tool-call', toolCallId: 'c', toolName: 't', input: parsed }])
  })

  test('parts never overlap, and nothing is lost, however the blocks interleave', () => {
    const id = fc.constantFrom('0', '1', '2')
    const kind = fc.constantFrom('text', 'reasoning')
    const part = fc.oneof(
      {
        weight: 4,
        arbitrary: fc
          .tuple(kind, id, fc.string())
          .map(([k, i, delta]): StreamPart => ({ type: `${k}-delta`, id: `${k}${i}`, delta })),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(kind, id).map(([k, i]): StreamPart => ({ type: `${k}-start`, id: `${k}${i}` })),
      },
      { weight: 2, arbitrary: fc.tuple(kind, id).map(([k, i]): StreamPart => ({ type: `${k}-end`, id: `${k}${i}` })) },
      { weight: 1, arbitrary: fc.nat().map((n) => tool(`call${n}`)) },
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
        const out = run(...parts)
        expect(overlaps(out)).toEqual([])
        const sizes = (list: readonly (StreamPart | ModelPart)[], type: string) =>
          list.reduce(
            (sum, one) =>
              sum +
              (one.type.startsWith(type)
                ? 'delta' in one
                  ? (one.delta ?? '').length
                  : 'text' in one
                    ? one.text.length
                    : 0
                : 0),
            0,
          )
        for (const type of ['text', 'reasoning']) expect(sizes(out, type)).toBe(sizes(parts, type))
        expect(out.filter(({ type }) => type === 'tool-call')).toHaveLength(
          parts.filter(({ type }) => type === 'tool-call').length,
        )
      }),
    )
  })
})

describe('finish', () => {
  test.each([
    [{ unified: 'stop', raw: 'end_turn' }, 'stop'],
    [{ unified: 'tool-calls', raw: undefined }, 'tool-calls'],
    [{ unified: 'error', raw: 'x' }, undefined],
    [{ unified: 'interrupted', raw: undefined }, undefined],
    [{ unified: 'anything', raw: undefined }, 'other'],
    ['length', 'length'],
    ['unknown', 'other'],
    ['error', undefined],
    [undefined, 'other'],
  ])('%j is %s', (finish, reason) => {
    expect(toFinishReason(finish).reason).toBe(reason)
  })

  test('reads the token counts of version 2', () => {
    expect(
      toUsage({ inputTokens: 5, outputTokens: 7, totalTokens: 15, reasoningTokens: 3, cachedInputTokens: 2 }),
    ).toEqual({
      inputTokens: 5,
      outputTokens: 7,
      totalTokens: 15,
      reasoningTokens: 3,
      cacheReadTokens: 2,
      cacheWriteTokens: 0,
    })
  })

  test('reads the token counts of versions 3 and 4', () => {
    const usage = { inputTokens: { total: 5, cacheRead: 2, cacheWrite: 1 }, outputTokens: { total: 7, reasoning: 3 } }
    expect(toUsage(usage)).toEqual({
      inputTokens: 5,
      outputTokens: 7,
      totalTokens: 12,
      reasoningTokens: 3,
      cacheReadTokens: 2,
      cacheWriteTokens: 1,
    })
  })

  test('counts are whole and never negative, whatever the provider sends', () => {
    fc.assert(
      fc.property(fc.anything(), (usage) => {
        for (const count of Object.values(toUsage(usage))) expect(Number.isSafeInteger(count) && count >= 0).toBe(true)
      }),
    )
  })
})

test('a file that the model made is its bytes, in whatever form they come; one that is only linked to is left out', () => {
  const file = (data: unknown): StreamPart => ({ type: 'file', mediaType: 'image/png', data })
  const made = { type: 'file', mimeType: 'image/png', bytes: Buffer.from('png') }
  for (const data of [
    { type: 'data', data: 'cG5n' },
    { type: 'data', data: Buffer.from('png') },
    'cG5n',
    Buffer.from('png'),
  ]) {
    expect(run(text('1', 'a'), { type: 'text-end', id: '1' }, file(data))).toEqual([
      { type: 'text', text: 'a' },
      { type: 'part-end', part: 'text', providerMetadata: undefined },
      made,
    ])
  }
  expect(run(file({ type: 'url', url: new URL('https://a.b') }), file(''), file(undefined))).toEqual([])
  expect(run(text('1', 'a'), file('cG5n'), text('1', 'b')).map(({ type }) => type)).toEqual([
    'text',
    'text',
    'part-end',
    'file',
  ])
})
