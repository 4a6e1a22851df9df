import { expect, test } from 'vitest'
import { expressionOf } from './words.ts'

test.each([
  ['What is 17% of 2,350?', '17 / 100 * 2350'],
  ['what is 5 percent of 80', '5 / 100 * 80'],
  ['How much is 3 times 4 plus 1?', '3 * 4 + 1'],
  ['1,234,567 divided by 3', '1234567 / 3'],
])('"%s" is the expression %s', (text, expression) => {
  expect(expressionOf(text)).toBe(expression)
})

test.each(['Call me on 555-123-4567', 'The release is on 2026-01-15', 'one, two'])('"%s" has no expression', (text) => {
  expect(expressionOf(text)).toBeUndefined()
})
