import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempDisposable, realpath, writeFile } from 'node:fs/promises'
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
