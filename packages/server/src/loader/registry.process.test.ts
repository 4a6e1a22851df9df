import { mkdir, readdir, rm } from 'node:fs/promises'
import { watch } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { CREDIT_EVENTS } from './protocol.ts'
import {
  agentSource,
  contentOf,
  makeFolder,
  openRegistry,
  startRun,
  type TestFolder,
  type TestRegistry,
  until,
} from './test-folder.ts'

/** How long and how often an expectation may be awaited. */
const POLL = { timeout: 5_000, interval: 5 }

const sha = (letter: string) => letter.repeat(40)

/** A folder as git-sync leaves it: `current` leads to a worktree named by a commit. */
async function makeSynced(files: Readonly<Record<string, string>> = { 'agents/a.ts': agentSource(`name: 'first'`) }) {
  const folder = await makeFolder()
  const publish = async (commit: string, contents: Readonly<Record<string, string>>) => {
    await folder.write(
      Object.fromEntries(Object.entries(contents).map(([path, text]) => [`.worktrees/${commit}/${path}`, text])),
    )
    await folder.swap('current', `.worktrees/${commit}`)
  }
  await publish(sha('a'), files)
  return { ...folder, publish, agents: folder.at('current/agents') }
}

const nameOf = (registry: TestRegistry) => registry.current()?.manifest.agents[0]?.name
const slotsOf = async (registry: TestRegistry) => (await readdir(registry.snapshots)).sort()

