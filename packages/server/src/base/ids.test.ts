import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIds, uuidv7 } from './ids.ts'

test('a uuid has version 7, variant 10 and the time in front', () => {
  fc.assert(
    fc.property(
      fc.maxSafeNat().map((n) => n % 2 ** 48),
      fc.uint8Array({ minLength: 10, maxLength: 10 }),
      (ms, random) => {
        const id = uuidv7(ms, random)
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
        expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(ms)
      },
    ),
  )
})

test('ids of later milliseconds sort after earlier ones', () => {
  let now = 1_700_000_000_000
  const ids = createIds({ now: () => now++, monotonic: () => 0 })
  const made = Array.from({ length: 100 }, () => ids.uuid())
  expect(made.toSorted()).toEqual(made)
  expect(new Set(made).size).toBe(100)
})

test.each([-1, 2 ** 48, Number.NaN])('a time of %s is refused', (ms) => {
  expect(() => uuidv7(ms, new Uint8Array(10))).toThrow(RangeError)
})
