import { expect, test } from 'vitest'
import { applyPatch, mergeState, NO_PATCH } from './state-patch.ts'

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

test('what is given is laid over a state at any depth; lists and other values take the place of what was there', () => {
  const state = { user: { name: 'Ada', likes: { tea: 1, list: [1, 2] } }, count: 1, old: { a: 1 } }
  const given = { user: { likes: { tea: 2, list: [3] } }, old: 'gone', fresh: { b: 1 } }
  expect(mergeState(state, given)).toEqual({
    user: { name: 'Ada', likes: { tea: 2, list: [3] } },
    count: 1,
    old: 'gone',
    fresh: { b: 1 },
  })
  expect(state.user.likes.tea).toBe(1)
  const named = JSON.parse('{"__proto__": {"a": 1}}')
  expect(JSON.stringify(mergeState(named, JSON.parse('{"__proto__": {"b": 2}}')))).toBe('{"__proto__":{"a":1,"b":2}}')
})
