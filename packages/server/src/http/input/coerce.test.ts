import { z } from 'zod'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { coerce, takesList } from './coerce.ts'

const schema = z.object({
  text: z.string(),
  flag: z.boolean().default(true),
  count: z.int().optional(),
  object: z.record(z.string(), z.unknown()).nullish(),
  list: z.array(z.unknown()).optional(),
  choice: z.enum(['a', 'null']).optional(),
})
const values = (given: Record<string, unknown>) => coerce(schema, given, 'body').values
const problem = (given: Record<string, unknown>) => coerce(schema, given, 'body').problems[0]

test('reads flags, whole numbers and JSON', () => {
  expect(values({ text: 'true', flag: 'off', count: ' 12 ', object: '{"a":1}', list: '[1]', choice: 'a' })).toEqual({
    text: 'true',
    flag: false,
    count: 12,
    object: { a: 1 },
    list: [1],
    choice: 'a',
  })
})

test.each(['true', 'True', '1', 'on', 'YES', 't', 'y'])('takes %s as true', (word) => {
  expect(values({ flag: word })).toEqual({ flag: true })
})

test('takes empty texts and null as absent, and the words for nothing except in texts', () => {
  expect(values({ text: '', flag: '', count: null, object: 'null', list: 'None' })).toEqual({})
  expect(values({ text: 'null', choice: 'null' })).toEqual({ text: 'null', choice: 'null' })
})

test('leaves typed values to the schema, and unknown names out', () => {
  expect(values({ text: 3, flag: false, object: [], other: 'x', toString: 'x' })).toEqual({
    text: 3,
    flag: false,
    object: [],
  })
})

test('names the field whose text does not fit', () => {
  expect(problem({ flag: 'maybe' })).toMatchObject({ type: 'bool_parsing', loc: ['body', 'flag'], input: 'maybe' })
  expect(problem({ count: '1.5' })).toMatchObject({ type: 'int_parsing', loc: ['body', 'count'], input: '1.5' })
  expect(problem({ count: '0x10' })).toMatchObject({ type: 'int_parsing' })
  expect(problem({ object: '{bad' })).toMatchObject({ type: 'json_invalid', loc: ['body', 'object'], input: '{bad' })
  expect(problem({ object: `{${'x'.repeat(9999)}` })?.input).toHaveLength(203)
})

test('leaves what takes texts among other things as it is, and empty texts of headers', () => {
  const mixed = z.object({ tools: z.union([z.string(), z.array(z.string())]).optional(), key: z.string().optional() })
  expect(coerce(mixed, { tools: '[1' }, 'body')).toEqual({ values: { tools: '[1' }, problems: [] })
  expect(coerce(mixed, { key: '' }, 'header').values).toEqual({ key: '' })
  expect(coerce(schema, { count: '' }, 'header').values).toEqual({})
})

test('knows which fields are lists', () => {
  expect(['list', 'text', 'other', 'toString'].map((name) => takesList(schema, name))).toEqual([
    true,
    false,
    false,
    false,
  ])
})

test('gives JSON of any kind back as it was written', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      expect(values({ object: JSON.stringify(object) })['object']).toEqual(JSON.parse(JSON.stringify(object)))
    }),
  )
})
