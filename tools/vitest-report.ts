/**
 * Counts the tests in what vitest's json reporter wrote.
 * @module
 */

/** The part of the report that is read. */
export interface VitestReport {
  readonly testResults: readonly {
    /** Path of the test file. */
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[]
  }[]
}

export interface Count {
  readonly passed: number
  readonly failed: number
  /** What did not run. */
  readonly skipped: readonly string[]
}

/**
 * A file that fails outside its tests, at its import or in a hook, counts as one failure: otherwise its tests would
 * vanish without one.
 */
export function countTests(report: VitestReport): Count {
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults)
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  )
  return {
    passed: tests.filter(({ status }) => status === 'passed').length,
    failed: tests.filter(({ status }) => status === 'failed').length + brokenFiles.length,
    skipped: tests.filter(({ status }) => status !== 'passed' && status !== 'failed').map(({ fullName }) => fullName),
  }
}
