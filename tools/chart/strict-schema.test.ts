import { expect, test } from 'vitest'
import { makeStrict } from './strict-schema.ts'

const STRING = { type: 'string' }

test('objects with named fields take no others, at every depth', () => {
  const schema = { properties: { a: { items: { properties: { b: STRING } } } } }
  expect(makeStrict(schema)).toEqual({
    properties: {
      a: { items: { properties: { b: STRING }, additionalProperties: false } },
    },
    additionalProperties: false,
  })
})

test('maps, objects that say so and combinations of conditions stay open', () => {
  const map = { properties: { a: STRING }, additionalProperties: STRING }
  expect(makeStrict(map)).toEqual(map)
  expect(makeStrict({ properties: {}, 'x-kubernetes-preserve-unknown-fields': true })).toEqual({ properties: {} })
  const condition = { oneOf: [{ properties: { a: { const: 1 } } }, { not: { properties: { b: STRING } } }] }
  expect(makeStrict(condition)).toEqual(condition)
})

test('an integer or a text is either, and what may be null may be', () => {
  expect(makeStrict({ 'x-kubernetes-int-or-string': true })).toEqual({ oneOf: [STRING, { type: 'integer' }] })
  expect(makeStrict({ type: 'object', nullable: true })).toEqual({ type: ['object', 'null'] })
})

test('fields named like keywords are fields', () => {
  const schema = { properties: { format: STRING, default: STRING, required: STRING }, required: ['format'] }
  expect(makeStrict(schema)).toEqual({ ...schema, additionalProperties: false })
})