describe('revisions', () => {
  test('R4: behind a link the revision is the base name of its target', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    expect(await registry.reload()).toMatchObject({ desired: sha('a'), loaded: sha('a'), state: 'ready', error: null })
  })

  test('fact 6: after a swap the new revision serves, not what Node remembers of the link', async () => {
    await using folder = await makeSynced({
      'agents/a.ts': agentSource('name: text', `import { text } from '../lib/text.ts'`),
      'lib/text.ts': `export const text = 'first'`,
    })
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    expect(nameOf(registry)).toBe('first')
    await folder.publish(sha('b'), {
      'agents/a.ts': agentSource('name: text', `import { text } from '../lib/text.ts'`),
      'lib/text.ts': `export const text = 'second'`,
    })
    expect(await registry.reload()).toMatchObject({ desired: sha('b'), loaded: sha('b') })
    expect(nameOf(registry)).toBe('second')
  })

  test('git-sync: the old worktree may be deleted at once, also for late imports and restarts', async () => {
    const late = `import { agent, tool } from '@agentos/sdk'
      export default agent({ id: 'a', tools: [
        tool({ name: 'late', input: { type: 'object' }, run: async () => (await import('../lib/late')).text }),
        tool({ name: 'exit', input: { type: 'object' }, run: () => process.exit(1) }),
      ] })`
    await using folder = await makeSynced({ 'agents/a.ts': late, 'lib/late.ts': `export const text: string = 'late'` })
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    await rm(folder.at('.worktrees'), { recursive: true })
    expect(await contentOf(startRun(registry.current(), { tool: 'late' }))).toBe('late')
    await startRun(registry.current(), { tool: 'exit' }).ended
    expect(await contentOf(startRun(registry.current(), { tool: 'late' }))).toBe('late')
    expect(await registry.reload()).toMatchObject({
      loaded: sha('a'),
      state: 'failed',
      error: expect.stringMatching(/leads to .*\.worktrees\/a{40}$/),
    })
  })

  test('tells what came of each revision that was tried, and of each worker that ended', async () => {
    const loads: string[] = []
    let ends = 0
    const exits = `import { agent, tool } from '@agentos/sdk'
      export default agent({ id: 'a', tools: [
        tool({ name: 'exit', input: { type: 'object' }, run: () => process.exit(1) }),
      ] })`
    await using folder = await makeSynced({ 'agents/a.ts': exits })
    const told = { onLoad: (outcome: string) => loads.push(outcome), onWorkerEnd: () => ends++ }
    await using registry = await openRegistry(folder.agents, {}, told)
    await registry.reload()
    await registry.reload()
    expect(loads).toEqual(['swapped'])
    await startRun(registry.current(), { tool: 'exit' }).ended
    expect(ends).toBe(1)
    await folder.publish(sha('b'), { 'agents/a.ts': 'export default 1 +' })
    await registry.reload()
    await folder.publish(sha('c'), { 'agents/a.ts': agentSource() })
    await registry.reload()
    expect(loads).toEqual(['swapped', 'failed', 'swapped'])
    expect(ends).toBe(1)
  })

  test('equal hash is no change: a worktree rebuilt in place is not loaded again', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    const { loadedAt } = await registry.reload()
    await folder.publish(sha('a'), { 'agents/a.ts': agentSource(`name: 'tampered'`) })
    expect(await registry.reload()).toMatchObject({ loadedAt, state: 'ready' })
    expect(nameOf(registry)).toBe('first')
  })

  test('a revision of a repository cannot import what lies outside it', async () => {
    await using folder = await makeSynced({ 'agents/a.ts': agentSource('', `import '../../elsewhere.ts'`) })
    await folder.write({ '.worktrees/elsewhere.ts': 'export {}' })
    await using registry = await openRegistry(folder.agents)
    expect((await registry.reload()).error).toMatch(
      /^a\.ts: "\.\.\/\.\.\/elsewhere\.ts" leaves the revision; it is imported by a\.ts/,
    )
  })

  test('a link to a directory of another name names the revision; edits behind it add their hash', async () => {
    await using folder = await makeFolder({
      'releases/v1/a.ts': agentSource(`name: 'one'`),
      'releases/v2/a.ts': agentSource(`name: 'two'`),
    })
    await folder.swap('live', 'releases/v1')
    await using registry = await openRegistry(folder.at('live'))
    expect((await registry.reload()).loaded).toBe('v1')
    await folder.write({ 'releases/v1/a.ts': agentSource(`name: 'one and a half'`) })
    expect((await registry.reload()).loaded).toMatch(/^v1\+[0-9a-f]{12}$/)
    await folder.swap('live', 'releases/v2')
    expect((await registry.reload()).loaded).toBe('v2')
  })

  test('a plain folder is named by its content: touching a file changes nothing, editing it does', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    const first = await registry.reload()
    await folder.write({ 'a.ts': agentSource() })
    expect(await registry.reload()).toMatchObject({ loaded: first.loaded, loadedAt: first.loadedAt })
    await folder.write({ 'a.ts': agentSource(`name: 'edited'`) })
    const second = await registry.reload()
    expect(second.loaded).not.toBe(first.loaded)
    expect(nameOf(registry)).toBe('edited')
  })
})

