import { expect, test } from 'vitest'
import { STATIC_STAGES, UNIT } from './stages.ts'
import { summarize } from './summary.ts'

const format = STATIC_STAGES.find(({ name }) => name === 'format')
const result = (passed: number, failed: number, skipped: string[] = [], stage = UNIT) => ({
  stage,
  seconds: 1,
  passed,
  failed,
  skipped,
  reasons: [],
})

test('adds up all stages in the last line', () => {
  const { text, exitCode } = summarize([result(3, 0), result(4, 0)], [], false)
  expect(text).toBe('7 passed, 0 failed')
  expect(exitCode).toBe(0)
})

test('says of a failed stage how to mend it', () => {
  const { text, exitCode } = summarize([result(0, 1, [], format)], [], false)
  expect(text.split('\n')).toEqual(['failed: format. Run `npm run format`.', '0 passed, 1 failed'])
  expect(exitCode).toBe(1)
})

test('names the tests that failed, with their reasons, where the log ends', () => {
  const { text } = summarize([{ ...result(3, 1), reasons: ['adds: expected 1 to be 2'] }], [], false)
  expect(text.split('\n').slice(1)).toEqual(['  adds: expected 1 to be 2', '3 passed, 1 failed'])
})

test('a skip is told with its reason, and fails only a strict run', () => {
  const skips = [{ name: 'everything on a real PostgreSQL', reason: 'no python3' }]
  const relaxed = summarize([result(1, 0, ['kills a pod'])], skips, false)
  expect(relaxed.text.split('\n')).toEqual([
    'skipped: everything on a real PostgreSQL (no python3)',
    'skipped: unit: kills a pod (the test skips itself)',
    '1 passed, 0 failed',
  ])
  expect(relaxed.exitCode).toBe(0)

  const strict = summarize([result(1, 0, ['kills a pod'])], skips, true)
  expect(strict.text.split('\n').at(-1)).toBe('1 passed, 2 failed')
  expect(strict.exitCode).toBe(1)
})
