/**
 * Agents from a Git repository: a developer pushes, git-sync publishes, the server serves, and what can go wrong between
 * them goes wrong. GIT_SYNC_BIN names the real git-sync to test with; without it a stand-in takes its place.
 * GIT_SYNC_SWAPS is the number of pushes under load.
 * @module
 */
import { readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, createClient } from '@agentos/wire/client'
import { expect, test } from 'vitest'
import { freePort } from '../tools/local-server.ts'
import { createFolder, type Files } from './agents-folder.ts'
import { until } from './condition.ts'
import { createVolume, type GitSync, type SharedVolume, startGitSync } from './git-sync/process.ts'
import { createGitRepository, type GitRepository } from './git-sync/repository.ts'
import { copyPreparedData } from './prepared-data.ts'
import { startProvider } from './provider-process.ts'
import { type Env, type ServerProcess, startServer } from './server-process.ts'
import { ACT, startLoad, workerSource } from './swap-load.ts'

const SWAPS = Number(process.env['GIT_SYNC_SWAPS'] ?? 8)
const SWAP_TIMEOUT_MS = 3_000
const FAST = { AGENTOS_RELOAD_DEBOUNCE_MS: '0', AGENTOS_RELOAD_POLL_MS: '100' }

/** Periods of git-sync that a failure lasts. */
const OUTAGE_MS = 1_500

type Site = AsyncDisposable & {
  readonly repository: GitRepository
  readonly volume: SharedVolume
  readonly server: ServerProcess
  readonly client: Client
  readonly sync: () => GitSync
  /** A new git-sync on the same volume; an earlier one must have ended. */
  readonly restartSync: () => void
  /** Commits and pushes. @returns the hash */
  readonly push: (files: Files) => Promise<string>
  readonly waitFor: (revision: string) => Promise<void>
  /** Runs the agent. @returns what its tool answered */
  readonly ask: () => Promise<unknown>
}

async function openSite({ env = {}, args = [] }: { env?: Env; args?: readonly string[] } = {}): Promise<Site> {
  const opened = new AsyncDisposableStack()
  try {
    const provider = opened.use(await startProvider())
    const repository = opened.use(await createGitRepository())
    const volume = opened.use(await createVolume())
    const data = opened.use(await copyPreparedData())
    const push = async (files: Files) => {
      const hash = await repository.commit(files)
      await repository.push(hash)
      return hash
    }
    await push({ 'agents/worker.ts': workerSource('first') })
    let sync: GitSync | undefined
    const restartSync = () => (sync = startGitSync({ repo: repository.url, root: volume.root, args }))
    restartSync()
    opened.defer(() => sync?.kill())
    await until('the first revision to be published', async () => (await volume.published()) !== undefined)
    const server = opened.use(
      await startServer({ dir: volume.agents, dataDir: data.path, env: { ...provider.env, ...FAST, ...env } }),
    )
    const client = createClient({ baseUrl: server.url })
    const waitFor = async (revision: string) => {
      await until(`revision ${revision} to serve`, async () => (await client.ready()).revision === revision)
    }
    const ask = async () => {
      const run = await client.run('worker', { message: ACT })
      return run.tools?.[0]?.result
    }
    return {
      repository,
      volume,
      server,
      client,
      sync: () => sync ?? restartSync(),
      restartSync,
      push,
      waitFor,
      ask,
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    }
  } catch (error) {
    await opened.disposeAsync()
    throw error
  }
}

