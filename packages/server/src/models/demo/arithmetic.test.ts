import fc from 'fast-check'
import { expect, test } from 'vitest'
import { evaluate } from './arithmetic.ts'

test.each([
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['2 ^ 3 ^ 2', 512],
  ['-2 ^ 2', -4],
  ['10 / 4', 2.5],
  ['7 % 4', 3],
  ['0.1 + 0.2', 0.3],
  ['--3', 3],
])('%s = %s', (expression, value) => {
  expect(evaluate(expression)).toBe(value)
})

test.each(['', '1 +', '(1', '1)', 'two', '1 / 0', '1 2', '()'])('"%s" has no value', (expression) => {
  expect(evaluate(expression)).toBeUndefined()
})

test('agrees with the language on sums and products', () => {
  const small = fc.integer({ min: 0, max: 1000 })
  fc.assert(
    fc.property(small, small, small, (a, b, c) => {
      expect(evaluate(`${a} + ${b} * ${c} - ${a}`)).toBe(b * c)
    }),
  )
})
