import fc from 'fast-check'
import { expect, test } from 'vitest'
import { guessSeparator, readCsv } from './csv.ts'
import { cpuMs } from './testing/cpu-time.ts'

test('reads what was written, whatever is in the fields', () => {
  const field = fc.string({ unit: fc.constantFrom('a', 'ä', ' ', '"', ',', ';', '\n', '\r', '\t') })
  const table = fc.array(fc.array(field, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(
      table,
      fc.constantFrom(',', ';', '\t', '|'),
      fc.constantFrom('\n', '\r\n', '\r'),
      (rows, separator, end) => {
        const text = rows.map((row) => row.map((cell) => `"${cell.replaceAll('"', '""')}"`).join(separator)).join(end)
        expect([...readCsv(text, separator)]).toEqual(rows)
      },
    ),
  )
})

test.each([
  [
    'plain fields',
    'a,b\nc,d\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['an empty field at the end', 'a,', [['a', '']]],
  ['a blank line', 'a\n\nb', [['a'], [''], ['b']]],
  ['a quote within a field', 'a "b" c,d', [['a "b" c', 'd']]],
  ['text behind a closing quote', '"a"b,c', [['ab', 'c']]],
  ['a quote that is never closed', '"a,b\nc', [['a,b\nc']]],
  ['doubled quotes', '"a ""b""",c', [['a "b"', 'c']]],
])('reads %s', (_what, text, rows) => {
  expect([...readCsv(text, ',')]).toEqual(rows)
})

test.each([
  [',', 'name,price\nApple,1\n'],
  [';', 'name;price\nApple;1,5\nPear;2,5\n'],
  ['\t', 'name\tprice\nApple\t1,5\n'],
  ['|', 'name|price|note\nA|1|x, y\n'],
  [',', 'one column\nand no separator'],
])('finds the separator %j', (separator, text) => {
  expect(guessSeparator(text)).toBe(separator)
})

test('reads a million quotes in time', () => {
  const began = cpuMs()
  expect([...readCsv('"'.repeat(1_000_000), ',')]).toHaveLength(1)
  expect([...readCsv('"a",'.repeat(250_000), ',')]).toHaveLength(1)
  expect(cpuMs() - began).toBeLessThan(2000)
})
