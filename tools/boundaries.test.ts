import { mkdir, mkdtempDisposable, realpath, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { forbidden } from '../.dependency-cruiser.js'
import { checkBoundaries } from './boundaries.ts'

const PACKAGES = [
  'zod',
  'kysely',
  'pg',
  '@electric-sql/pglite',
  'fastify',
  '@fastify/cors',
  '@opentelemetry/api',
  '@opentelemetry/sdk-trace',
]

/** A small repository in which everything is allowed. */
const SOUND: Readonly<Record<string, string>> = {
  ...Object.fromEntries(PACKAGES.map((name) => [`node_modules/${name}/index.js`, 'export default 1\n'])),
  ...Object.fromEntries(
    PACKAGES.map((name) => [
      `node_modules/${name}/package.json`,
      JSON.stringify({ name, type: 'module', main: 'index.js' }),
    ]),
  ),
  'tools/a.ts': `import '../packages/server/bin/run-node.js'`,
  'packages/server/bin/run-node.js': 'export const a = 1',
  'packages/sdk/src/index.ts': `export { b } from './b.ts'`,
  'packages/sdk/src/b.ts': 'export const b = 1',
  'packages/wire/src/client.ts': `import 'zod'`,
  'packages/wire/src/index.ts': `import './client.ts'`,
  'packages/server/src/base/clock.ts': 'export const clock = 1',
  'packages/server/src/config/load.ts': `import '../base/clock.ts'`,
  'packages/server/src/telemetry/tracing.ts': `import '@opentelemetry/sdk-trace'`,
  'packages/server/src/storage/db.ts': `import 'kysely'; import 'pg'; import '@electric-sql/pglite'; import '../telemetry/tracing.ts'`,
  'packages/server/src/runs/claim.ts': `import '../storage/db.ts'; import '@opentelemetry/api'`,
  'packages/server/src/runs/claim.test.ts': `import '../http/app.ts'`,
  'packages/server/src/models/registry.ts': `import type { b } from '../../../sdk/src/index.ts'; export type B = typeof b`,
  'packages/server/src/runtime/loop.ts': `import '../models/registry.ts'; import '../../../sdk/src/index.ts'`,
  'packages/server/src/http/app.ts': `import 'fastify'; import '@fastify/cors'; import '../runs/claim.ts'; import '../../../wire/src/index.ts'`,
  'packages/server/src/main.ts': `import './config/load.ts'; import './http/app.ts'`,
  'packages/server/src/cli/main.ts': `import '../main.ts'`,
  'examples/agents/a.ts': `import '../../packages/sdk/src/index.ts'`,
  'e2e/a.test.ts': `import '../packages/wire/src/client.ts'; import '../tools/a.ts'`,
  'bench/main.ts': `import '../packages/wire/src/client.ts'`,
}

/** One file for each rule, which breaks it. */
const PLANTED: readonly { rule: string; file: string; source: string }[] = [
  { rule: 'may-import-base', file: 'packages/server/src/base/x.ts', source: `import '../telemetry/tracing.ts'` },
  { rule: 'may-import-config', file: 'packages/server/src/config/x.ts', source: `import '../telemetry/tracing.ts'` },
  { rule: 'may-import-telemetry', file: 'packages/server/src/telemetry/x.ts', source: `import '../storage/db.ts'` },
  { rule: 'may-import-storage', file: 'packages/server/src/storage/x.ts', source: `import '../runs/claim.ts'` },
  { rule: 'may-import-models', file: 'packages/server/src/models/x.ts', source: `import '../runtime/loop.ts'` },
  { rule: 'may-import-loader', file: 'packages/server/src/loader/x.ts', source: `import '../runtime/loop.ts'` },
  { rule: 'may-import-runtime', file: 'packages/server/src/runtime/x.ts', source: `import '../storage/db.ts'` },
  { rule: 'may-import-runs', file: 'packages/server/src/runs/x.ts', source: `import '../http/app.ts'` },
  { rule: 'may-import-schedules', file: 'packages/server/src/schedules/x.ts', source: `import '../runs/claim.ts'` },
  {
    rule: 'may-import-knowledge',
    file: 'packages/server/src/knowledge/x.ts',
    source: `import '../models/registry.ts'`,
  },
  { rule: 'may-import-documents', file: 'packages/server/src/documents/x.ts', source: `import '../storage/db.ts'` },
  { rule: 'may-import-auth', file: 'packages/server/src/auth/x.ts', source: `import '../http/app.ts'` },
  { rule: 'may-import-http', file: 'packages/server/src/http/x.ts', source: `import '../runtime/loop.ts'` },
  { rule: 'may-import-testing', file: 'packages/server/src/testing/x.ts', source: `import '../storage/db.ts'` },
  {
    rule: 'may-import-storage',
    file: 'packages/server/src/storage/type.ts',
    source: `import type { A } from '../runs/claim.ts'; export type B = A`,
  },
  {
    rule: 'may-import-storage',
    file: 'packages/server/src/storage/lazy.ts',
    source: `export async function a() { await using b = await import('../runs/claim.ts'); return b }`,
  },
  { rule: 'types-only-models', file: 'packages/server/src/models/y.ts', source: `import '../../../sdk/src/index.ts'` },
  {
    rule: 'sql-drivers-only-in-storage',
    file: 'packages/server/src/runs/sql.ts',
    source: `import type { Kysely } from 'kysely'; export type A = Kysely`,
  },
  { rule: 'sql-drivers-only-in-storage', file: 'bench/sql.ts', source: `import 'pg'` },
  {
    rule: 'telemetry-sdk-only-in-telemetry',
    file: 'packages/server/src/runs/otel.ts',
    source: `import '@opentelemetry/sdk-trace'`,
  },
  { rule: 'fastify-only-in-http', file: 'packages/server/src/auth/web.ts', source: `import '@fastify/cors'` },
  { rule: 'known-folders', file: 'packages/server/src/extra/x.ts', source: `import '../base/clock.ts'` },
  {
    rule: 'config-is-read-at-the-root',
    file: 'packages/server/src/runs/conf.ts',
    source: `import '../config/load.ts'`,
  },
  { rule: 'roots-are-not-imported', file: 'packages/server/src/http/root.ts', source: `import '../main.ts'` },
  { rule: 'sdk-imports-nothing', file: 'packages/sdk/src/x.ts', source: `import 'zod'` },
  { rule: 'wire-imports-zod', file: 'packages/wire/src/x.ts', source: `import 'node:fs'` },
  { rule: 'outside-is-outside', file: 'e2e/x.ts', source: `import '../packages/server/src/main.ts'` },
  { rule: 'outside-is-outside', file: 'bench/x.ts', source: `import '../packages/wire/src/index.ts'` },
  { rule: 'outside-is-outside', file: 'examples/x.ts', source: `import '../packages/server/src/base/clock.ts'` },
  {
    rule: 'product-without-its-tools',
    file: 'packages/server/src/cli/x.ts',
    source: `import '../../../../tools/a.ts'`,
  },
  { rule: 'tools-from-outside', file: 'tools/x.ts', source: `import '../packages/server/src/main.ts'` },
  { rule: 'base-without-io', file: 'packages/server/src/base/io.ts', source: `import 'node:fs/promises'` },
  {
    rule: 'no-cycles',
    file: 'packages/sdk/src/c.ts',
    source: `import type { d } from './d.ts'; export type c = typeof d`,
  },
  { rule: 'no-cycles', file: 'packages/sdk/src/d.ts', source: `import './c.ts'; export const d = 1` },
  { rule: 'resolvable', file: 'packages/wire/src/gone.ts', source: `import './nowhere.ts'` },
]

async function writeTree(root: string, files: Readonly<Record<string, string>>) {
  for (const folder of ['packages', 'examples', 'e2e', 'bench', 'tools'])
    await mkdir(join(root, folder), { recursive: true })
  for (const [path, source] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), source)
  }
}

