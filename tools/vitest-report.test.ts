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
  expect(countTests(report)).toEqual({ passed: 2, failed: 2, skipped: ['b', 'c'], reasons: ['d', 'f'] })
})

test('counts a file that fails outside its tests as one failure', () => {
  const report = { testResults: [file('failed'), file('failed', ['a', 'passed'])] }
  expect(countTests(report)).toMatchObject({ passed: 1, failed: 2, skipped: [] })
})

test('tells the first line of each reason, of tests and of files', () => {
  const report = {
    testResults: [
      {
        ...file('failed'),
        assertionResults: [
          {
            fullName: 'adds',
            status: 'failed',
            failureMessages: ['\u001B[31mError: 1 is not 2\u001B[39m\n    at a.ts:1'],
          },
        ],
      },
      { ...file('failed'), message: 'Cannot find b.ts' },
    ],
  }
  expect(countTests(report).reasons).toEqual(['adds: Error: 1 is not 2', '/a.test.ts: Cannot find b.ts'])
})
