import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../base/json.ts'
import { applyPatch } from '../base/state-patch.ts'
import { copyState, diffState, findNonJson, toJsonObject } from './state.ts'

// JSON knows no -0, so what comes back from the database never holds one.
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as JsonObject)
const state = fc.dictionary(fc.string({ maxLength: 4 }), json, { maxKeys: 6, noNullPrototype: true })

test('property: a patch turns the old state into the new one and touches nothing else', () => {
  fc.assert(
    fc.property(state, state, (before, after) => {
      const { patch, problems } = diffState(before, after)
      expect(problems).toEqual([])
      expect(applyPatch(before, patch)).toEqual(after)
      for (const key of Object.keys(patch.set)) expect(before[key]).not.toEqual(after[key])
    }),
  )
})

test('property: an untouched copy makes an empty patch', () => {
  fc.assert(
    fc.property(state, (before) => {
      expect(diffState(before, copyState(before)).patch).toEqual({ set: {}, unset: [] })
    }),
  )
})

test('a change deep inside a value stores its top-level key', () => {
  const before = { a: { list: [{ n: 1 }] }, b: 1 }
  const after = copyState(before) as typeof before
  after.a.list[0]!.n = 2
  expect(diffState(before, after).patch).toEqual({ set: { a: { list: [{ n: 2 }] } }, unset: [] })
  expect(before.a.list[0]!.n).toBe(1)
})

test('a key that was deleted or set to undefined is removed', () => {
  const before = { a: 1, b: 2, c: 3 }
  expect(diffState(before, { b: undefined, c: 3 }).patch).toEqual({ set: {}, unset: ['a', 'b'] })
})

test('the patch keeps nothing that agent code still holds', () => {
  const held = [1]
  const { patch } = diffState({}, { held })
  held.push(2)
  expect(patch.set).toEqual({ held: [1] })
})

test('a key named __proto__ is data like any other', () => {
  const before = JSON.parse('{"__proto__": {"x": 1}}') as JsonObject
  const after = copyState(before)
  expect(diffState(before, after).patch).toEqual({ set: {}, unset: [] })
  expect(JSON.stringify(applyPatch(before, { set: { a: 1 }, unset: [] }))).toBe('{"__proto__":{"x":1},"a":1}')
  expect(Object.getPrototypeOf({})).not.toHaveProperty('x')
})

class Cart {
  items = 1
}
const loop: Record<string, unknown> = {}
loop['self'] = { loop }

test.each([
  ['a Map', { x: new Map() }, 'it.x is a Map, which JSON cannot carry'],
  ['a Date', new Date(0), 'it is a Date, which JSON cannot carry'],
  ['a class instance', [new Cart()], 'it[0] is a Cart, which JSON cannot carry'],
  ['a function', { a: { b: () => {} } }, 'it.a.b is a function, which JSON cannot carry'],
  ['a symbol', Symbol('x'), 'it is a symbol, which JSON cannot carry'],
  ['a bigint', 1n, 'it is a bigint, which JSON cannot carry'],
  ['NaN', NaN, 'it is NaN, which JSON cannot carry'],
  ['a circle', loop, 'it.self.loop refers to itself, which JSON cannot carry'],
])('finds %s', (_, value, problem) => {
  expect(findNonJson(value, 'it')).toBe(problem)
})

test('takes what is only used twice, and what JSON drops', () => {
  const twice = { a: 1 }
  expect(findNonJson({ one: twice, two: twice, none: undefined }, 'it')).toBeUndefined()
})

test('refuses an option that is no JSON, naming the value', () => {
  expect(() => toJsonObject({ at: new Date(0) }, 'metadata')).toThrow('metadata.at is a Date')
})
