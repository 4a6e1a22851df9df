import { cp, mkdir, symlink } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import type { FileReport } from '../base/runnable.ts'
import { agentSource, contentOf, type Files, makeFolder, openRegistry, startRun } from './test-folder.ts'
import type { RegistryOptions } from './registry.ts'

/** Loads a folder once and tells what came of it. */
async function load(files: Files, options: Partial<RegistryOptions> = {}) {
  await using folder = await makeFolder(files)
  await using registry = await openRegistry(folder.path, options)
  const status = await registry.reload()
  return { ...status, agents: registry.current()?.manifest.agents ?? [], lines: registry.agentLines }
}

const ids = ({ agents }: { agents: readonly { id: string }[] }) => agents.map(({ id }) => id).sort()
const report = ({ files }: { files: readonly FileReport[] }, path: string) => files.find((file) => file.path === path)
const detail = (loaded: { files: readonly FileReport[] }, path: string) => report(loaded, path)?.detail ?? ''

describe('folder contract', () => {
  test('takes modules at the top level, agent.ts in a directory, and agent.ts below agents/', async () => {
    const loaded = await load({
      'one.ts': agentSource(),
      'two.tsx': agentSource(),
      'three.mts': agentSource(),
      'four.js': agentSource(),
      'five.mjs': agentSource(),
      'six/agent.ts': agentSource(),
      'agents/seven/agent.mjs': agentSource(),
    })
    expect(ids(loaded)).toEqual(['five', 'four', 'one', 'seven', 'six', 'three', 'two'])
    expect(loaded.state).toBe('ready')
  })

  test('ignores tests, declarations, dot-names, installed packages and directories without agent.ts', async () => {
    const bomb = 'throw new Error("imported")'
    const loaded = await load({
      'good.ts': agentSource(),
      'good.test.ts': bomb,
      'good.spec.ts': bomb,
      'types.d.ts': bomb,
      '.hidden.ts': bomb,
      '.hidden/agent.ts': bomb,
      'node_modules/agent.ts': bomb,
      'lib/other.ts': bomb,
      'readme.md': '#',
    })
    expect(ids(loaded)).toEqual(['good'])
    expect(loaded.files.map(({ path }) => path)).toEqual(['good.ts'])
  })

  test('reads instructions.md and tools beside agent.ts, default or by name', async () => {
    const tool = (name: string) => `tool({ name: '${name}', input: { type: 'object' }, run: () => '${name} ran' })`
    const loaded = await load({
      'desk/agent.ts': agentSource(),
      'desk/instructions.md': 'Be brief.',
      'desk/tools/refund.ts': `import { tool } from '@agentos/sdk'\nexport default ${tool('refund')}`,
      'desk/tools/more.ts': `import { tool } from '@agentos/sdk'\nexport const a = ${tool('a')}\nexport const b = ${tool('b')}`,
      'desk/tools/constants.ts': 'export const limit = 3',
      'desk/tools/refund.test.ts': 'throw new Error("imported")',
    })
    expect(loaded.agents[0]).toMatchObject({ id: 'desk', instructions: 'Be brief.', file: 'desk/agent.ts' })
    expect(loaded.agents[0]?.tools.map(({ name }) => name).sort()).toEqual(['a', 'b', 'refund'])
    expect(report(loaded, 'desk/tools/refund.ts')?.outcome).toBe('loaded')
    expect(report(loaded, 'desk/tools/constants.ts')).toMatchObject({ outcome: 'skipped' })
  })

  test('skips a module without agents, and says so', async () => {
    const loaded = await load({ 'good.ts': agentSource(), 'helper.ts': 'export const x = 1' })
    expect(report(loaded, 'helper.ts')).toEqual({
      path: 'helper.ts',
      outcome: 'skipped',
      runnables: [],
      detail: 'exports no agent: export what agent() returns',
    })
    expect(report(loaded, 'good.ts')).toMatchObject({ outcome: 'loaded', runnables: ['good'] })
  })

  test('R11: reads no .env of the folder', async () => {
    const source = `import { agent, tool } from '@agentos/sdk'
      const env = tool({ name: 'env', input: { type: 'object' }, run: () => ({ ...process.env }) })
      export default agent({ id: 'spy', tools: [env] })`
    await using folder = await makeFolder({ 'spy.ts': source, '.env': 'SECRET=1', '.env.local': 'SECRET=2' })
    await using registry = await openRegistry(folder.path, { workerEnv: { GIVEN: 'yes' } })
    await registry.reload()
    expect(await contentOf(startRun(registry.current(), { tool: 'env' }))).toEqual({ GIVEN: 'yes' })
  })

  test('R11b: an agent that several modules export counts once, for the module that defines it', async () => {
    const loaded = await load({
      'all.ts': `export { default as first } from './first.ts'\nexport { default as second } from './second.ts'`,
      'index.ts': `export { default } from './first.ts'`,
      'first.ts': agentSource(),
      'second.ts': agentSource(),
    })
    expect(ids(loaded)).toEqual(['first', 'second'])
    expect(report(loaded, 'all.ts')).toMatchObject({ outcome: 'skipped', detail: 're-exports agents of other files' })
    expect(report(loaded, 'index.ts')?.outcome).toBe('skipped')
  })

  test('refuses duplicate ids and names both files', async () => {
    const loaded = await load({ 'a.ts': agentSource(`id: 'same'`), 'b.ts': agentSource(`id: 'same'`) })
    expect(loaded.state).toBe('failed')
    expect(detail(loaded, 'a.ts')).toBe('id "same" is used by a.ts and b.ts; ids are unique in the folder')
    expect(report(loaded, 'b.ts')?.outcome).toBe('error')
  })

  test('refuses a link that leaves the folder, and follows one that stays inside', async () => {
    await using outside = await makeFolder({ 'secret.ts': agentSource() })
    await using folder = await makeFolder({ 'good.ts': agentSource(), 'lib/shared.ts': 'export const name = "shared"' })
    await symlink('lib/shared.ts', folder.at('alias.ts'))
    await symlink(outside.at('secret.ts'), folder.at('escape.ts'))
    await using registry = await openRegistry(folder.path)
    const strict = await registry.reload()
    expect(strict.state).toBe('failed')
    expect(detail(strict, 'escape.ts')).toMatch(/^a link that leaves the folder \(to .*secret\.ts\) is refused/)
    await using partial = await openRegistry(folder.path, { policy: 'partial' })
    const status = await partial.reload()
    expect(status.state).toBe('ready')
    expect(report(status, 'alias.ts')?.outcome).toBe('skipped')
  })
})

