/**
 * Long-running programs of somebody else that tests start.
 * Invariant: a program ends with whoever started it, however that ends: the kernel sees to it.
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProgramOptions = {
  /** For messages. */
  readonly name: string
  /** What it prints goes there. */
  readonly log: string
  /** A command that starts another one in its own process, as `nsenter --net=FILE` does; empty: none. */
  readonly through?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Milliseconds that it has to end by itself before it is killed. */
  readonly graceMs?: number
}

export type Program = AsyncDisposable & {
  readonly name: string
  readonly pid: number
  /** @throws {Error} with its last lines when it has ended */
  expectRunning(): Promise<void>
  /** Ends it without waiting for its end; for a process that ends itself. */
  killNow(): void
}

/** Begins a command that the kernel ends with whoever started it. */
export const TIED_TO_US = ['setpriv', '--pdeathsig', 'KILL', '--'] as const

const GRACE_MS = 2_000
const LAST_LINES = 20

/** @throws {Error} when the command cannot be started */
export async function startProgram(command: readonly string[], options: ProgramOptions): Promise<Program> {
  const { name, log, through = [], env = process.env, graceMs = GRACE_MS } = options
  const file = await open(log, 'a')
  try {
    const [tied, ...tieArgs] = TIED_TO_US
    const child = spawn(tied, [...tieArgs, ...through, ...command], {
      env,
      // A session of its own: a Ctrl-C in the terminal is for us, and we stop it.
      detached: true,
      stdio: ['ignore', file.fd, file.fd],
    })
    await once(child, 'spawn')
    child.unref()
    return {
      name,
      // It was spawned.
      pid: child.pid as number,
      expectRunning: async () => {
        if (isRunning(child)) return
        const lines = (await readFile(log, 'utf8')).trimEnd().split('\n').slice(-LAST_LINES)
        throw new Error(`${name} has ended (${child.signalCode ?? child.exitCode}):\n${lines.join('\n')}`)
      },
      killNow: () => void child.kill('SIGKILL'),
      [Symbol.asyncDispose]: () => stop(child, graceMs),
    }
  } finally {
    await file.close()
  }
}

/**
 * Asks `check` until it gives something else than undefined, every `pollMs` milliseconds.
 * @param programs that must go on meanwhile
 * @throws {Error} naming `what` after `limitMs` milliseconds, or with the last lines of a program that has ended
 */
export async function waitUntil<Found>(
  what: string,
  check: () => Promise<Found | undefined>,
  { programs = [], limitMs = 60_000, pollMs = 50 }: WaitOptions = {},
): Promise<Found> {
  const deadline = performance.now() + limitMs
  for (;;) {
    const found = await check()
    if (found !== undefined) return found
    for (const program of programs) await program.expectRunning()
    if (performance.now() > deadline) throw new Error(`${what}: not within ${limitMs} ms`)
    await sleep(pollMs)
  }
}

export type WaitOptions = {
  readonly programs?: readonly Program[]
  readonly limitMs?: number
  readonly pollMs?: number
}

async function stop(child: ChildProcess, graceMs: number): Promise<void> {
  if (!isRunning(child)) return
  child.ref()
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await ended
  clearTimeout(timer)
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}
