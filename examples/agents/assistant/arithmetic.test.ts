import assert from 'node:assert/strict'
import { test } from 'node:test'
import { evaluate } from './arithmetic.ts'

for (const [expression, value] of [
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['8 / 4 / 2', 1],
  ['10 - 2 - 3', 5],
  ['-2 ^ 2', -4],
  ['2 ^ 3 ^ 2', 512],
  ['2 * -3', -6],
  ['17% * 2,350', 399.5],
  ['0.1 + 0.2', 0.3],
  ['.5 × 4 ÷ 2', 1],
] as const) {
  await test(`${expression} = ${value}`, () => assert.equal(evaluate(expression), value))
}

for (const [expression, reason] of [
  ['', /Expected a number, got the end/],
  ['2 +', /Expected a number, got the end/],
  ['(1 + 2', /closing parenthesis is missing/],
  ['1 / 0', /no finite value/],
  ['process.exit()', /Expected a number, got "p"/],
  ['1 2', /Unexpected "2"/],
] as const) {
  await test(`"${expression}" is refused`, () => assert.throws(() => evaluate(expression), reason))
}
