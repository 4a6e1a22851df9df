import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtempDisposable, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCommand } from '../debian-packages.ts'
import { startProgram, waitUntil } from './program.ts'

/** Which ties a program to whoever started it. */
const hasSetpriv = (await findCommand('setpriv')) !== undefined
const openFolder = () => mkdtempDisposable(join(tmpdir(), 'agentos-program-'))

test.runIf(hasSetpriv)('a program is gone when it is disposed of, also one that takes no notice', async () => {
  await using folder = await openFolder()
  const log = join(folder.path, 'log')
  const deaf = 'process.on("SIGTERM", () => console.log("no")); console.log("up"); setInterval(() => {}, 1000)'
  const program = await startProgram([process.execPath, '-e', deaf], { name: 'deaf', log, graceMs: 200 })
  await waitUntil('the program is up', () => readWhen(log, /up/), { programs: [program] })
  await program[Symbol.asyncDispose]()
  expect(isThere(program.pid)).toBe(false)
  expect(await readFile(log, 'utf8')).toContain('no')
})

test.runIf(hasSetpriv)('a program is gone when whoever started it was killed', async () => {
  await using folder = await openFolder()
  const log = join(folder.path, 'log')
  const module = JSON.stringify(join(import.meta.dirname, 'program.ts'))
  const starter = `
    const { startProgram } = await import(${module})
    const program = await startProgram(['sleep', '600'], { name: 'sleep', log: ${JSON.stringify(log)} })
    console.log(program.pid)
    setInterval(() => {}, 1000)`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  expect(isThere(pid)).toBe(true)
  const ended = once(parent, 'close')
  parent.kill('SIGKILL')
  await ended
  await waitUntil('the program is gone', async () => (isThere(pid) ? undefined : true), { limitMs: 5_000 })
})

test.runIf(hasSetpriv)('waiting for a program that has ended gives its last words', async () => {
  await using folder = await openFolder()
  const log = join(folder.path, 'log')
  await using program = await startProgram(['sh', '-c', 'echo cannot; exit 3'], { name: 'broken', log })
  const waiting = waitUntil('it works', async () => undefined, { programs: [program] })
  await expect(waiting).rejects.toThrow(/broken has ended \(3\):\ncannot/)
})

async function readWhen(file: string, pattern: RegExp): Promise<string | undefined> {
  const text = await readFile(file, 'utf8')
  return pattern.test(text) ? text : undefined
}

/** A process that has ended, and that nobody has collected yet, counts as gone. */
function isThere(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false
    throw error
  }
}
