import { spawn, spawnSync } from 'node:child_process'
import { mkdtempDisposable, readdir, readFile, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { withInstallLock } from './install-lock.js'

const ignore = { onWait: () => {} }

/** A process id that belonged to someone and belongs to nobody now. */
function deadPid(): number {
  return spawnSync(process.execPath, ['--version']).pid
}

test('lets one of many in at a time, and leaves nothing behind', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lock-'))
  let inside = 0
  let most = 0
  const action = async () => {
    most = Math.max(most, ++inside)
    await sleep(10)
    inside--
  }
  await Promise.all(Array.from({ length: 5 }, () => withInstallLock(join(folder.path, 'lock'), { ...ignore, action })))
  expect(most).toBe(1)
  expect(await readdir(folder.path)).toEqual([])
})

test('lets the next one in when the action fails', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lock-'))
  const path = join(folder.path, 'lock')
  const action = () => Promise.reject(new Error('no network'))
  await expect(withInstallLock(path, { ...ignore, action })).rejects.toThrow('no network')
  expect(await withInstallLock(path, { ...ignore, action: () => 'in' })).toBe('in')
})

test('waits for another process and says for whom', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lock-'))
  const path = join(folder.path, 'lock')
  const log = join(folder.path, 'log')
  const holder = `
    import { appendFileSync } from 'node:fs'
    import { withInstallLock } from ${JSON.stringify(import.meta.resolve('./install-lock.js'))}
    await withInstallLock(${JSON.stringify(path)}, { onWait() {}, action: async () => {
      console.log('in')
      await new Promise((resolve) => setTimeout(resolve, 400))
      appendFileSync(${JSON.stringify(log)}, 'holder ')
    } })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', holder], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve) => child.stdout.once('data', resolve))
  const waitedFor: number[] = []
  await withInstallLock(path, {
    onWait: (owner) => waitedFor.push(owner),
    action: async () => writeFile(log, 'waiter', { flag: 'a' }),
  })
  await exited
  expect(await readFile(log, 'utf8')).toBe('holder waiter')
  expect(waitedFor).toEqual([child.pid])
})

test('takes over from a process that died', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lock-'))
  const path = join(folder.path, 'lock')
  await writeFile(path, String(deadPid()))
  let inside = 0
  const action = () => ++inside
  await Promise.all([1, 2, 3].map(() => withInstallLock(path, { ...ignore, action })))
  expect(inside).toBe(3)
  expect(await readdir(folder.path)).toEqual([])
})

test('takes over a lock that is older than any install, whoever has its process id now', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'lock-'))
  const path = join(folder.path, 'lock')
  await writeFile(path, String(process.pid))
  await utimes(path, 0, 0)
  expect(await withInstallLock(path, { ...ignore, action: () => 'in' })).toBe('in')
})
