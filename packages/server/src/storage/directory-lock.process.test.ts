import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import { lockDirectory } from './directory-lock.ts'
import { lookUpProcess, ownIdentity } from './process-identity.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'agentos-lock-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const lock = () => lockDirectory(directory, systemClock)
const MODULES = JSON.stringify({
  lock: new URL('./directory-lock.ts', import.meta.url).href,
  clock: new URL('../base/clock.ts', import.meta.url).href,
})

/** A process that takes the lock, says `locked` or the error's code, and waits to be killed. */
function holder(): ChildProcess {
  const script = `
    const modules = ${MODULES}
    const { lockDirectory } = await import(modules.lock)
    const { systemClock } = await import(modules.clock)
    setInterval(() => {}, 1000)
    await lockDirectory(process.argv[1], systemClock).then(
      () => console.log('locked'),
      (error) => { console.log(error.code); process.exit(0) })`
  return spawn(process.execPath, ['--input-type=module', '-e', script, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout!, 'data')
  return String(chunk).trim()
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

test('a directory is locked once, and free again after its release', async () => {
  const first = await lock()
  await expect(lock()).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: `The data directory ${directory} is in use by process ${process.pid}.`,
  })
  await first.release()
  await first.release()
  const second = await lock()
  await second.release()
  expect(await readdir(directory)).toEqual([])
})

test('a directory that is not there is made', async () => {
  const deep = join(directory, 'deep', 'er')
  const { release } = await lockDirectory(deep, systemClock)
  expect(await readdir(deep)).toHaveLength(1)
  await release()
})

test('another process is kept out until the first one ends, however it ends', async () => {
  const first = holder()
  try {
    expect(await firstLine(first)).toBe('locked')
    await expect(lock()).rejects.toMatchObject({ message: expect.stringContaining(`process ${first.pid}`) })
  } finally {
    await kill(first)
  }
  const { release } = await lock()
  await release()
})

test('of many processes at once, on a directory whose owner was killed, one wins', async () => {
  const dead = holder()
  await firstLine(dead)
  await kill(dead)
  for (let round = 0; round < 2; round++) {
    const children = Array.from({ length: 5 }, holder)
    const answers = await Promise.all(children.map(firstLine))
    await Promise.all(children.map(kill))
    expect(answers.toSorted()).toEqual([...Array.from({ length: 4 }, () => 'DATA_DIR_LOCKED'), 'locked'])
  }
})

test('of many in one process, one wins', async () => {
  const results = await Promise.allSettled(Array.from({ length: 8 }, lock))
  const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  expect(won).toHaveLength(1)
  await won[0]!.release()
})

describe('a claim of a process that is not this machine’s or container’s', () => {
  const foreign = { ...ownIdentity(), pidNamespace: 'pid:[1]' }
  const path = () => join(directory, 'lock-7-abcdef')

  test('keeps everyone out while its heart beats', async () => {
    await writeFile(path(), JSON.stringify(foreign))
    const beat = setInterval(() => void utimes(path(), new Date(), new Date()), 100)
    await expect(lock()).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' })
    clearInterval(beat)
  })

  test('is dead after a while of silence', async () => {
    await writeFile(path(), JSON.stringify(foreign))
    const longAgo = new Date(Date.now() - 60_000)
    await utimes(path(), longAgo, longAgo)
    const { release } = await lock()
    expect(await readdir(directory)).toHaveLength(1)
    await release()
  })

  test('may be unreadable, when its writer died over it', async () => {
    await writeFile(path(), '')
    const nearlySilent = new Date(Date.now() - 9_700)
    await utimes(path(), nearlySilent, nearlySilent)
    const { release } = await lock()
    expect(await readdir(directory)).toHaveLength(1)
    await release()
  })
})

describe('looking up a process', () => {
  test('one that runs is alive; one whose id was used again is not', () => {
    const own = ownIdentity()
    expect(lookUpProcess(own)).toBe('alive')
    expect(lookUpProcess({ ...own, startTime: '1' })).toBe('gone')
    expect(lookUpProcess({ ...own, pid: 2 ** 22 + 1 })).toBe('gone')
    expect(lookUpProcess({ ...own, bootId: 'before the reboot' })).toBe('unknown')
  })

  test('one that ended and that nobody has asked about is gone', async () => {
    // The shell becomes a program that never asks for the exit status of the child it inherits.
    const shell = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'ignore'] })
    try {
      const pid = Number(await firstLine(shell))
      const stat = () => readFile(`/proc/${pid}/stat`, 'utf8')
      const startTime = (await stat()).split(') ')[1]!.split(' ')[19]!
      expect(lookUpProcess({ ...ownIdentity(), pid, startTime })).toBe('alive')
      await expect.poll(stat, { timeout: 5_000 }).toContain(') Z ')
      expect(lookUpProcess({ ...ownIdentity(), pid, startTime })).toBe('gone')
    } finally {
      await kill(shell)
    }
  })
})
