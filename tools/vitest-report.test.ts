import { expect, test } from 'vitest'
import { countTests } from './vitest-report.ts'

const file = (status: string, ...tests: [fullName: string, status: string][]) => ({
  name: '/a.test.ts',
  status,
  assertionResults: tests.map(([fullName, testStatus]) => ({ fullName, status: testStatus })),
})

test('counts what passed and failed over all files, and names what did not run', () => {
  const report = {
    testResults: [
      file('passed', ['a', 'passed'], ['b', 'skipped'], ['c', 'todo']),
      file('failed', ['d', 'failed'], ['e', 'passed'], ['f', 'failed']),
    ],
  }
  expect(countTests(report)).toEqual({ passed: 2, failed: 2, skipped: ['b', 'c'] })
})

test('counts a file that fails outside its tests as one failure', () => {
  const report = { testResults: [file('failed'), file('failed', ['a', 'passed'])] }
  expect(countTests(report)).toEqual({ passed: 1, failed: 2, skipped: [] })
})