describe('R7: what does not load leaves what serves', () => {
  test('a broken revision is reported, the last good one serves, the repaired one takes over', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    await folder.publish(sha('b'), { 'agents/a.ts': 'export default = 1' })
    const broken = await registry.reload()
    expect(broken).toMatchObject({
      desired: sha('b'),
      loaded: sha('a'),
      state: 'failed',
      error: expect.stringMatching(/^a\.ts: Unexpected token/),
    })
    expect(broken.files).toMatchObject([{ path: 'a.ts', outcome: 'error' }])
    expect(await contentOf(startRun(registry.current(), 'hi'))).toBe(`${sha('a')} heard hi`)
    await folder.publish(sha('c'), { 'agents/a.ts': agentSource(`name: 'third'`) })
    expect(await registry.reload()).toMatchObject({ loaded: sha('c'), state: 'ready', error: null })
  })

  test('taking a broken edit back is well again, without a load', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    const first = await registry.reload()
    await folder.write({ 'a.ts': 'export default = 1' })
    expect((await registry.reload()).state).toBe('failed')
    await folder.write({ 'a.ts': agentSource() })
    expect(await registry.reload()).toEqual(first)
    expect(registry.logged.at(-1)).toMatchObject({ level: 'info', message: 'the agents are again what is loaded' })
  })

  test('a failed revision is not loaded over and over by polling, and is by reload()', async () => {
    await using folder = await makeFolder({ 'a.ts': 'throw new Error("no database yet")' })
    await using registry = await openRegistry(folder.path, { watch: true, pollMs: 20 })
    await registry.reload()
    await delay(400)
    expect(registry.logged.filter(({ level }) => level === 'error')).toHaveLength(1)
    expect(registry.status().state).toBe('failed')
    await folder.write({ 'a.ts': agentSource() })
    await until(() => registry.status().state === 'ready')
  })

  test.each([
    ['missing', async (folder: TestFolder) => rm(folder.at('agents'), { recursive: true }), /agents does not exist$/],
    [
      'empty',
      async (folder: TestFolder) => rm(folder.at('agents/a.ts')),
      /has no agents: it has no TypeScript or JavaScript files$/,
    ],
    [
      'without agents',
      async (folder: TestFolder) => folder.write({ 'agents/a.ts': 'export {}' }),
      /has no agents: none of its files exports one$/,
    ],
    [
      'a file',
      async (folder: TestFolder) => {
        await rm(folder.at('agents'), { recursive: true })
        await folder.write({ agents: '' })
      },
      /agents is a file, not a folder$/,
    ],
  ])('a folder that is %s is empty at the start, and keeps what serves later', async (_, spoil, reason) => {
    await using folder = await makeFolder({ 'agents/a.ts': agentSource() })
    await using later = await openRegistry(folder.at('agents'))
    await later.reload()
    await spoil(folder)
    await using fresh = await openRegistry(folder.at('agents'))
    expect(await fresh.reload()).toMatchObject({ loaded: null, state: 'empty', error: expect.stringMatching(reason) })
    expect(fresh.current()).toBe(undefined)
    const { loaded, state, error } = await later.reload()
    expect({ loaded, state }).toEqual({ loaded: expect.any(String), state: 'failed' })
    expect(error).toMatch(reason)
    expect(await contentOf(startRun(later.current(), 'hi'))).toMatch(/heard hi$/)
  })

  test('an empty folder serves as soon as it has an agent', async () => {
    await using folder = await makeFolder()
    await mkdir(folder.at('agents'))
    await using registry = await openRegistry(folder.at('agents'), { watch: true, pollMs: 5_000 })
    expect((await registry.reload()).state).toBe('empty')
    await folder.write({ 'agents/a.ts': agentSource() })
    await until(() => registry.status().state === 'ready')
  })
})