describe('TypeScript', () => {
  test('R2e: enums, parameter properties, namespaces, decorators, untyped type imports and tsx work', async () => {
    const loaded = await load({
      'types.ts': 'export interface Kind { readonly a: string }',
      'full.ts': `
        import { agent } from '@agentos/sdk'
        import { Kind } from './types'
        enum Level { Low = 'low' }
        namespace Names { export const full = 'Full' }
        const seen: string[] = []
        function note(label: string) { return (...args: unknown[]) => { seen.push(label + args.length) } }
        @note('class') class Desk {
          constructor(private readonly title: string, public kind?: Kind) {}
          @note('method') hello(@note('param') who: string) { return this.title + who }
        }
        export default agent({ name: new Desk(Names.full).hello(Level.Low), description: seen.join(' ') })`,
      'view.tsx': `
        import { agent } from '@agentos/sdk'
        const element = <div>hello</div>
        export default agent({ description: String(element) })`,
      'node_modules/react/package.json': '{"name":"react","exports":{"./jsx-runtime":"./runtime.mjs"}}',
      'node_modules/react/runtime.mjs': 'export const jsx = (tag, { children }) => tag + " " + children',
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents.find(({ id }) => id === 'full')).toMatchObject({
      name: 'Fulllow',
      description: 'param3 method3 class1',
    })
    expect(loaded.agents.find(({ id }) => id === 'view')?.description).toBe('div hello')
  })

  test('finds ./x without extension, ./x.js that is x.ts, a directory with an index, and JSON', async () => {
    const loaded = await load({
      'a.ts': agentSource(
        `description: [one, two, three, four.name].join(' ')`,
        `import { one } from './lib/one'\nimport { two } from './lib/two.js'\nimport { three } from './lib'\nimport four from './four.json' with { type: 'json' }`,
      ),
      'lib/one.ts': 'export const one: string = "1"',
      'lib/two.ts': 'export const two: string = "2"',
      'lib/index.ts': 'export const three: string = "3"',
      'four.json': '{"name":"4"}',
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents[0]?.description).toBe('1 2 3 4')
  })

  test('CommonJS modules and require work', async () => {
    const loaded = await load({
      'old.js': `const { agent } = require('@agentos/sdk')\nmodule.exports.default = agent({ description: require('./lib/part').text })`,
      'lib/part.js': 'exports.text = "old style"',
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents[0]?.description).toBe('old style')
    expect(loaded.lines).toEqual([])
  })
})

describe('packages', () => {
  const packageFiles = (name: string, source: string, extra: Files = {}): Files => ({
    [`node_modules/${name}/package.json`]: JSON.stringify({
      name,
      version: '1.0.0',
      type: 'module',
      exports: './index.js',
    }),
    [`node_modules/${name}/index.js`]: source,
    ...extra,
  })

  test("host packages are the server's copies, also when the folder has its own", async () => {
    const loaded = await load({
      ...packageFiles('zod', 'throw new Error("the copy of the folder")'),
      'a.ts': agentSource(
        `description: [typeof z.object, typeof mini.object, typeof generateText, typeof trace.getTracer].join(' ')`,
        `import { z } from 'zod'\nimport * as mini from 'zod/mini'\nimport { generateText } from 'ai'\nimport { trace } from '@opentelemetry/api'`,
      ),
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents[0]?.description).toBe('function function function function')
  })

  test("other packages come from the folder's own node_modules, or from a directory above it", async () => {
    await using project = await makeFolder({
      ...packageFiles('above', `export const above = 'above'`),
      'agents/a.ts': agentSource(
        `description: above + own`,
        `import { above } from 'above'\nimport { own } from 'own'`,
      ),
      'agents/node_modules/own/package.json': '{"name":"own","main":"index.cjs"}',
      'agents/node_modules/own/index.cjs': 'exports.own = "own"',
    })
    await using registry = await openRegistry(project.at('agents'))
    expect((await registry.reload()).error).toBe(null)
    expect(registry.current()?.manifest.agents[0]?.description).toBe('aboveown')
  })

  test('a package keeps its own dependencies and gets missing peers from the host', async () => {
    const loaded = await load({
      ...packageFiles(
        'kit',
        `import { kind } from 'zod'\nimport { tool } from '@agentos/sdk'\nexport const text = kind + typeof tool`,
      ),
      'node_modules/kit/node_modules/zod/package.json': '{"name":"zod","type":"module","exports":"./index.js"}',
      'node_modules/kit/node_modules/zod/index.js': 'export const kind = "old zod "',
      ...packageFiles('peer', `import { generateText } from 'ai'\nexport const peer = typeof generateText`),
      'a.ts': agentSource(`description: text + ' ' + peer`, `import { text } from 'kit'\nimport { peer } from 'peer'`),
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents[0]?.description).toBe('old zod function function')
  })

  test('a workspace package is loaded from its sources, with full TypeScript', async () => {
    await using project = await makeFolder({
      'packages/kit/package.json': '{"name":"@acme/kit","type":"module","exports":"./src/index.ts"}',
      'packages/kit/src/index.ts': `import { Level } from './level'\nexport const level = Level.High`,
      'packages/kit/src/level.ts': `export enum Level { High = 'high' }`,
      'agents/a.ts': agentSource('description: level', `import { level } from '@acme/kit'`),
    })
    await mkdir(project.at('node_modules/@acme'), { recursive: true })
    await symlink('../../packages/kit', project.at('node_modules/@acme/kit'))
    await using registry = await openRegistry(project.at('agents'))
    expect((await registry.reload()).error).toBe(null)
    expect(registry.current()?.manifest.agents[0]?.description).toBe('high')
  })

  test('"imports" of package.json lead to the copy, not to the folder', async () => {
    const loaded = await load({
      'package.json': '{"type":"module","imports":{"#lib/*":"./lib/*.ts"}}',
      'lib/part.ts': 'export const url = import.meta.url\nexport enum E { a = 1 }',
      'a.ts': agentSource('description: url', `import { url } from '#lib/part'`),
    })
    expect(loaded.error).toBe(null)
    expect(loaded.agents[0]?.description).toMatch(/snapshots\/0\/tree\/lib\/part\.ts$/)
  })

  test('a missing package is named with the file that imports it and what to do', async () => {
    const loaded = await load({
      'lib/math.ts': `import _ from 'lodash'\nexport default _`,
      'a.ts': agentSource('', `import './lib/math'`),
    })
    expect(detail(loaded, 'a.ts')).toMatch(
      /^Package "lodash" is not installed; it is imported by lib\/math\.ts\. Run `npm install lodash` in \/.*agentos-loader-\w+\.$/,
    )
  })

  test('a missing file is named with the file that imports it', async () => {
    const loaded = await load({ 'a.ts': agentSource('', `import './lib/nope'`) })
    expect(detail(loaded, 'a.ts')).toBe(
      '"./lib/nope" does not exist; it is imported by a.ts. Check the path and its spelling.',
    )
  })

  test('a folder within a project may import its neighbours', async () => {
    await using project = await makeFolder({
      'src/agents/a.ts': agentSource('description: text', `import { text } from '../lib/text'`),
      'src/lib/text.ts': `import { Level } from './level'\nexport const text: string = Level.High`,
      'src/lib/level.ts': `export enum Level { High = 'high' }`,
    })
    await using registry = await openRegistry(project.at('src/agents'))
    expect((await registry.reload()).error).toBe(null)
    expect(registry.current()?.manifest.agents[0]?.description).toBe('high')
    await project.write({ 'src/lib/level.ts': `export enum Level { High = 'higher' }` })
    await registry.reload()
    expect(registry.current()?.manifest.agents[0]?.description).toBe('higher')
  })
})

describe('what is wrong is shown with its place', () => {
  test('a syntax error has a code frame and the path of the folder', async () => {
    const loaded = await load({ 'agents/desk/agent.ts': `const a = 1\nconst b = = 2\n` })
    expect(detail(loaded, 'agents/desk/agent.ts')).toMatchInlineSnapshot(`
      "Unexpected token in agents/desk/agent.ts
         ,-[agents/desk/agent.ts:2:11]
       1 | const a = 1
       2 | const b = = 2
         :           ^
         \`----"
    `)
  })

  test('a syntax error of a JavaScript file has one too', async () => {
    const loaded = await load({ 'a.mjs': `export default {\n  a: 1,\n]\n` })
    expect(detail(loaded, 'a.mjs')).toMatchInlineSnapshot(`
      "Unexpected token in a.mjs
         ,-[a.mjs:3:1]
       2 |   a: 1,
       3 | ]
         : ^
         \`----"
    `)
  })

  test('a top-level throw has file, line and source, through source maps', async () => {
    const loaded = await load({
      'a.ts': agentSource('', `import './lib/deep'`),
      'lib/deep.ts': `interface Long {\n  a: string\n}\nenum E { A }\n\nconst x: Long | undefined = undefined\nconsole.info(x!.a)\n`,
    })
    expect(detail(loaded, 'a.ts')).toMatchInlineSnapshot(`
      "TypeError: Cannot read properties of undefined (reading 'a')
      at lib/deep.ts:7:17
        5 |
        6 | const x: Long | undefined = undefined
      > 7 | console.info(x!.a)
          |                 ^
        8 |"
    `)
  })

  test('a missing export names the line that imports it', async () => {
    const loaded = await load({
      'a.ts': `type T = {\n a: 1 }\nimport { agent, nope } from '@agentos/sdk'\nexport default agent(nope)`,
    })
    expect(detail(loaded, 'a.ts')).toMatchInlineSnapshot(`
      "SyntaxError: The requested module '@agentos/sdk' does not provide an export named 'nope'
      at a.ts:3:17
        1 | type T = {
        2 |  a: 1 }
      > 3 | import { agent, nope } from '@agentos/sdk'
          |                 ^
        4 | export default agent(nope)"
    `)
  })

  test('an option that agent() refuses shows the line', async () => {
    const loaded = await load({
      'a.ts': `import { agent } from '@agentos/sdk'\n\nexport default agent({ nmae: 'x' } as any)\n`,
    })
    expect(detail(loaded, 'a.ts')).toMatchInlineSnapshot(`
      "TypeError: agent() has no option "nmae"; did you mean "name"?
      at a.ts:3:16
        1 | import { agent } from '@agentos/sdk'
        2 |
      > 3 | export default agent({ nmae: 'x' } as any)
          |                ^
        4 |"
    `)
  })

  test('what is thrown and is no Error, and causes, are told', async () => {
    const loaded = await load({
      'a.ts': `throw 'just text'`,
      'b.ts': `throw new Error('outer', { cause: new TypeError('inner') })`,
    })
    expect(detail(loaded, 'a.ts')).toBe('it threw "just text", which is not an Error')
    expect(detail(loaded, 'b.ts')).toMatch(/^outer\ncaused by TypeError: inner\nat b\.ts:1:7\n/)
  })

  test("an agent that cannot be prepared is its file's error", async () => {
    const loaded = await load({ 'a.ts': agentSource(`description: 'cannot be prepared'`) })
    expect(detail(loaded, 'a.ts')).toBe('TypeError: agent "a" cannot work')
  })

  test("a knowledge base that cannot be is its file's error", async () => {
    const source = `import { knowledge } from '@agentos/sdk'\nexport default knowledge({ id: 'docs', description: 'cannot be' })`
    const loaded = await load({ 'base.ts': source, 'a.ts': agentSource() })
    expect(loaded.state).toBe('failed')
    expect(detail(loaded, 'base.ts')).toBe('knowledge "docs": base "docs" cannot be')
  })

  test('a broken tool makes its agent an error, and names the file', async () => {
    const loaded = await load({ 'desk/agent.ts': agentSource(), 'desk/tools/t.ts': 'throw new Error("no")' })
    expect(detail(loaded, 'desk/agent.ts')).toBe('not loaded because of desk/tools/t.ts')
    expect(detail(loaded, 'desk/tools/t.ts')).toMatch(/^no\nat desk\/tools\/t\.ts:1:7/)
  })

  test('a rejection that nobody handles counts against the file that made it', async () => {
    const loaded = await load({
      'a.ts': agentSource('', `void Promise.reject(new Error('forgotten'))`),
      'b.ts': agentSource(),
    })
    expect(detail(loaded, 'a.ts')).toMatch(/^a promise was rejected and nobody handled it: forgotten\nat a\.ts:2:/)
    expect(report(loaded, 'b.ts')?.outcome).toBe('loaded')
  })
})

describe('a file that ends or stalls the worker', () => {
  test('process.exit is reported for the file', async () => {
    const loaded = await load({ 'a.ts': agentSource(), 'b.ts': 'process.exit(3)' })
    expect(loaded.state).toBe('failed')
    expect(detail(loaded, 'b.ts')).toBe('while it was imported: agent code called process.exit(3)')
  })

  test('an endless loop is ended after loadTimeoutMs and names the file', async () => {
    const loaded = await load({ 'loop.ts': 'for (;;);' }, { loadTimeoutMs: 700 })
    expect(loaded.error).toBe('loop.ts: while it was imported: it did not finish within 700 ms')
  })

  test('an import of five minutes is ended the same way', async () => {
    const loaded = await load(
      { 'slow.ts': 'await new Promise((done) => setTimeout(done, 300_000))' },
      { loadTimeoutMs: 700 },
    )
    expect(loaded.error).toBe('slow.ts: while it was imported: it did not finish within 700 ms')
  })

  test('partial: the others serve all the same', async () => {
    const loaded = await load(
      {
        'a-good.ts': agentSource(),
        'b-exit.ts': 'process.exit(1)',
        'c-loop.ts': 'for (;;);',
        'd-throw.ts': 'throw new Error("no")',
        'e-good.ts': agentSource(),
        'f-twice.ts': agentSource(`id: 'twice'`),
        'g-twice.ts': agentSource(`id: 'twice'`),
      },
      { policy: 'partial', loadTimeoutMs: 700 },
    )
    expect(loaded.state).toBe('ready')
    expect(ids(loaded)).toEqual(['a-good', 'e-good'])
    expect(loaded.files.filter(({ outcome }) => outcome === 'error').map(({ path }) => path)).toEqual([
      'b-exit.ts',
      'c-loop.ts',
      'd-throw.ts',
      'f-twice.ts',
      'g-twice.ts',
    ])
  })

  test('strict: one bad file rejects all', async () => {
    const loaded = await load({ 'a.ts': agentSource(), 'b.ts': 'throw new Error("no")' })
    expect(loaded).toMatchObject({ state: 'failed', loaded: null, agents: [] })
    expect(loaded.error).toMatch(/^b\.ts: no/)
  })
})

test('copies of the folder load the same, so a revision names content', async () => {
  await using a = await makeFolder({ 'a.ts': agentSource(), 'lib/x.ts': 'export {}' })
  await using b = await makeFolder()
  await cp(a.path, b.path, { recursive: true })
  await using first = await openRegistry(a.path)
  await using second = await openRegistry(b.path)
  const { loaded } = await first.reload()
  expect(loaded).toMatch(/^[0-9a-f]{12}$/)
  expect((await second.reload()).loaded).toBe(loaded)
})
