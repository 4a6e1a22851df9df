/**
 * Counts the tests in what vitest's json reporter wrote.
 * @module
 */
import { stripVTControlCharacters } from 'node:util'

/** Characters of a reason that are told again. */
const MAX_REASON = 300

/** The part of the report that is read. */
export interface VitestReport {
  readonly testResults: readonly {
    /** Path of the test file. */
    readonly name: string
    readonly status: string
    /** Of the file itself, when it fails outside its tests. */
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[] | null
    }[]
  }[]
}

export interface Count {
  readonly passed: number
  readonly failed: number
  /** What did not run. */
  readonly skipped: readonly string[]
  /** What failed, as `NAME: first line of the reason`. */
  readonly reasons: readonly string[]
}

/**
 * A file that fails outside its tests, at its import or in a hook, counts as one failure: otherwise its tests would
 * vanish without one.
 */
export function countTests(report: VitestReport): Count {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = tests.filter(({ status }) => status === 'failed')
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: failed.length + brokenFiles.length,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName),
    reasons: [
      ...failed.map(({ fullName, failureMessages }) => reasonLine(fullName, failureMessages?.[0])),
      ...brokenFiles.map(({ name, message }) => reasonLine(name, message)),
    ],
  }
}

function reasonLine(name: string, message = ''): string {
  const [line = ''] = stripVTControlCharacters(message).trim().split('\n')
  return line === '' ? name : `${name}: ${line.slice(0, MAX_REASON)}`
}