describe('following changes', () => {
  test('an edit is served within half a second of the quiet time', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource(), 'lib/deep/text.ts': '' })
    await using registry = await openRegistry(folder.path, { watch: true, pollMs: 60_000, debounceMs: 50 })
    await registry.reload()
    const start = performance.now()
    await folder.write({
      'a.ts': agentSource('name: text', `import { text } from './lib/deep/text'`),
      'lib/deep/text.ts': `export const text = 'edited'`,
    })
    await expect.poll(() => nameOf(registry), POLL).toBe('edited')
    expect(performance.now() - start).toBeLessThan(50 + 500)
  })

  test('new directories are watched, removed and remade ones too', async () => {
    await using folder = await makeFolder({ 'a/agent.ts': agentSource(`name: '1'`) })
    await using registry = await openRegistry(folder.path, { watch: true, pollMs: 60_000 })
    await registry.reload()
    await rm(folder.at('a'), { recursive: true })
    await folder.write({ 'a/agent.ts': agentSource(`name: '2'`) })
    await expect.poll(() => nameOf(registry), POLL).toBe('2')
    await folder.write({ 'a/agent.ts': agentSource(`name: '3'`) })
    await expect.poll(() => nameOf(registry), POLL).toBe('3')
  })

  test('R3: a swap of the link is seen by the watcher on its directory', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents, { watch: true, pollMs: 60_000 })
    await registry.reload()
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource(`name: 'second'`) })
    await expect.poll(() => nameOf(registry), POLL).toBe('second')
  })

  test('a watcher that cannot be had is not fatal: polling finds the change', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(
      folder.agents,
      { watch: true, pollMs: 50 },
      {
        watch: () => {
          throw Object.assign(new Error('ENOSPC: System limit for number of file watchers reached'), { code: 'ENOSPC' })
        },
      },
    )
    await registry.reload()
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource(`name: 'second'`) })
    await expect.poll(() => nameOf(registry), POLL).toBe('second')
    expect(registry.logged.filter(({ level }) => level === 'warn')).toHaveLength(1)
  })

  test('a watcher that fails later is dropped, and polling goes on', async () => {
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    const watchers: ReturnType<typeof watch>[] = []
    await using registry = await openRegistry(
      folder.path,
      { watch: true, pollMs: 50 },
      {
        watch: (directory) => {
          const watcher = watch(directory, () => {})
          watchers.push(watcher)
          return watcher
        },
      },
    )
    await registry.reload()
    for (const watcher of watchers) watcher.emit('error', Object.assign(new Error('EMFILE'), { code: 'EMFILE' }))
    await folder.write({ 'a.ts': agentSource(`name: 'edited'`) })
    await expect.poll(() => nameOf(registry), POLL).toBe('edited')
  })

  test('R11a: a swap during a load is followed by another reconcile', async () => {
    await using folder = await makeSynced({
      'agents/a.ts': `await new Promise((done) => setTimeout(done, 300))\n${agentSource(`name: 'slow'`)}`,
    })
    await using registry = await openRegistry(folder.agents, { watch: true, pollMs: 60_000 })
    const first = registry.reload()
    await delay(150)
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource(`name: 'second'`) })
    await first
    await expect.poll(() => nameOf(registry), POLL).toBe('second')
  })

  test('a directory that vanishes during the copy is retried with the new target', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    const many = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [`agents/lib/${index}.ts`, 'export {}']))
    await folder.publish(sha('b'), { ...many, 'agents/a.ts': agentSource() })
    await folder.write({ [`.worktrees/${sha('c')}/agents/a.ts`]: agentSource(`name: 'third'`) })
    const reloaded = registry.reload()
    // The copy has begun and is far from done.
    await until(async () => (await readdir(`${registry.snapshots}/1/tree/agents/lib`).catch(() => [])).length > 0)
    await folder.swap('current', `.worktrees/${sha('c')}`)
    await rm(folder.at(`.worktrees/${sha('b')}`), { recursive: true })
    expect(await reloaded).toMatchObject({ loaded: sha('c'), state: 'ready', error: null })
    expect(registry.logged.filter(({ level }) => level === 'error')).toEqual([])
  })

  test('after stopWatching swaps are ignored', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents, { watch: true, pollMs: 20 })
    await registry.reload()
    registry.stopWatching()
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource(`name: 'second'`) })
    await delay(200)
    expect(nameOf(registry)).toBe('first')
  })
})

