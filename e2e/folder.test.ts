/**
 * Agents folders with something wrong in them: the last good revision serves on, and the answer to the reload names the
 * file and the reason.
 * @module
 */
import { type Client, createClient } from '@agentos/wire/client'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { agentSource, createFolder, type Files, type Folder } from './agents-folder.ts'
import { copyPreparedData, type DataDirectory } from './prepared-data.ts'
import { type ServerProcess, startServer } from './server-process.ts'

const LOAD_TIMEOUT_MS = 3_000

let folder: Folder
let data: DataDirectory
let server: ServerProcess
let client: Client
beforeAll(async () => {
  folder = await createFolder({ 'good.ts': agentSource('good') })
  data = await copyPreparedData()
  const env = { AGENTOS_WATCH: 'false', AGENTOS_LOAD_TIMEOUT_MS: String(LOAD_TIMEOUT_MS) }
  server = await startServer({ dir: folder.path, dataDir: data.path, env })
  client = createClient({ baseUrl: server.url })
})
afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
  await data?.[Symbol.asyncDispose]()
  await folder?.[Symbol.asyncDispose]()
})

const CASES: readonly (readonly [string, Files, string, RegExp])[] = [
  ['a syntax error', { 'bad.ts': 'export default {\n' }, 'bad.ts', /bad\.ts|expected/i],
  ['the id of another agent', { 'twin.ts': agentSource('good') }, 'twin.ts', /good.*good\.ts|good\.ts.*good/],
  ['a missing package', { 'bad.ts': `import 'no-such-package'\n` }, 'bad.ts', /no-such-package/],
  ['a missing file', { 'bad.ts': `import './gone.ts'\n` }, 'bad.ts', /gone/],
  ['a throw at its top level', { 'bad.ts': `throw new Error('no config')\n` }, 'bad.ts', /no config/],
  ['an exit at its top level', { 'bad.ts': `process.exit(3)\n` }, 'bad.ts', /exit/],
  ['an endless loop at its top level', { 'bad.ts': `for (;;);\n` }, 'bad.ts', /./],
  ['an import that never ends', { 'bad.ts': `await new Promise((r) => setTimeout(r, 300_000))\n` }, 'bad.ts', /./],
  ['an unknown model', { 'bad.ts': agentSource('bad', `model: 'nope:x'`) }, 'bad.ts', /nope/],
]

afterEach(removeBad)

test.each(CASES)('%s', async (_what, files, path, reason) => {
  const before = await client.reload()
  expect(before).toMatchObject({ state: 'ready', error: null })
  await folder.write(files)
  const startedAt = performance.now()
  const after = await client.reload()
  expect(performance.now() - startedAt).toBeLessThan(LOAD_TIMEOUT_MS + 5_000)
  expect(after).toMatchObject({ state: 'failed', revision: before.revision })
  const report = after.files.find((file) => file.path === path)
  expect(report).toMatchObject({ outcome: 'error', detail: expect.stringMatching(reason) })
  expect(await client.run('good', { message: 'Hello' })).toMatchObject({ status: 'COMPLETED' })
  expect(await client.ready()).toMatchObject({ ready: true, degraded: true, revision: before.revision })

  await removeBad()
  expect(await client.reload()).toMatchObject({ state: 'ready', error: null })
})

test('with the partial policy the good files serve beside a bad one', async () => {
  await using mixed = await createFolder({ 'good.ts': agentSource('good'), 'bad.ts': `throw new Error('no config')\n` })
  await using own = await copyPreparedData()
  await using partial = await startServer({
    dir: mixed.path,
    dataDir: own.path,
    env: { AGENTOS_LOAD_POLICY: 'partial' },
  })
  const there = createClient({ baseUrl: partial.url })
  expect(await there.run('good', { message: 'Hello' })).toMatchObject({ status: 'COMPLETED' })
  const { ready, degraded, files } = await there.ready()
  expect({ ready, degraded }).toEqual({ ready: true, degraded: true })
  expect(files.map(({ path, outcome }) => [path, outcome])).toEqual([
    ['bad.ts', 'error'],
    ['good.ts', 'loaded'],
  ])
})

async function removeBad(): Promise<void> {
  for (const name of ['bad.ts', 'twin.ts']) await folder.remove(name)
}
