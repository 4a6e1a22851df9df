/**
 * The last words of a run: what failed, what was skipped and why, and one line that a machine can read.
 * @module
 */
import type { StageResult } from './run-stage.ts'

/** A stage that did not run, and the reason. */
export interface Skip {
  readonly name: string
  readonly reason: string
}

/**
 * @param strict a skip is a failure: for the machines that are meant to run everything
 * @returns the text to print, whose last line is exactly `N passed, N failed`
 */
export function summarize(results: readonly StageResult[], skips: readonly Skip[], strict: boolean) {
  const skippedTests = results.flatMap(({ stage, skipped }) =>
    skipped.map((name) => ({ name: `${stage.name}: ${name}`, reason: 'the test skips itself' })),
  )
  const allSkips = [...skips, ...skippedTests]
  const passed = results.reduce((sum, result) => sum + result.passed, 0)
  const failed = results.reduce((sum, result) => sum + result.failed, 0) + (strict ? allSkips.length : 0)
  const lines = [
    ...results.filter((result) => result.failed > 0).flatMap(describeFailure),
    ...allSkips.map(({ name, reason }) => `${strict ? 'failed, because skipped' : 'skipped'}: ${name} (${reason})`),
    `${passed} passed, ${failed} failed`,
  ]
  return { text: lines.join('\n'), exitCode: failed === 0 ? 0 : 1 }
}

/** Again, because in a long log the end is what one reads first, and often all that is kept. */
function describeFailure({ stage, reasons }: StageResult): string[] {
  return [`failed: ${stage.name}. ${stage.fix}`, ...reasons.map((reason) => `  ${reason}`)]
}
