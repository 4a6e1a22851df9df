import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, readdir, realpath, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { chooseNode } from './run-node.js'

test('prefers the pinned Node, then a current one that is new enough', () => {
  const current = { execPath: '/usr/bin/node', version: 'v24.0.0' }
  expect(chooseNode({ pinned: '/pinned/node', current: { ...current, version: 'v20.20.2' } })).toBe('/pinned/node')
  expect(chooseNode({ pinned: undefined, current })).toBe('/usr/bin/node')
})

test('names the version it found and the next step when no Node will do', () => {
  const current = { execPath: '/usr/bin/node', version: 'v20.20.2' }
  expect(() => chooseNode({ pinned: undefined, current })).toThrow(
    /needs Node 24 or newer and this is v20\.20\.2 \(\/usr\/bin\/node\).*Install/,
  )
})

/** Starts `source` through runNode, in a process of its own, and reads what it prints. */
async function startScript(folder: string, source: string, args: readonly string[] = []) {
  const script = join(folder, 'script.mjs')
  const starter = join(folder, 'starter.mjs')
  await writeFile(script, source)
  const runNode = import.meta.resolve('./run-node.js')
  await writeFile(
    starter,
    `import { runNode } from ${JSON.stringify(runNode)}; runNode(${JSON.stringify(script)}, process.argv.slice(2))`,
  )
  const starterProcess = spawn(process.execPath, [starter, ...args], {
    cwd: folder,
    env: { ...process.env, AGENTOS_DATA_DIR: undefined, NODE_COMPILE_CACHE: undefined },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(starterProcess, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  const lines = createInterface(starterProcess.stdout)[Symbol.asyncIterator]()
  return { starterProcess, exited, nextLine: async (): Promise<string | undefined> => (await lines.next()).value }
}

test('hands over arguments, working directory and exit code', async () => {
  await using folder = await mkdtempDisposable(join(await realpath(tmpdir()), 'run-node-'))
  const source = `console.log(JSON.stringify([process.cwd(), ...process.argv.slice(2)])); process.exitCode = 7`
  const { exited, nextLine } = await startScript(folder.path, source, ['serve', './my agents', '--x=1'])
  expect(JSON.parse((await nextLine()) ?? '')).toEqual([folder.path, 'serve', './my agents', '--x=1'])
  expect(await exited).toEqual([7, null])
})

test('ends by the signal that ended the script', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  const { exited } = await startScript(folder.path, `process.kill(process.pid, 'SIGKILL')`)
  expect(await exited).toEqual([null, 'SIGKILL'])
})

test('delivers a signal once although the terminal and npm both send it, and again when it is pressed again', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  const source = `
    let seen = 0
    process.on('SIGINT', () => console.log('SIGINT ' + ++seen))
    process.on('SIGTERM', () => { console.log('SIGTERM after ' + seen); process.exit(0) })
    setInterval(() => {}, 1000)
    console.log('ready')`
  const { starterProcess, exited, nextLine } = await startScript(folder.path, source)
  expect(await nextLine()).toBe('ready')
  starterProcess.kill('SIGINT')
  await sleep(20)
  starterProcess.kill('SIGINT')
  expect(await nextLine()).toBe('SIGINT 1')
  await sleep(300)
  starterProcess.kill('SIGINT')
  expect(await nextLine()).toBe('SIGINT 2')
  starterProcess.kill('SIGTERM')
  expect(await nextLine()).toBe('SIGTERM after 2')
  expect(await exited).toEqual([0, null])
})

test('asks the script to stop when its starter is killed', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  const source = `
    process.on('SIGTERM', () => { console.log('stopped'); process.exit(0) })
    setInterval(() => {}, 1000)
    console.log('ready')`
  const { starterProcess, exited, nextLine } = await startScript(folder.path, source)
  expect(await nextLine()).toBe('ready')
  starterProcess.kill('SIGKILL')
  await exited
  expect(await nextLine()).toBe('stopped')
})

test('keeps what a server compiles in the data directory, closed to others, for its next start', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  const { exited } = await startScript(folder.path, `await import('node:fs/promises')`, ['serve'])
  expect(await exited).toEqual([0, null])
  const data = join(folder.path, '.agentos')
  expect((await stat(data)).mode & 0o777).toBe(0o700)
  const kept = await readdir(join(data, 'compile-cache'), { recursive: true, withFileTypes: true })
  expect(kept.filter((entry) => entry.isFile())).not.toEqual([])
})

test('keeps nothing of a command that needs no data directory', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  const { exited } = await startScript(folder.path, '', ['check'])
  expect(await exited).toEqual([0, null])
  expect(await readdir(folder.path)).not.toContain('.agentos')
})

test('starts all the same where nothing can be kept', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'run-node-'))
  await writeFile(join(folder.path, '.agentos'), 'a file')
  const { exited, nextLine } = await startScript(folder.path, `console.log('here')`, ['serve'])
  expect(await nextLine()).toBe('here')
  expect(await exited).toEqual([0, null])
})
