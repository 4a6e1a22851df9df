import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { installChartTools } from './commands.ts'
import { CHART } from './helm.ts'

const run = promisify(execFile)

/** Characters in a row that a pattern has of a sentence, unless it has all of it. */
const COMMON = 20

test("the chart's own unit tests pass", async () => {
  const { helmUnittest } = await installChartTools()
  const { stdout } = await run(helmUnittest, [CHART])
  expect(stdout).toMatch(/Tests: +\d{2,} passed/)
})

test('every sentence with which the chart refuses values is provoked by a unit test', () => {
  const templates = readAll('templates/_*.tpl')
  const sentences = [...templates.matchAll(/append \$problems \(?(?:printf )?"((?:[^"\\]|\\.)*)"/g)].map(
    ([, sentence = '']) => sentence,
  )
  expect(sentences.length).toBeGreaterThan(50)
  const patterns = [...readAll('tests/*_test.yaml').matchAll(/errorPattern: '?(.*?)'?$/gm)].map(([, pattern = '']) =>
    pattern.replaceAll("''", "'").replace(/\\(.)/g, '$1'),
  )
  expect(sentences.filter((sentence) => !patterns.some((pattern) => isOf(sentence, pattern)))).toEqual([])
})

function isOf(sentence: string, pattern: string): boolean {
  const literals = sentence.split(/%[sdq]/)
  if (new RegExp(`^${literals.map((literal) => RegExp.escape(literal)).join('.+')}$`).test(pattern)) return true
  for (let start = 0; start + COMMON <= pattern.length; start++) {
    const piece = pattern.slice(start, start + COMMON)
    if (literals.some((literal) => literal.includes(piece))) return true
  }
  return false
}

function readAll(pattern: string): string {
  return globSync(join(CHART, pattern))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
}
