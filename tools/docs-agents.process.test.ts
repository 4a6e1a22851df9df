import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { mkdir, mkdtempDisposable, realpath, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/**
 * The agents in the pages are files: a `ts` block begins with a comment that names one. Names differ from page to page,
 * so that all of them make one folder. A block that is no file says so after its fence (`ts fragment`).
 */
const ROOT = join(import.meta.dirname, '..')
const AGENTOS = join(ROOT, 'packages/server/bin/agentos.js')
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')

type Block = { readonly page: string; readonly name: string | undefined; readonly code: string }

const BLOCKS: readonly Block[] = ['*.md', 'docs/**/*.md']
  .flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
  .flatMap((page) =>
    [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = '']) => {
      const [, name] = /^\/\/ (?:[\w-]+\/)*([\w.-]+\.ts)$/.exec(code.split('\n', 1)[0] ?? '') ?? []
      return { page, name, code }
    }),
  )

/** The folder that the pages describe, within a directory of its own. */
async function writeFolder() {
  const scratch = await mkdtempDisposable(join(await realpath(tmpdir()), 'docs-'))
  const folder = join(scratch.path, 'agents')
  await mkdir(folder)
  await writeFile(join(folder, 'package.json'), '{"type":"module"}')
  for (const { name, code } of BLOCKS) if (name !== undefined) await writeFile(join(folder, name), code)
  return { directory: scratch.path, folder, [Symbol.asyncDispose]: () => scratch.remove() }
}

function run(script: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  return new Promise((done) => {
    execFile(process.execPath, [script, ...args], { cwd: tmpdir() }, (error, stdout, stderr) =>
      done({ code: error === null ? 0 : 1, output: `${stdout}${stderr}` }),
    )
  })
}

test('names the file of every TypeScript block, each once', () => {
  const names = BLOCKS.flatMap(({ name }) => name ?? [])
  expect(names).toContain('dice.test.ts')
  expect(
    BLOCKS.filter(({ name }) => name === undefined).map(({ page, code }) => `${page}: ${code.slice(0, 60)}`),
  ).toEqual([])
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
})

test('shows agents that type-check', { timeout: 60_000 }, async () => {
  await using agents = await writeFolder()
  await symlink(join(ROOT, 'node_modules'), join(agents.directory, 'node_modules'))
  const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'tsconfig.json'), 'utf8')) as {
    compilerOptions: object
  }
  await writeFile(join(agents.folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
  const { code, output } = await run(TSC, ['-p', agents.folder])
  expect(output).toBe('')
  expect(code).toBe(0)
})

test('shows agents that load, and tests that pass', { timeout: 60_000 }, async () => {
  await using agents = await writeFolder()
  const [check, tests] = await Promise.all([
    run(AGENTOS, ['check', agents.folder]),
    run(AGENTOS, ['test', agents.folder]),
  ])
  expect(check).toMatchObject({ code: 0 })
  expect(check.output).toContain('loaded   dice.ts  dice')
  expect(tests).toMatchObject({ code: 0 })
})
