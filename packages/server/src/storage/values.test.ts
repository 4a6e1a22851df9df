import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { columnParser, jsonText, jsonTextOrNull, parameterText, textArray } from './values.ts'

describe('jsonText', () => {
  test('keeps every JSON value that jsonb can hold', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!/\\u0000|\\ud[89a-f]/i.test(text))
        expect(jsonText(value)).toBe(text)
      }),
    )
  })

  test('never holds what jsonb refuses, in values or keys', () => {
    const part = fc.constantFrom('\0', '\ud800', '\udfff', '\ud83d\ude00', '\\', 'u0000', '"', 'a')
    const text = fc.array(part).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.array(fc.dictionary(text, text)), (value) => {
        const written: unknown = JSON.parse(jsonText(value))
        const strings = JSON.stringify(written, (_, item: unknown) => item)
        expect(strings.replaceAll('\\\\', '')).not.toMatch(/\\u0000|\\ud[89a-f]/)
      }),
    )
  })

  test('leaves a backslash before u0000 alone', () => {
    expect(JSON.parse(jsonText({ text: '\\u0000' }))).toEqual({ text: '\\u0000' })
  })

  test('null is the JSON null, or no value at all', () => {
    expect([jsonText(null), jsonText(undefined), jsonTextOrNull(null), jsonTextOrNull(undefined)]).toEqual([
      'null',
      'null',
      null,
      null,
    ])
  })
})

describe('parameters', () => {
  test('travel as text', () => {
    const values = ['a\0b', 12.5, true, 10n, new Date(0), Buffer.from([1, 255]), null, undefined]
    expect(values.map(parameterText)).toEqual([
      'a\ufffdb',
      '12.5',
      'true',
      '10',
      '1970-01-01T00:00:00.000Z',
      String.raw`\x01ff`,
      null,
      null,
    ])
  })

  test('an object or an array is a mistake of the caller', () => {
    expect(() => parameterText({})).toThrow(TypeError)
    expect(() => parameterText(['a'])).toThrow(TypeError)
  })
})

test('an array literal quotes what it must', () => {
  expect(textArray(['a', '', 'NULL', '"', '\\', ',{}'])).toBe(String.raw`{"a","","NULL","\"","\\",",{}"}`)
})

test('columns become the same values whatever the engine', () => {
  expect(columnParser(20)('9007199254740991')).toBe(9_007_199_254_740_991)
  expect(columnParser(1082)('2026-11-23')).toBe('2026-11-23')
  expect(columnParser(1700)('1.10')).toBe('1.10')
  expect(columnParser(3802)('{"a":[1]}')).toEqual({ a: [1] })
  expect(columnParser(16)('t')).toBe(true)
  expect(columnParser(1184)('2026-11-23 10:00:00.123+02')).toEqual(new Date('2026-11-23T08:00:00.123Z'))
})
