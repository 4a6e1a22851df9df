import fc from 'fast-check'
import { expect, test } from 'vitest'
import { splitJsonItems } from './json-items.ts'

test('takes any list apart into what it is made of', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), fc.constantFrom(undefined, 1), (list, indent) => {
      const items = [...splitJsonItems(JSON.stringify(list, undefined, indent))]
      expect(items.map((item): unknown => JSON.parse(item))).toEqual(JSON.parse(JSON.stringify(list)))
    }),
  )
})

test('gives anything that is no list as it is', () => {
  expect([...splitJsonItems('{"a": [1, 2]}')]).toEqual(['{"a": [1, 2]}'])
  expect([...splitJsonItems('"a"')]).toEqual(['"a"'])
})

test.each(['[1, 2', '[1] 2', '["a', '[{]'])('refuses %s', (text) => {
  expect(() => [...splitJsonItems(text)]).toThrow('The JSON document is damaged')
})

test('refuses an item with more values than can be held, before it is parsed', () => {
  expect(() => [...splitJsonItems(`{"a": [${'[],'.repeat(1_000_000)}1]}`)]).toThrow('more than 1000000 values')
})