describe('draining', () => {
  test('runs in flight finish on their generation, new ones start on the new, and the old one ends', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    // Longer than a busy machine takes to load the next one.
    const old = startRun(registry.current(), { waitMs: 3_000 })
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource() })
    const { generations } = await registry.reload()
    expect(generations).toEqual([
      { revision: sha('b'), state: 'serving', activeRuns: 0, credit: CREDIT_EVENTS },
      { revision: sha('a'), state: 'draining', activeRuns: 1, credit: CREDIT_EVENTS },
    ])
    expect(await contentOf(startRun(registry.current(), 'hi'))).toBe(`${sha('b')} heard hi`)
    expect(await contentOf(old)).toBe(`${sha('a')} waited`)
    await until(() => registry.status().generations.length === 1)
    await until(async () => (await slotsOf(registry)).join() === '1')
  })

  test('after drainMs its runs are handed over', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents, { drainMs: 100 })
    await registry.reload()
    const old = startRun(registry.current(), { waitMs: 60_000 })
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource() })
    await registry.reload()
    expect(await old.ended).toEqual({
      lost: `revision ${sha('a')} was replaced and its time to finish is over`,
    })
    await until(() => registry.status().generations.length === 1)
  })

  test('a generation that is retained still starts runs after a swap, and on an ended one they are lost', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents)
    await registry.reload()
    const old = registry.current()
    const release = old?.retain()
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource() })
    await registry.reload()
    expect(await contentOf(startRun(old, 'late'))).toBe(`${sha('a')} heard late`)
    expect(registry.status().generations).toHaveLength(2)
    release?.()
    await until(() => registry.status().generations.length === 1)
    expect(await startRun(old, 'too late').ended).toEqual({ lost: `revision ${sha('a')} has ended` })
  })

  test('close loses the runs of all generations and removes every copy', async () => {
    await using folder = await makeSynced()
    const registry = await openRegistry(folder.agents)
    await registry.reload()
    const old = startRun(registry.current(), { waitMs: 60_000 })
    await folder.publish(sha('b'), { 'agents/a.ts': agentSource() })
    await registry.reload()
    const current = startRun(registry.current(), { waitMs: 60_000 })
    await registry.close()
    expect(await old.ended).toEqual({ lost: 'the server is stopping' })
    expect(await current.ended).toEqual({ lost: 'the server is stopping' })
    expect(await slotsOf(registry)).toEqual([])
    await registry[Symbol.asyncDispose]()
  })

  test('close does not wait for an import that never ends', async () => {
    await using folder = await makeFolder({ 'a.ts': 'await new Promise(() => setInterval(() => {}, 1000))' })
    const registry = await openRegistry(folder.path)
    void registry.reload()
    await delay(300)
    const start = performance.now()
    await registry[Symbol.asyncDispose]()
    expect(performance.now() - start).toBeLessThan(2_000)
  })
})

describe('under load', () => {
  test('50 swaps while runs come and go: none is lost, each run has one revision, the last swap serves', async () => {
    await using folder = await makeSynced()
    await using registry = await openRegistry(folder.agents, { watch: true, pollMs: 100, debounceMs: 5 })
    await registry.reload()
    let isOver = false
    const seen = new Set<string>()
    const client = async () => {
      while (!isOver) {
        const content = await contentOf(startRun(registry.current(), { waitMs: 5 }))
        seen.add(String(content).split(' ')[0] ?? '')
        await contentOf(startRun(registry.current(), { emit: 20 }))
      }
    }
    const clients = Array.from({ length: 8 }, client)
    let last = sha('a')
    for (let number = 0; number < 50; number++) {
      const before = last
      last = number.toString(16).padStart(40, '0')
      await folder.publish(last, { 'agents/a.ts': agentSource(`name: '${number}'`) })
      // As git-sync does by default, and faster than anything could be loaded.
      await rm(folder.at(`.worktrees/${before}`), { recursive: true })
      await delay(number % 5 === 0 ? 120 : 15)
    }
    await until(() => registry.status().loaded === last, 15_000)
    isOver = true
    await Promise.all(clients)
    expect(nameOf(registry)).toBe('49')
    expect(seen.size).toBeGreaterThan(3)
    await until(() => registry.status().generations.length === 1)
    await until(async () => (await slotsOf(registry)).length === 1)
  }, 60_000)

  test('50 reloads leave one worker, no listeners and one copy behind', async () => {
    const workers = new Set<Worker>()
    const follow = (worker: Worker) => {
      workers.add(worker)
      worker.once('exit', () => workers.delete(worker))
    }
    process.on('worker', follow)
    await using folder = await makeFolder({ 'a.ts': agentSource() })
    await using registry = await openRegistry(folder.path)
    await registry.reload()
    const listeners = () => process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
    const before = listeners()
    for (let number = 0; number < 50; number++) {
      await folder.write({ 'a.ts': agentSource(`name: '${number}'`) })
      await registry.reload()
    }
    await until(() => workers.size === 1)
    expect(listeners()).toBe(before)
    await until(async () => (await slotsOf(registry)).length === 1)
    expect(registry.status().generations).toHaveLength(1)
    process.off('worker', follow)
  }, 60_000)
})