async function check(files: Readonly<Record<string, string>>) {
  await using folder = await mkdtempDisposable(join(await realpath(tmpdir()), 'boundaries-'))
  await writeTree(folder.path, files)
  return checkBoundaries(folder.path)
}

test('finds nothing in a repository that keeps the rules, and has read it', async () => {
  const { files, violations } = await check(SOUND)
  expect(violations).toEqual([])
  expect(files).toBe(
    Object.entries(SOUND).filter(([path, source]) => path.endsWith('.ts') && /import|from/.test(source)).length,
  )
})

test('finds every planted violation and says how to mend it', async () => {
  const planted = Object.fromEntries(PLANTED.map(({ file, source }) => [file, source]))
  const { violations } = await check({ ...SOUND, ...planted })
  // A cycle is reported once, at one of its files.
  const isFound = ({ rule, file }: (typeof PLANTED)[number]) =>
    violations.some((found) => found.rule === rule && (found.from === file || found.to.includes(file)))
  expect(PLANTED.filter((plant) => !isFound(plant))).toEqual([])
  for (const { fix } of violations) expect(fix).not.toBe('')
  const innocent = violations.filter(({ from }) => !(from in planted))
  expect(innocent).toEqual([])
})

test('plants a violation of every rule', () => {
  const planted = new Set(PLANTED.map(({ rule }) => rule))
  expect(forbidden.map(({ name }) => name).filter((name) => name && !planted.has(name))).toEqual([])
})

test('reports that it read nothing where there is nothing to read', async () => {
  expect(await check({})).toEqual({ files: 0, violations: [] })
})
