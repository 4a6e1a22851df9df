import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AgentOSError } from './errors.ts'
import type { Json } from './json.ts'
import { readFilters, toCondition } from './knowledge-filter.ts'

test('a plain object asks for all of its values', () => {
  expect(toCondition([{ team: 'legal', year: 2026 }])).toEqual({
    op: 'AND',
    conditions: [
      { op: 'EQ', key: 'team', value: 'legal' },
      { op: 'EQ', key: 'year', value: 2026 },
    ],
  })
})

test('expressions of Agno are read at any depth up to ten', () => {
  const nest = (depth: number): Json =>
    depth === 0 ? { op: 'EQ', key: 'a', value: 1 } : { op: 'NOT', condition: nest(depth - 1) }
  expect(readFilters(nest(10))).toHaveLength(1)
  expect(() => readFilters(nest(11))).toThrow('A filter may be nested 10 deep: {"op":"EQ"')
})

test.each<[Json, string]>([
  ['legal', 'A filter must be an object or a list of objects: "legal"'],
  [[1], 'A filter must be an object or a list of objects: 1'],
  [{ op: 'LIKE', key: 'a', value: 'b' }, 'A filter has an operator that is not known: {"op":"LIKE"'],
  [{ op: 'EQ', key: 'a' }, 'A filter of "EQ" needs "value": a value'],
  [{ op: 'EQ', value: 1 }, 'A filter of "EQ" needs "key": the name of a field'],
  [{ op: 'GT', key: 'a', value: null }, 'A filter of "GT" needs "value": a number or text'],
  [{ op: 'IN', key: 'a', values: 'b' }, 'A filter of "IN" needs "values": a list of values'],
  [{ op: 'CONTAINS', key: 'a', value: 1 }, 'A filter of "CONTAINS" needs "value": text'],
  [{ op: 'AND', conditions: {} }, 'A filter of "AND" needs "conditions": a list of filters'],
  [{ op: 'NOT', condition: [] }, 'A filter of "NOT" needs "condition": a filter'],
  [{ '': 1 }, 'A filter needs keys of 1 to 256 characters'],
  [{ op: 'OR', conditions: Array.from({ length: 201 }, () => ({ a: 1 })) }, 'A filter may have 200 conditions'],
])('%j is refused, and the part that is wrong is named', (filter, message) => {
  expect(() => readFilters(filter)).toThrow(message)
})

test('whatever is sent is read or refused with a sentence', () => {
  const op = fc.constantFrom('EQ', 'IN', 'AND', 'OR', 'NOT', 'GT', 'CONTAINS', 'X', 1)
  const filter = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom('key', 'value', 'values', 'conditions'), fc.jsonValue()),
  )
  fc.assert(
    fc.property(filter, op, (given, operator) => {
      const sent =
        typeof given === 'object' && given !== null && !Array.isArray(given) ? { ...given, op: operator } : given
      try {
        expect(readFilters(sent as Json).every((one) => typeof one === 'object')).toBe(true)
      } catch (error) {
        if (!(error instanceof AgentOSError)) throw error
      }
    }),
  )
})
