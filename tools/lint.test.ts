import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtempDisposable, realpath, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const SERVER = 'packages/server/src'

// Spelt so that this file itself does not break the rules.
const MARKER = ['TO', 'DO'].join('')
const FOCUS = ['on', 'ly'].join('')

/** One file for each rule of the house, which breaks it. */
const PLANTED: readonly { rule: string; file: string; source: string }[] = [
  { rule: 'no-floating-promises', file: `${SERVER}/runs/a.ts`, source: `export function a() { Promise.resolve(1) }` },
  {
    rule: 'no-misused-promises',
    file: `${SERVER}/runs/b.ts`,
    source: `export const b = (list: number[]) => list.forEach(async (n) => { await Promise.resolve(n) })`,
  },
  { rule: 'no-explicit-any', file: `${SERVER}/runs/c.ts`, source: `export const c = (d: any): unknown => d` },
  { rule: 'no-console', file: `${SERVER}/runs/d.ts`, source: `console.log('d')` },
  { rule: 'no-process-env', file: `${SERVER}/runs/e.ts`, source: `export const e = process.env['E']` },
  { rule: 'no-default-export', file: `${SERVER}/runs/f.ts`, source: `export default 1` },
  { rule: 'no-restricted-properties', file: `${SERVER}/runs/g.ts`, source: `export const g = () => Date.now()` },
  { rule: 'max-lines', file: `${SERVER}/runs/h.ts`, source: '\n'.repeat(401) },
  {
    rule: 'max-lines-per-function',
    file: `${SERVER}/runs/i.ts`,
    source: `export function i() {\n${'  i()\n'.repeat(81)}}`,
  },
  { rule: 'no-non-null-assertion', file: `${SERVER}/runs/j.ts`, source: `export const j = (k?: string) => k!` },
  { rule: 'ban-ts-comment', file: `${SERVER}/runs/k.ts`, source: `// @ts-ignore\nexport const k = 1` },
  { rule: 'no-warning-comments', file: `${SERVER}/runs/l.ts`, source: `// ${MARKER}: later\nexport const l = 1` },
  { rule: 'filename-case', file: `${SERVER}/runs/mM.ts`, source: `export const m = 1` },
  { rule: 'no-namespace', file: `${SERVER}/runs/n.ts`, source: `export namespace N { export const n = 1 }` },
  {
    rule: 'no-focused-tests',
    file: `${SERVER}/runs/o.test.ts`,
    source: `import { test } from 'vitest'\ntest.${FOCUS}('o', () => {})`,
  },
  {
    rule: 'no-restricted-vi-methods',
    file: `${SERVER}/runs/p.test.ts`,
    source: `import { vi } from 'vitest'\nvi.mock('./a.ts')`,
  },
  {
    rule: 'switch-exhaustiveness-check',
    file: `${SERVER}/runs/q.ts`,
    source: `export function q(r: 'a' | 'b') { switch (r) { case 'a': return 1 } return 2 }`,
  },
  {
    rule: 'consistent-type-imports',
    file: `${SERVER}/runs/r.ts`,
    source: `export type R = import('./q.ts').q`,
  },
]

/** What the rules leave to the places that need it. */
const ALLOWED: Readonly<Record<string, string>> = {
  [`${SERVER}/cli/main.ts`]: `console.log(process.env['A'])`,
  [`${SERVER}/config/load.ts`]: `export const load = () => process.env`,
  [`${SERVER}/base/clock.ts`]: `export const now = () => Date.now()`,
  [`${SERVER}/runs/a.test.ts`]: `console.log(process.env['A'], Date.now())`,
  'examples/agents/a.ts': `export default { a: process.env['A'] }`,
}

type Report = { diagnostics: { code: string; filename: string }[]; number_of_files: number }

/** @returns what oxlint says of these files, in a folder with this repository's settings */
async function lint(files: Readonly<Record<string, string>>): Promise<Report> {
  // The folders are named on the command line, or oxlint would follow the link into node_modules.
  await using folder = await mkdtempDisposable(join(await realpath(tmpdir()), 'lint-'))
  for (const name of ['.oxlintrc.json', 'tsconfig.json']) await copyFile(join(ROOT, name), join(folder.path, name))
  await symlink(join(ROOT, 'node_modules'), join(folder.path, 'node_modules'))
  for (const [path, source] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true })
    await writeFile(join(folder.path, path), source)
  }
  const args = [await realpath(join(ROOT, 'node_modules/.bin/oxlint')), '--format=json', 'packages', 'examples']
  const output = await new Promise<string>((resolve) => {
    // oxlint ends with 1 when it finds something; the report is the same.
    execFile(process.execPath, args, { cwd: folder.path }, (_error, stdout) => resolve(stdout))
  })
  return JSON.parse(output) as Report
}

test('finds every planted violation', async () => {
  const { diagnostics } = await lint(Object.fromEntries(PLANTED.map(({ file, source }) => [file, source])))
  const isFound = ({ rule, file }: (typeof PLANTED)[number]) =>
    diagnostics.some(({ code, filename }) => code.endsWith(`(${rule})`) && filename === file)
  expect(PLANTED.filter((plant) => !isFound(plant)).map(({ rule }) => rule)).toEqual([])
})

test('leaves the console, the environment and the clock to those who own them', async () => {
  const { diagnostics, number_of_files: files } = await lint(ALLOWED)
  expect(diagnostics).toEqual([])
  expect(files).toBe(Object.keys(ALLOWED).length)
})
