import { TraceFilterSchema } from '@agentos/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AgentOSError } from '../../base/errors.ts'
import { describeTraceFilter, parseTraceFilter } from './trace-filter.ts'

const eq = (key: string, value: unknown) => ({ op: 'EQ', key, value })
const nest = (levels: number): Record<string, unknown> =>
  levels === 0 ? eq('status', 'OK') : { op: 'NOT', condition: nest(levels - 1) }

test('reads every operator', () => {
  const filter = {
    op: 'AND',
    conditions: [
      { op: 'OR', conditions: [eq('status', 'OK'), { op: 'IN', key: 'user_id', values: ['ada', 7] }] },
      { op: 'NOT', condition: { op: 'CONTAINS', key: 'name', value: 'desk' } },
      { op: 'STARTSWITH', key: 'agent_id', value: 'refund' },
      { op: 'GTE', key: 'duration_ms', value: '1500' },
      { op: 'LT', key: 'start_time', value: '2026-11-23T15:30:00+05:30' },
    ],
  }
  expect(parseTraceFilter(filter)).toEqual({
    op: 'and',
    conditions: [
      {
        op: 'or',
        conditions: [
          { op: 'eq', field: 'status', value: 'OK' },
          { op: 'in', field: 'user_id', values: ['ada', '7'] },
        ],
      },
      { op: 'not', condition: { op: 'contains', field: 'name', value: 'desk' } },
      { op: 'starts-with', field: 'agent_id', value: 'refund' },
      { op: 'gte', field: 'duration_ms', value: 1500 },
      { op: 'lt', field: 'start_time', value: new Date('2026-11-23T10:00:00Z') },
    ],
  })
})

test('no filter is every trace', () => {
  for (const filter of [null, undefined, {}]) expect(parseTraceFilter(filter)).toEqual({ op: 'and', conditions: [] })
})

test('a field that traces do not have makes the whole filter match nothing', () => {
  for (const filter of [eq('color', { x: 1 }), { op: 'NOT', condition: eq('color', 1) }, eq('__proto__', 'x')]) {
    expect(parseTraceFilter(filter)).toEqual({ op: 'or', conditions: [] })
  }
})

test.each<[string, Record<string, unknown>]>([
  ['unknown filter operator "LIKE"', { op: 'LIKE', key: 'name', value: 'x' }],
  ['unknown filter operator "toString"', { op: 'toString', key: 'name', value: 'x' }],
  ['a filter needs an \'op\', got {"key":"name"}', { key: 'name' }],
  ["a filter needs an 'op', got 7", { op: 'NOT', condition: 7 }],
  ["EQ needs 'value'", { op: 'EQ', key: 'name', value: null }],
  ["EQ needs 'key'", { op: 'EQ', value: 1 }],
  ["NOT needs 'condition'", { op: 'NOT' }],
  ["'conditions' of AND is a list of at least one, got []", { op: 'AND', conditions: [] }],
  ["'values' of IN is a list of at most 1000", { op: 'IN', key: 'name', values: 'x' }],
  ['name takes a text, got ["x"]', eq('name', ['x'])],
  ['duration_ms takes a number, got "long"', eq('duration_ms', 'long')],
  ['start_time takes an ISO 8601 time, got 5', eq('start_time', 5)],
  ['CONTAINS does not apply to duration_ms', { op: 'CONTAINS', key: 'duration_ms', value: 1 }],
  ['it exceeds the maximum nesting depth of 10', nest(11)],
  ['it has more than 500 conditions', { op: 'OR', conditions: Array.from({ length: 500 }, () => eq('name', 'x')) }],
])('refuses: %s', (reason, filter) => {
  expect(() => parseTraceFilter(filter)).toThrow(`Invalid filter expression: ${reason}`)
})

test('takes ten levels', () => {
  expect(parseTraceFilter(nest(10))).toMatchObject({ op: 'not' })
})

test('whatever it is given, it reads it or says why it does not', () => {
  const word = fc.constantFrom('EQ', 'IN', 'AND', 'NOT', 'CONTAINS', 'name', 'status', 'duration_ms', 'start_time', 'x')
  const of = (below: fc.Arbitrary<unknown>) => {
    const part = fc.oneof(word, fc.constantFrom(null, 1, true, '', [], {}), below, fc.array(below, { maxLength: 3 }))
    return fc.record(
      { op: word, key: word, value: part, values: part, condition: part, conditions: part },
      { requiredKeys: ['op'] },
    )
  }
  const filter = of(of(of(word)))
  const read = (given: Record<string, unknown>): unknown => {
    try {
      return parseTraceFilter(given)
    } catch (error) {
      return error
    }
  }
  fc.assert(
    fc.property(filter, (given) => {
      const answer = read(given)
      const isReason = answer instanceof AgentOSError && answer.message.startsWith('Invalid filter expression: ')
      expect(isReason || Object.hasOwn(Object(answer), 'op')).toBe(true)
    }),
  )
})

test('describes every field with what it can be asked', () => {
  const schema = describeTraceFilter()
  expect(TraceFilterSchema.parse(schema)).toEqual(schema)
  expect(schema.logical_operators).toEqual(['AND', 'OR'])
  expect(schema.fields).toHaveLength(13)
  expect(schema.fields[0]).toEqual({
    key: 'status',
    label: 'Status',
    type: 'enum',
    operators: ['EQ', 'NEQ', 'IN'],
    values: ['OK', 'ERROR'],
  })
  for (const { key, type, operators } of schema.fields) {
    const value = { string: 'x', enum: 'OK', number: 1, datetime: '2026-11-23' }[type]
    for (const op of operators) {
      expect(parseTraceFilter({ op, key, value, values: [value] })).toMatchObject({ field: key })
    }
  }
})
