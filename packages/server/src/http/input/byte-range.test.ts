import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isKnown, readRange } from './byte-range.ts'

test.each([
  ['bytes=0-0', { first: 0, last: 0 }],
  ['bytes=2-5', { first: 2, last: 5 }],
  ['BYTES=2-5', { first: 2, last: 5 }],
  ['bytes=2-', { first: 2, last: 9 }],
  ['bytes=2-100', { first: 2, last: 9 }],
  ['bytes=-3', { first: 7, last: 9 }],
  ['bytes=-100', { first: 0, last: 9 }],
  ['bytes=10-', 'none'],
  ['bytes=10-12', 'none'],
  ['bytes=-0', 'none'],
  ['bytes=5-2', undefined],
  ['bytes=0-1,4-5', undefined],
  ['bytes=-', undefined],
  ['bytes=a-b', undefined],
  ['lines=0-1', undefined],
  ['', undefined],
  [undefined, undefined],
])('of ten bytes, %s is %j', (header, range) => {
  expect(readRange(header, 10)).toEqual(range)
})

test('there is no part of nothing', () => {
  for (const header of ['bytes=0-', 'bytes=0-0', 'bytes=-1']) expect(readRange(header, 0)).toBe('none')
})

test('whatever is asked for, a range lies within the bytes', () => {
  const part = fc.oneof(fc.nat(50).map(String), fc.constant(''))
  fc.assert(
    fc.property(part, part, fc.nat(40), (from, to, bytes) => {
      const range = readRange(`bytes=${from}-${to}`, bytes)
      if (range === undefined || range === 'none') return
      expect(range.first).toBeGreaterThanOrEqual(0)
      expect(range.last).toBeGreaterThanOrEqual(range.first)
      expect(range.last).toBeLessThan(bytes)
    }),
  )
})

test('a copy is known by its tag, strong or weak, in a list, or by any', () => {
  for (const header of ['"a"', 'W/"a"', '"b", "a"', '*'])
    expect([header, isKnown(header, '"a"')]).toEqual([header, true])
  for (const header of ['"b"', 'a', '', undefined]) expect([header, isKnown(header, '"a"')]).toEqual([header, false])
})