/** What a directory holds; nothing while it is not there. */
async function list(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

test(`${SWAPS} pushes under load lose no request`, { timeout: 60_000 + SWAPS * SWAP_TIMEOUT_MS }, async () => {
  await using site = await openSite()
  const words = new Map([[(await site.volume.published()) ?? '', 'first']])
  const load = startLoad(site.server.url, words)
  const seconds: number[] = []
  for (let number = 1; number <= SWAPS; number++) {
    const revision = await site.repository.commit({ 'agents/worker.ts': workerSource(`push ${number}`) })
    words.set(revision, `push ${number}`)
    const startedAt = performance.now()
    await site.repository.push(revision)
    await site.waitFor(revision)
    seconds.push((performance.now() - startedAt) / 1000)
  }
  await load.stop()
  expect(load.failures).toEqual([])
  const runs = [...load.served.values()].reduce((sum, count) => sum + count, 0)
  expect(runs).toBeGreaterThan(SWAPS)
  const [median, most] = [seconds.toSorted((a, b) => a - b)[Math.floor(SWAPS / 2)], Math.max(...seconds)]
  console.log(
    `${SWAPS} pushes, ${runs} runs, 0 failed; push to served: p50 ${median?.toFixed(2)} s, max ${most.toFixed(2)} s`,
  )
  expect(await site.ask()).toBe(`push ${SWAPS}`)
})

test('while the Git host is away everything serves on, and the next push after it arrives', async () => {
  await using site = await openSite()
  const before = await site.volume.published()
  await site.repository.goAway()
  await sleep(OUTAGE_MS)
  expect(site.sync().isRunning()).toBe(true)
  expect(await site.client.ready()).toMatchObject({ ready: true, degraded: false, revision: before })
  expect(await site.ask()).toBe('first')

  await site.repository.comeBack()
  await site.waitFor(await site.push({ 'agents/worker.ts': workerSource('second') }))
  expect(await site.ask()).toBe('second')
})

test('a rewritten history is followed, and a rollback to an older revision too', async () => {
  await using site = await openSite()
  const first = (await site.volume.published()) ?? ''
  await site.repository.forgetHistory()
  const rewritten = await site.push({ 'agents/worker.ts': workerSource('rewritten') })
  await site.waitFor(rewritten)
  expect(await site.ask()).toBe('rewritten')

  await site.repository.push(first)
  await site.waitFor(first)
  expect(await site.ask()).toBe('first')
})

test('a broken push changes nothing but the status', async () => {
  await using site = await openSite()
  const good = await site.volume.published()
  const broken = await site.push({ 'agents/worker.ts': 'export default agent({ id: 1 + })\n' })
  const state = await until('the broken push to be noticed', async () => {
    const now = await site.client.ready()
    return now.error !== null && now
  })
  expect(state).toMatchObject({ ready: true, degraded: true, revision: good, desired: broken })
  expect(await site.ask()).toBe('first')
  await site.waitFor(await site.push({ 'agents/worker.ts': workerSource('mended') }))
  expect(await site.client.ready()).toMatchObject({ degraded: false, error: null })
})

test('a link that a killed git-sync left half made stops it, not the server; removing it before the start helps', async () => {
  await using site = await openSite()
  await site.sync().kill()
  await symlink('.worktrees/none', join(site.volume.root, 'tmp-link'))
  site.restartSync()
  const next = await site.push({ 'agents/worker.ts': workerSource('second') })
  await sleep(OUTAGE_MS)
  expect(await site.volume.published()).not.toBe(next)
  expect(site.sync().isRunning()).toBe(true)
  expect(await site.client.ready()).toMatchObject({ ready: true, degraded: false })
  expect(await site.ask()).toBe('first')

  await site.sync().kill()
  await rm(join(site.volume.root, 'tmp-link'))
  site.restartSync()
  await site.waitFor(next)
  expect(await site.ask()).toBe('second')
})

test('while the link dangles the last good revision serves, and its return changes nothing', async () => {
  await using site = await openSite()
  const revision = (await site.volume.published()) ?? ''
  await site.sync().kill()
  await rm(join(site.volume.root, '.worktrees', revision), { recursive: true })
  await sleep(OUTAGE_MS)
  expect(await site.client.ready()).toMatchObject({ ready: true, revision })
  expect(await site.ask()).toBe('first')

  site.restartSync()
  const worktree = join(site.volume.root, '.worktrees', revision)
  await until('the worktree to be made anew', async () => (await list(worktree)).includes('agents'))
  await until('the server to be content again', async () => !(await site.client.ready()).degraded)
  expect(await site.client.ready()).toMatchObject({ ready: true, revision, error: null })
  await site.waitFor(await site.push({ 'agents/worker.ts': workerSource('second') }))
})

test('an emptied worktree is made anew under the same revision while the server serves on', async () => {
  await using site = await openSite()
  const revision = (await site.volume.published()) ?? ''
  const words = new Map([[revision, 'first']])
  const load = startLoad(site.server.url, words)
  const worktree = join(site.volume.root, '.worktrees', revision)
  for (const name of await readdir(worktree)) await rm(join(worktree, name), { recursive: true })
  await until('the worktree to be made anew', async () => (await list(worktree)).includes('agents'))
  await until('the server to be content again', async () => !(await site.client.ready()).degraded)
  await load.stop()
  expect(load.failures).toEqual([])
  expect([...load.served.keys()]).toEqual([revision])
  expect(await site.ask()).toBe('first')
})

test('files that somebody else put into the volume are gone once git-sync has taken it', async () => {
  await using repository = await createGitRepository()
  await using volume = await createVolume()
  await repository.push(await repository.commit({ 'agents/worker.ts': workerSource('first') }))
  await writeFile(join(volume.root, 'stray'), '')
  await using sync = startGitSync({ repo: repository.url, root: volume.root })
  await until('the first revision to be published', async () => (await volume.published()) !== undefined)
  expect((await readdir(volume.root)).toSorted()).toEqual(['.git', '.worktrees', 'current'])
  expect(sync.isRunning()).toBe(true)
})

test('a first git-sync that ends after one revision, and only the folder of the agents is checked out', async () => {
  await using repository = await createGitRepository()
  await using volume = await createVolume()
  const files = { 'agents/worker.ts': workerSource('first'), 'docs/page.md': 'A page\n' }
  const hash = await repository.commit(files)
  await repository.push(hash)
  await using folder = await createFolder({ patterns: '/agents/\n' })
  const args = ['--one-time=true', `--sparse-checkout-file=${folder.path}/patterns`]
  await using sync = startGitSync({ repo: repository.url, root: volume.root, args })
  await until('git-sync to end', () => !sync.isRunning())
  expect(await volume.published()).toBe(hash)
  expect((await list(join(volume.root, 'current'))).toSorted()).toEqual(['.git', 'agents'])
})

test('without --max-failures=-1 the first failure of a running git-sync ends it', async () => {
  await using site = await openSite({ args: ['--max-failures=0'] })
  await site.repository.goAway()
  await until('git-sync to end', () => !site.sync().isRunning())
  expect(await site.ask()).toBe('first')
})

test('a webhook of git-sync brings a push at once, where the server neither watches nor polls soon', async () => {
  const port = await freePort()
  const env = { AGENTOS_WATCH: 'false', AGENTOS_RELOAD_POLL_MS: '600000', AGENTOS_LOOPBACK_PORT: String(port) }
  const args = [`--webhook-url=http://127.0.0.1:${port}/reload`, '--webhook-backoff=200ms']
  await using site = await openSite({ env, args })
  await site.waitFor(await site.push({ 'agents/worker.ts': workerSource('second') }))
  expect(await site.ask()).toBe('second')
})
