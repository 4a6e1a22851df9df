import { expect, test } from 'vitest'
import { isOlder } from './extension.ts'

test.each([
  ['0.4.9', '0.5.0', true],
  ['0.5.0', '0.5.0', false],
  ['0.10.0', '0.5.0', false],
  ['1', '0.5.0', false],
  ['0.5', '0.5.0', true],
])('compares versions by their numbers: %s is older than %s: %s', (version, than, older) => {
  expect(isOlder(version, than)).toBe(older)
})
