import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cutToolText, describeThrown, writeToolResult } from './tool-result.ts'

test.each([
  ['text as it is', 'four "degrees"', 'four "degrees"'],
  ['nothing as done', undefined, 'done'],
  ['null', null, 'null'],
  ['an object as JSON', { a: [1] }, '{"a":[1]}'],
  ['an empty object', {}, '{}'],
  ['a number', 4.5, '4.5'],
  ['a date as JSON writes it', new Date(0), '"1970-01-01T00:00:00.000Z"'],
])('writes %s', (_, value, text) => {
  expect(writeToolResult(value, 'look')).toEqual({ text, isError: false })
})

const circle: Record<string, unknown> = {}
circle['self'] = circle

test.each([
  ['a Map', new Map([[1, 2]]), 'Tool "look" returned a Map, which cannot be written as JSON'],
  ['a Response', new Response('x'), 'Tool "look" returned a Response, which cannot be written as JSON'],
  ['a function', () => {}, 'Tool "look" returned a function, which cannot be written as JSON'],
  ['a symbol', Symbol('x'), 'Tool "look" returned a symbol, which cannot be written as JSON'],
  ['a generator', (async function* () {})(), 'Tool "look" returned an async iterable, which cannot be written as JSON'],
  [
    'a bigint inside',
    { n: 1n },
    'Tool "look" returned an object, which cannot be written as JSON: Do not know how to serialize a BigInt',
  ],
  ['an error', new Error('no such city'), 'Tool "look" failed: no such city'],
])('makes %s an error that says what it was', (_, value, text) => {
  expect(writeToolResult(value, 'look')).toEqual({ text, isError: true })
})

test('makes a circular object an error', () => {
  expect(writeToolResult(circle, 'look')).toMatchObject({ isError: true, text: expect.stringContaining('circular') })
})

test.each([
  ['an error without a message', new RangeError(), 'RangeError'],
  ['text', 'broken', 'broken'],
  ['an object', { code: 7 }, '{"code":7}'],
  ['a circular object', circle, 'an object'],
  ['an object without a prototype', Object.create(null), '{}'],
  ['undefined', undefined, 'undefined'],
])('describes %s that was thrown', (_, thrown, message) => {
  expect(describeThrown(thrown, 'look')).toBe(`Tool "look" failed: ${message}`)
})

test('cuts a long result and says how long it was', () => {
  expect(cutToolText('x'.repeat(100), 10)).toBe(
    'xxxxxxxxxx\n[Cut: the result has 100 bytes, only the first 10 are shown.]',
  )
  expect(cutToolText('æ'.repeat(5), 9).startsWith('ææææ\n[Cut: the result has 10 bytes')).toBe(true)
  expect(cutToolText('æ'.repeat(5), 10)).toBe('æææææ')
})

test('replaces what a database cannot keep', () => {
  expect(cutToolText('a\0b\uD800c', 100)).toBe('a\uFFFDb\uFFFDc')
})

test('property: the kept part is a prefix within the limit, without broken characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), fc.integer({ min: 1, max: 400 }), (text, limit) => {
      const kept = cutToolText(text, limit).split('\n[Cut:')[0] ?? ''
      expect(Buffer.byteLength(kept)).toBeLessThanOrEqual(limit)
      expect(text.replaceAll('\0', '\uFFFD').startsWith(kept)).toBe(true)
      expect(kept.isWellFormed()).toBe(true)
    }),
  )
})
