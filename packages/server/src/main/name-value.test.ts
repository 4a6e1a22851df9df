import { expect, test } from 'vitest'
import { readPairs } from './name-value.ts'

test('pairs are read as OpenTelemetry writes them', () => {
  expect(readPairs('a=1, b = two%20words ,authorization=Basic%20YQ==')).toEqual({
    a: '1',
    b: 'two words',
    authorization: 'Basic YQ==',
  })
})

test('what is no pair is left out, and what is badly encoded stays', () => {
  expect(readPairs(undefined)).toEqual({})
  expect(readPairs(' , =x, novalue, a=50%, b=%ff')).toEqual({ a: '50%', b: '%ff' })
})
