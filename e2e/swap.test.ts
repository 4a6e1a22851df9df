/**
 * Pushes of a repository under load: git-sync moves the link, clients run agents meanwhile.
 * @module
 */
import { createHash } from 'node:crypto'
import { type Client, createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { createRepository } from './agents-folder.ts'
import { until } from './condition.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { startServer } from './server-process.ts'
import { postRun } from './stream.ts'
import { ACT, startLoad, workerSource } from './swap-load.ts'

const SWAPS = 50
const FAST = { AGENTOS_RELOAD_DEBOUNCE_MS: '0', AGENTOS_RELOAD_POLL_MS: '100' }

test(`${SWAPS} swaps under load lose no request`, { timeout: 180_000 }, async () => {
  await using provider = await startProvider()
  await using repository = await createRepository()
  await using data = await copyPreparedData()
  const words = new Map<string, string>()
  const publish = async (number: number) => {
    const revision = sha(number)
    words.set(revision, revision)
    await repository.publish(revision, { 'worker.ts': workerSource(revision) })
    return revision
  }
  await publish(0)
  const env = { ...provider.env, ...FAST }
  await using server = await startServer({ dir: repository.path, dataDir: data.path, env })
  const client = createClient({ baseUrl: server.url })

  const load = startLoad(server.url, words)
  let last = sha(0)
  for (let number = 1; number <= SWAPS; number++) {
    last = await publish(number)
    await waitForRevision(client, last)
  }
  await load.stop()

  expect(load.failures).toEqual([])
  expect(load.served.size).toBeGreaterThan(SWAPS / 2)
  const after = await postRun(server.url, 'worker', { message: ACT, stream: 'false' })
  expect(after.headers.get('x-agentos-revision')).toBe(last)
  expect(await after.json()).toMatchObject({ status: 'COMPLETED', tools: [{ result: last }] })
})

test('a broken push leaves the last good revision serving, says why, and the next good one recovers', async () => {
  await using provider = await startProvider()
  await using repository = await createRepository()
  await using data = await copyPreparedData()
  const good = { 'worker.ts': workerSource('good') }
  await repository.publish(sha(1), good)
  const env = { ...provider.env, ...FAST }
  await using server = await startServer({ dir: repository.path, dataDir: data.path, env })
  const client = createClient({ baseUrl: server.url })
  await waitForRevision(client, sha(1))

  await repository.publish(sha(2), { ...good, 'broken.ts': 'export default agent({ id: 1 + })\n' })
  const broken = await until('the broken push to be noticed', async () => {
    const state = await client.ready()
    return state.error !== null && state
  })
  expect(broken).toMatchObject({ ready: true, degraded: true, revision: sha(1), desired: sha(2) })
  expect(broken.files.find(({ outcome }) => outcome === 'error')).toMatchObject({
    path: 'broken.ts',
    detail: expect.stringContaining('export default agent({ id: 1 + })'),
  })
  expect(await client.run('worker', { message: ACT })).toMatchObject({
    status: 'COMPLETED',
    tools: [{ result: 'good' }],
  })

  await repository.publish(sha(3), good)
  await waitForRevision(client, sha(3))
  expect(await client.ready()).toMatchObject({ ready: true, degraded: false, error: null })
})

async function waitForRevision(client: Client, revision: string): Promise<void> {
  await until(
    `revision ${revision} to serve`,
    async () => {
      const { revision: now } = await client.ready()
      return now === revision
    },
    20_000,
  )
}

function sha(number: number): string {
  return createHash('sha1').update(`revision ${number}`).digest('hex')
}
