import { expect, test } from 'vitest'
import { applyPatch, NO_PATCH } from './state-patch.ts'

test('keys are set and removed, and the others stay', () => {
  expect(applyPatch({ a: 1, b: 2, c: 3 }, { set: { b: { deep: true }, d: 4 }, unset: ['c', 'gone'] })).toEqual({
    a: 1,
    b: { deep: true },
    d: 4,
  })
  expect(applyPatch({ a: 1 }, NO_PATCH)).toEqual({ a: 1 })
})

test('what is removed is gone, even when it was set', () => {
  expect(applyPatch({}, { set: { a: 1 }, unset: ['a'] })).toEqual({})
})

test('a key may have any name', () => {
  const named = JSON.parse('{"__proto__": 1, "constructor": 2}')
  expect(Object.keys(applyPatch(named, { set: {}, unset: ['constructor'] }))).toEqual(['__proto__'])
})
