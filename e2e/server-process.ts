/**
 * The server as a process of its own, as `agentos serve` starts it: free port, JSON log, a data directory that goes with
 * it. It knows the environment it is given and nothing of the caller's but PATH.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './condition.ts'

const SERVER = join(import.meta.dirname, '..', 'packages', 'server')
const ENTRY = join(SERVER, 'src', 'cli', 'main.ts')
/** Ends the server when the test process is gone, however it went. */
const FOLLOW_PARENT = join(SERVER, 'bin', 'follow-parent.js')

/** Compiled code of the server, as an image brings it along: the first server fills it, those after it start sooner. */
const COMPILE_CACHE = join(tmpdir(), 'agentos-e2e-compile-cache')

const START_TIMEOUT_MS = 50_000
const STOP_TIMEOUT_MS = 40_000

export type Env = Readonly<Record<string, string | undefined>>

export type LogLine = { readonly level: string; readonly message: string; readonly [field: string]: unknown }

export type ServerProcess = AsyncDisposable & {
  readonly url: string
  readonly pid: number
  readonly dataDir: string
  /** Lines of the log so far. */
  readonly log: readonly LogLine[]
  /** Everything written to both standard streams so far. */
  readonly output: () => string
  /** Asks it to end and waits. @returns its exit code; null when a signal ended it */
  readonly stop: () => Promise<number | null>
  /** SIGKILL, and waits. */
  readonly kill: () => Promise<void>
  /** @returns its exit code once it has ended; null when a signal ended it */
  readonly exited: Promise<number | null>
}

export type CommandResult = { readonly exitCode: number | null; readonly output: string }

type ServerOptions = {
  /** Agents folder, typed on the command line; without it, that of the settings. */
  readonly dir?: string
  readonly env?: Env
  /** Directory that outlives the server; without it, a fresh one that does not. */
  readonly dataDir?: string
}

/**
 * Starts a server and waits until it listens.
 * @throws {Error} with its output when it ends or stays silent instead
 */
export async function startServer({ dir, env = {}, dataDir: given }: ServerOptions): Promise<ServerProcess> {
  const dataDir = given ?? (await mkdtemp(join(tmpdir(), 'agentos-e2e-data-')))
  const running = spawnAgentOS(dir === undefined ? ['serve'] : ['serve', dir], { AGENTOS_DATA_DIR: dataDir, ...env })
  const { child, lines, log } = running
  const output = () => lines.join('\n')
  const exited = running.exited
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return withTimeout(exited, STOP_TIMEOUT_MS, () => {
      child.kill('SIGKILL')
      return `the server did not end after ${signal}:\n${output()}`
    })
  }
  const dispose = async () => {
    await end('SIGKILL')
    if (given === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    const address = await until(
      () => `the server to listen:\n${output()}`,
      () => {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(`the server ended (${child.exitCode ?? child.signalCode}):\n${output()}`)
        const line = log.find(({ message }) => message === 'listening')
        return typeof line?.['address'] === 'string' && line['address']
      },
      START_TIMEOUT_MS,
    )
    return {
      url: address.replace(/\/$/, ''),
      pid: child.pid ?? 0,
      dataDir,
      log,
      output,
      exited,
      stop: () => end('SIGTERM'),
      kill: async () => void (await end('SIGKILL')),
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** Runs a command of the server to its end. @param timeoutMs after which it is killed; the exit code is then null */
export async function runAgentOS(args: readonly string[], env: Env = {}, timeoutMs = 30_000): Promise<CommandResult> {
  const running = spawnAgentOS(args, env)
  const timer = setTimeout(() => running.child.kill('SIGKILL'), timeoutMs)
  const exitCode = await running.exited
  clearTimeout(timer)
  return { exitCode, output: running.lines.join('\n') }
}

type Spawned = { child: ChildProcess; lines: string[]; log: LogLine[]; exited: Promise<number | null> }

function spawnAgentOS(args: readonly string[], env: Env): Spawned {
  const child = spawn(process.execPath, ['--import', FOLLOW_PARENT, ENTRY, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      HOME: tmpdir(),
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      AGENTOS_PORT: '0',
      AGENTOS_LOG_FORMAT: 'json',
      ...env,
    },
  })
  const lines: string[] = []
  const log: LogLine[] = []
  const closed = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface(stream)) {
      lines.push(line)
      const entry = parseLog(line)
      if (entry !== undefined) log.push(entry)
    }
  })
  const exited = once(child, 'exit').then(async ([code]) => {
    await Promise.all(closed)
    return code as number | null
  })
  return { child, lines, log, exited }
}

function parseLog(line: string): LogLine | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as LogLine
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function withTimeout<T>(promise: Promise<T>, timeoutMs: number, onTimeout: () => string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(onTimeout())), timeoutMs)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
